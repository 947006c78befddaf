# SPDX-License-Identifier: GPL-2.0
"""
Traffic by real sockets between namespaces, all ends in this process. What
can wait for several things at once is a coroutine; go() runs some together.

Outcomes of a probe are words: "open" (data went there and back), "refused"
(the far end or a router said no), "silent" (nothing came back in time).
"""
import asyncio
import errno
import hashlib
import random
import socket
import struct
import time

import netns

# How long silence lasts before it is one. Everything here is one machine.
SILENCE_S = 1.0 * netns.SLOW
BLOCK = 65536
TOKEN = 16
# More than any test opens at once: past it the kernel drops the last segment
# of a handshake that the client takes for done.
BACKLOG = 4096

TCP, UDP, SCTP = "TCP", "UDP", "SCTP"
_KINDS = {
    TCP: (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    UDP: (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    SCTP: (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}


def family_of(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def go(*coros):
    """Runs coroutines together; returns the list of their results."""
    async def every():
        return await asyncio.gather(*coros)
    return asyncio.run(every())


def new_socket(ns, proto, addr):
    kind, number = _KINDS[proto]
    s = ns.socket(family_of(addr), kind, number)
    s.setblocking(False)
    return s


def have_sctp(ns):
    try:
        new_socket(ns, SCTP, "127.0.0.1").close()
        return True
    except OSError:
        return False


class Server:
    """
    A bound socket; listening where the protocol does that. Use with `with`.
    Any number of probes may ask it at once: answer() serves them all.
    """

    def __init__(self, ns, proto, addr, port):
        self.ns, self.proto, self.addr, self.port = ns, proto, addr, port
        self.sock = new_socket(ns, proto, addr)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((addr, port))
        self.port = self.sock.getsockname()[1]
        self.seen = {}	# token: who sent it
        self.answering = self.task = None
        self.turn = self.turn_of = None	# whose turn it is to accept, and in which loop
        if proto != UDP:
            self.sock.listen(BACKLOG)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def answer(self):
        """Sends tokens back reversed, for as long as the loop of the caller runs."""
        loop = asyncio.get_running_loop()
        if self.answering is not loop:
            self.answering = loop
            task = self._answer_datagrams() if self.proto == UDP else self._answer_streams()
            self.task = loop.create_task(task)

    async def _answer_datagrams(self):
        loop = asyncio.get_running_loop()
        while True:
            try:
                token, peer = await loop.sock_recvfrom(self.sock, 2048)
            except OSError:
                continue	# an ICMP error about an answer that somebody did not wait for
            self.seen[token] = peer
            self.sock.sendto(token[::-1], peer)

    async def _answer_streams(self):
        loop = asyncio.get_running_loop()
        tasks = set()
        while True:
            conn, peer = await loop.sock_accept(self.sock)
            task = loop.create_task(self._answer_stream(conn, peer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _answer_stream(self, conn, peer):
        loop = asyncio.get_running_loop()
        with conn:
            try:
                token = await loop.sock_recv(conn, 64)
                self.seen[token] = peer
                await loop.sock_sendall(conn, token[::-1])
                await loop.sock_recv(conn, 64)	# until the other side has read and closed
            except OSError:
                pass

    async def accept(self, timeout=SILENCE_S):
        """
        The next connection and whose it is; TimeoutError when none comes. Any
        number may wait at once: a loop remembers one reader for a socket, so
        they take turns.
        """
        loop = asyncio.get_running_loop()
        if self.turn_of is not loop:
            self.turn, self.turn_of = asyncio.Lock(), loop

        async def one():
            async with self.turn:
                return await loop.sock_accept(self.sock)
        return await asyncio.wait_for(one(), timeout)


async def _writable(sock):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.add_writer(sock, lambda: done.done() or done.set_result(None))
    try:
        await done
    finally:
        loop.remove_writer(sock)


async def connected(sock, to):
    """Connects it, or raises the OSError that this ended with."""
    err = sock.connect_ex(to)
    if err == errno.EINPROGRESS:
        await _writable(sock)
        err = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if err:
        raise OSError(err, errno.errorcode[err])


async def connect(ns, proto, addr, port, timeout=SILENCE_S, source=None):
    """
    A connected socket. @source: (address, port) to bind. Raises TimeoutError,
    or the OSError that the connection ended with.
    """
    s = new_socket(ns, proto, addr)
    try:
        if source:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(source)
        await asyncio.wait_for(connected(s, (addr, port)), timeout)
        return s
    except BaseException:
        s.close()
        raise


REFUSED = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES,
           errno.ECONNRESET, errno.ENOPROTOOPT, errno.EPROTO)


async def _exchange_token(sock, server, timeout):
    """A token there, its reverse back; returns whom the server saw."""
    loop = asyncio.get_running_loop()
    token = random.randbytes(TOKEN)
    await loop.sock_sendall(sock, token)
    if await asyncio.wait_for(loop.sock_recv(sock, 64), timeout) != token[::-1]:
        raise RuntimeError("other bytes came back than were sent")
    return server.seen.pop(token)


async def probe_peer(ns, server, addr=None, port=None, timeout=SILENCE_S):
    """
    Asks @server from @ns, at @addr and @port when they are not its own;
    returns (outcome, address the server saw).
    """
    addr, port = addr or server.addr, port or server.port
    server.answer()
    try:
        sock = await connect(ns, server.proto, addr, port, timeout)
        try:
            return "open", await _exchange_token(sock, server, timeout)
        finally:
            sock.close()
    except (TimeoutError, asyncio.TimeoutError):
        return "silent", None
    except OSError as e:
        if e.errno in REFUSED:
            return "refused", None
        if e.errno == errno.ETIMEDOUT:
            return "silent", None
        raise


async def probe(ns, server, addr=None, port=None, timeout=SILENCE_S):
    return (await probe_peer(ns, server, addr, port, timeout))[0]


def reach(ns, server, **kwargs):
    return go(probe(ns, server, **kwargs))[0]


def ask(ns, to, proto, addr, port, **kwargs):
    """One probe to a server made for it in namespace @to."""
    with Server(to, proto, addr, port) as s:
        return reach(ns, s, **kwargs)


# ------------------------------------------------------------------ streams

async def _send(sock, nbytes, seed):
    """Pseudo-random bytes; returns their hash."""
    loop = asyncio.get_running_loop()
    rnd, h = random.Random(seed), hashlib.blake2b()
    while nbytes:
        block = rnd.randbytes(min(BLOCK, nbytes))
        h.update(block)
        await loop.sock_sendall(sock, block)
        nbytes -= len(block)
    sock.shutdown(socket.SHUT_WR)
    return h.hexdigest()


async def _receive(sock):
    loop = asyncio.get_running_loop()
    h, n = hashlib.blake2b(), 0
    while data := await loop.sock_recv(sock, BLOCK):
        h.update(data)
        n += len(data)
    return n, h.hexdigest()


async def transfer(ns, server, nbytes, back=0, timeout=30 * netns.SLOW, addr=None):
    """@nbytes there, @back bytes back at the same time, over one connection; hashes checked."""
    a = await connect(ns, server.proto, addr or server.addr, server.port)
    b, _ = await server.accept()
    with a, b:
        h_ab, h_ba, got_ab, got_ba = await asyncio.wait_for(asyncio.gather(
            _send(a, nbytes, 1), _send(b, back, 2), _receive(b), _receive(a)), timeout)
    if got_ab != (nbytes, h_ab):
        raise RuntimeError(f"of {nbytes} bytes {got_ab[0]} arrived, or others")
    if got_ba != (back, h_ba):
        raise RuntimeError(f"of {back} bytes {got_ba[0]} came back, or others")


class Stream:
    """An open connection that is looked at now and then: does data still pass both ways?"""

    def __init__(self, ns, server, addr=None):
        self.server = server

        async def both():
            a = await connect(ns, server.proto, addr or server.addr, server.port)
            b, _ = await server.accept()
            return a, b
        self.a, self.b = go(both())[0]
        self.count = 0

    async def check(self, timeout=SILENCE_S):
        loop = asyncio.get_running_loop()
        for src, dst in ((self.a, self.b), (self.b, self.a)):
            self.count += 1
            msg = struct.pack("!Q", self.count) * 8
            await loop.sock_sendall(src, msg)
            got = b""
            while len(got) < len(msg):
                data = await asyncio.wait_for(loop.sock_recv(dst, len(msg) - len(got)), timeout)
                if not data:
                    raise ConnectionError("closed")
                got += data
            if got != msg:
                raise RuntimeError("other bytes arrived than were sent")

    def alive(self, timeout=SILENCE_S):
        try:
            go(self.check(timeout))
            return True
        except (TimeoutError, asyncio.TimeoutError, ConnectionError):
            return False

    def close(self):
        self.a.close()
        self.b.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ------------------------------------------------------------- ICMP, errors

# linux/errqueue.h, linux/in.h, linux/in6.h
IP_RECVERR, IPV6_RECVERR = 11, 25
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO, PMTUDISC_PROBE = 10, 23, 2, 3
IP_MTU, IPV6_MTU = 14, 24
IPV6_UNICAST_HOPS = 16
SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 = 2, 3


class IcmpError:
    """An ICMP error as the socket it is about was told."""

    def __init__(self, data):
        self.errno, self.origin, self.type, self.code, _, self.info, _ = \
            struct.unpack_from("=IBBBBII", data)
        rest = data[16:]
        family = struct.unpack_from("=H", rest)[0] if len(rest) >= 2 else 0
        self.offender = None
        if family == socket.AF_INET:
            self.offender = socket.inet_ntop(socket.AF_INET, rest[4:8])
        elif family == socket.AF_INET6:
            self.offender = socket.inet_ntop(socket.AF_INET6, rest[8:24])

    def __repr__(self):
        return (f"{errno.errorcode.get(self.errno, self.errno)} type {self.type} code {self.code} "
                f"info {self.info} from {self.offender}")


def ask_for_errors(sock):
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)


def dont_fragment(sock, how=PMTUDISC_DO):
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, how)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, how)


def path_mtu(sock):
    """What the kernel believes of a connected socket's path."""
    if sock.family == socket.AF_INET:
        return sock.getsockopt(socket.IPPROTO_IP, IP_MTU)
    return sock.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)


def set_ttl(sock, ttl):
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl)


def next_error(sock, timeout=SILENCE_S):
    """The next IcmpError of a socket's error queue, or None in time."""
    deadline = time.monotonic() + timeout
    sock.setblocking(False)
    while time.monotonic() < deadline:
        try:
            _, anc, _, _ = sock.recvmsg(BLOCK, 512, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            time.sleep(0.002)
            continue
        for level, kind, data in anc:
            if (level, kind) in ((socket.IPPROTO_IP, IP_RECVERR),
                                 (socket.IPPROTO_IPV6, IPV6_RECVERR)):
                return IcmpError(data)
    return None


class Ping:
    """
    Echo requests from a ping socket: the kernel picks the identifier, as
    ping(8) lets it. Errors are read from the socket's queue.
    """
    V4_REQUEST, V6_REQUEST = 8, 128

    def __init__(self, ns, addr):
        v6 = family_of(addr) == socket.AF_INET6
        proto = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
        self.sock = ns.socket(family_of(addr), socket.SOCK_DGRAM, proto)
        self.type = self.V6_REQUEST if v6 else self.V4_REQUEST
        ask_for_errors(self.sock)
        self.sock.connect((addr, 0))
        self.seq = 0

    def send(self, size=56):
        self.seq += 1
        body = random.Random(self.seq).randbytes(size)
        self.sock.setblocking(True)
        self.sock.send(struct.pack("!BBHHH", self.type, 0, 0, 0, self.seq) + body)
        return body

    def ask(self, size=56, timeout=SILENCE_S):
        """Returns "reply", an IcmpError, or None."""
        body = self.send(size)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            err = next_error(self.sock, 0.005)
            if err:
                return err
            try:
                data = self.sock.recv(BLOCK)
            except BlockingIOError:
                continue
            except OSError:
                continue	# the pending error; its particulars are in the queue
            if struct.unpack_from("!H", data, 6)[0] == self.seq:
                if data[8:] != body:
                    raise RuntimeError("the echo has other bytes")
                return "reply"
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


def ping(ns, addr, size=56, timeout=SILENCE_S):
    with Ping(ns, addr) as p:
        return p.ask(size, timeout)


def datagram(ns, server, size, timeout=SILENCE_S, addr=None):
    """One datagram of @size bytes there and back, checked; True when both arrived."""
    body = random.Random(size).randbytes(size)
    with new_socket(ns, UDP, server.addr) as a:
        a.connect((addr or server.addr, server.port))
        a.setblocking(True)
        a.settimeout(timeout)
        a.send(body)
        server.sock.settimeout(timeout)
        try:
            got, peer = server.sock.recvfrom(BLOCK)
            if got != body:
                raise RuntimeError("other bytes arrived than were sent")
            server.sock.sendto(got, peer)
            if a.recv(BLOCK) != body:
                raise RuntimeError("other bytes came back than were sent")
            return True
        except TimeoutError:
            return False
        finally:
            server.sock.setblocking(False)
