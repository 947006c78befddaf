# SPDX-License-Identifier: GPL-2.0
"""
Many questions to services, by real sockets in processes of their own: servers that
say in their answer who they are and whom they see, so that who asks knows all of
it; and clients, which may be in a cgroup of their node's.
"""
import asyncio
import errno
import json
import os
import resource
import socket
import sys

import linux
import traffic as tr

AT_ONCE = 64
# What is refused by ICMP while connect() still holds the socket, as it may be where the answer
# comes on the same CPU, goes unheard (TcpExtLockDroppedIcmps): till the SYN is sent again.
CONNECT_S = max(tr.SILENCE_S, 1.8)


class Child:
    """@func(*args) in a process of its own, which is in @cgroup if there is one; result() is what it returned."""

    def __init__(self, func, *args, cgroup=None):
        me = os.getpid()
        self.read, write = os.pipe2(os.O_CLOEXEC)
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid:
            os.close(write)
            return
        try:
            linux.die_with_parent(me)
            if cgroup:
                cgroup.enter()
            out = {"result": func(*args)}
        except BaseException as e:
            out = {"error": f"{type(e).__name__}: {e}"}
        with os.fdopen(write, "w") as f:
            json.dump(out, f)
        os._exit(0)

    def result(self):
        with os.fdopen(self.read) as f:
            text = f.read()
        os.waitpid(self.pid, 0)
        self.pid = None
        out = json.loads(text or '{"error": "it died"}')
        if "error" in out:
            raise RuntimeError(out["error"])
        return out["result"]

    def kill(self):
        if self.pid:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
            os.close(self.read)
            self.pid = None


# ------------------------------------------------------------------ servers

async def _datagrams(name, sock):
    loop = asyncio.get_running_loop()
    while True:
        try:
            token, peer = await loop.sock_recvfrom(sock, 2048)
            sock.sendto(token + f" {name} {peer[0]}".encode(), peer)
        except OSError:
            continue	# an ICMP error about an answer that nobody waits for


async def _stream(name, conn, peer):
    loop = asyncio.get_running_loop()
    with conn:
        try:
            token = await loop.sock_recv(conn, 2048)
            await loop.sock_sendall(conn, token + f" {name} {peer[0]}".encode())
            await loop.sock_recv(conn, 64)
        except OSError:
            pass


async def _streams(name, sock):
    loop = asyncio.get_running_loop()
    tasks = set()
    while True:
        conn, peer = await loop.sock_accept(sock)
        conn.setblocking(False)
        tasks.add(task := loop.create_task(_stream(name, conn, peer)))
        task.add_done_callback(tasks.discard)


def _serve(socks, ready):
    async def every():
        for name, proto, sock in socks:
            asyncio.get_running_loop().create_task(
                _datagrams(name, sock) if proto == tr.UDP else _streams(name, sock))
        os.write(ready, b".")
        await asyncio.Event().wait()
    asyncio.run(every())


class Answerers:
    """Servers of @pods, {name: pod}, at @port of each of their addresses; close() ends them."""

    def __init__(self, pods, protos, port):
        many_files()
        servers = [(name, proto, tr.Server(p.ns, proto, addr, port))
                   for name, p in pods.items() for proto in protos for addr in p.addr.values()]
        read, write = os.pipe2(os.O_CLOEXEC)
        self.child = Child(_serve, [(n, proto, s.sock) for n, proto, s in servers], write)
        os.read(read, 1)
        for _, _, s in servers:
            s.sock.close()
        os.close(read)
        os.close(write)

    def close(self):
        self.child.kill()


def many_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# ------------------------------------------------------------------ clients

class Question:
    """
    @ns asks @proto @addr @port @times times one after the other, or until @enough backends
    have answered. @source: the address to ask from, or None. @ports: an iterator of the
    ports to ask from. @key: what it is called.
    """

    def __init__(self, key, ns, proto, to, source, ports, times=1, enough=1):
        self.key, self.ns, self.proto, self.source, self.ports = key, ns, proto, source, ports
        self.addr, self.port = to
        self.times, self.enough = times, enough

    def any(self):
        return "::" if ":" in self.addr else "0.0.0.0"


def _failure(sock, e):
    """What a client's OSError means. A firewall in its own way out may refuse, or say nothing more."""
    if e.errno == errno.EPERM:
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number in tr.REFUSED:
            return "refused"
    elif e.errno in tr.REFUSED:
        return "refused"
    elif e.errno != errno.ETIMEDOUT:
        raise e
    return "silent"


async def _exchange(q, sock):
    """[who answered, whom it saw], or "wrong" and more where it is an answer to something else."""
    loop = asyncio.get_running_loop()
    token = os.urandom(8).hex()
    await loop.sock_sendall(sock, token.encode())
    data = await asyncio.wait_for(loop.sock_recv(sock, 256), tr.SILENCE_S)
    words = data.decode().split(" ")
    if words[0] != token or len(words) != 3:
        return f"wrong: {data!r} to {token}"
    return words[1:]


async def _once(q):
    """"refused", "silent", or what _exchange() says."""
    with tr.new_socket(q.ns, q.proto, q.addr) as sock:
        if q.proto != tr.UDP:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            # until it is connected it would hear what comes to an IPv4 socket of the port
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((q.source or q.any(), next(q.ports)))
        try:
            await asyncio.wait_for(tr.connected(sock, (q.addr, q.port)), CONNECT_S)
            return await _exchange(q, sock)
        except (TimeoutError, asyncio.TimeoutError):
            return "silent"
        except OSError as e:
            return _failure(sock, e)


async def _answer(q, gate):
    """[[who, whom it saw]] and, last, a word if one of the tries failed."""
    out = []
    async with gate:
        for _ in range(q.times):
            got = await _once(q)
            if got not in out:
                out.append(got)
            if isinstance(got, str) or len({o[0] for o in out}) >= q.enough:
                break
    return [q.key, out]


async def _in_order(chains):
    gate = asyncio.Semaphore(AT_ONCE)

    async def chain(questions):
        return [await _answer(q, gate) for q in questions]
    return [x for got in await asyncio.gather(*(chain(qs) for qs in chains)) for x in got]


def _ask(chains):
    many_files()
    return asyncio.run(_in_order(chains))


def ask(chains, cgroup=None):
    """
    A Child whose result is [[key, answers]] of all questions in @chains: lists of
    Questions; those of one list are asked in their order, the lists together.
    """
    return Child(_ask, chains, cgroup=cgroup)
