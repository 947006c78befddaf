# SPDX-License-Identifier: GPL-2.0
"""
Traffic that runs beside a test, in a thread, and says at the end what became
of every datagram and every byte: open connections that something is done to.
"""
import hashlib
import random
import selectors
import socket
import struct
import sys
import threading
import time

import tap
import traffic as tr

TICK_S = 0.002
# Large enough that only the dataplane can lose a datagram, not a late reader.
RCVBUF = 16 << 20
SO_RCVBUFFORCE = 33
TCP_BLOCK = 4096
TCP_INFO_TOTAL_RETRANS = 100	# offset of tcpi_total_retrans, linux/tcp.h


def retransmits(*socks):
    total = 0
    for s in socks:
        info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        total += int.from_bytes(info[TCP_INFO_TOTAL_RETRANS:TCP_INFO_TOTAL_RETRANS + 4],
                                sys.byteorder)
    return total


class _Udp:
    """Numbered datagrams, one a tick in each direction."""

    def __init__(self, name, ns, server):
        self.name = f"{name}, UDP"
        self.a = tr.new_socket(ns, tr.UDP, server.addr)
        self.a.connect((server.addr, server.port))
        self.b = server.sock
        self.a.send(b"hello")
        self.b.settimeout(tr.SILENCE_S)
        _, peer = self.b.recvfrom(100)
        # a socket of its own for the far end, so that it can be connected too
        self.b.connect(peer)
        for s in (self.a, self.b):
            s.setblocking(False)
            s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF)
        self.sent = 0
        self.got = {self.a: set(), self.b: set()}
        self.longest = 0.0	# between two arrivals, seconds
        self.last = None

    def socks(self):
        return (self.a, self.b)

    def send(self):
        for s in self.socks():
            s.send(struct.pack("!Q", self.sent))
        self.sent += 1

    def receive(self, sock):
        while True:
            try:
                self.got[sock].add(struct.unpack("!Q", sock.recv(100))[0])
            except BlockingIOError:
                break
        now = time.monotonic()
        if self.last:
            self.longest = max(self.longest, now - self.last)
        self.last = now

    def finished(self):
        return all(len(got) == self.sent for got in self.got.values())

    def complaints(self):
        for s, way in ((self.a, "back"), (self.b, "there")):
            lost = sorted(set(range(self.sent)) - self.got[s])
            if lost:
                yield f"{self.name}: {len(lost)} of {self.sent} lost on the way {way}: {lost[:20]}"


class _Tcp:
    """A block a tick in each direction, compared byte by byte through a hash."""

    def __init__(self, name, ns, server):
        self.name = f"{name}, TCP"
        st = tr.Stream(ns, server)
        self.a, self.b = st.a, st.b
        self.rnd = {s: random.Random(i) for i, s in enumerate((self.a, self.b))}
        self.out = {s: hashlib.blake2b() for s in (self.a, self.b)}
        self.into = {s: hashlib.blake2b() for s in (self.a, self.b)}
        self.pending = {s: b"" for s in (self.a, self.b)}
        self.sent = {s: 0 for s in (self.a, self.b)}
        self.received = {s: 0 for s in (self.a, self.b)}
        self.failure = None

    def socks(self):
        return (self.a, self.b)

    def send(self):
        for s in self.socks():
            if not self.pending[s]:
                self.pending[s] = self.rnd[s].randbytes(TCP_BLOCK)
            self._push(s)

    def _push(self, s):
        try:
            n = s.send(self.pending[s])
        except BlockingIOError:
            return
        except OSError as e:
            self.failure = self.failure or e
            return
        self.out[s].update(self.pending[s][:n])
        self.sent[s] += n
        self.pending[s] = self.pending[s][n:]

    def receive(self, s):
        try:
            data = s.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError as e:
            self.failure = self.failure or e
            return
        if not data:
            self.failure = self.failure or "closed"
        self.into[s].update(data)
        self.received[s] += len(data)

    def finished(self):
        return self.failure or (self.received[self.a] == self.sent[self.b] and
                                self.received[self.b] == self.sent[self.a])

    def complaints(self):
        if self.failure:
            yield f"{self.name}: {self.failure!r}"
            return
        for x, y in ((self.a, self.b), (self.b, self.a)):
            if (self.sent[x], self.out[x].digest()) != (self.received[y], self.into[y].digest()):
                yield f"{self.name}: sent {self.sent[x]} bytes, {self.received[y]} arrived, or others"
        n = retransmits(self.a, self.b)
        if n:
            yield f"{self.name}: {n} segments sent again: packets were lost"


class Load(threading.Thread):
    """
    with Load() as load:
        load.add("a to b", ns_a, ns_b, addr)
        load.begin()
        ...what is done meanwhile...
        load.end()

    end() fails the test if one datagram or segment was lost.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.flows, self.servers = [], []
        self.ending = threading.Event()
        self.error = None
        self.port = 9000

    def add(self, name, ns, to, addr):
        """A UDP and a TCP flow from namespace @ns to @addr in @to."""
        for proto, kind in ((tr.UDP, _Udp), (tr.TCP, _Tcp)):
            self.port += 1
            server = tr.Server(to, proto, addr, self.port)
            self.servers.append(server)
            self.flows.append(kind(name, ns, server))

    def begin(self):
        self.start()

    def run(self):
        try:
            self._run()
        except BaseException as e:
            self.error = e

    def _run(self):
        sel = selectors.DefaultSelector()
        for f in self.flows:
            for s in f.socks():
                sel.register(s, selectors.EVENT_READ, f)
        due = time.monotonic()
        deadline = None
        while True:
            now = time.monotonic()
            if self.ending.is_set():
                deadline = deadline or now + 5
                if all(f.finished() for f in self.flows) or now > deadline:
                    return
            elif now >= due:
                due = max(due + TICK_S, now - 0.1)
                for f in self.flows:
                    f.send()
            for key, _ in sel.select(max(0, min(due - now, TICK_S)) if not deadline else TICK_S):
                key.data.receive(key.fileobj)

    def end(self):
        self.ending.set()
        self.join(20)
        if self.error:
            raise self.error
        sent = sum(f.sent for f in self.flows if isinstance(f, _Udp)) * 2
        nbytes = sum(sum(f.sent.values()) for f in self.flows if isinstance(f, _Tcp))
        gap = max(f.longest for f in self.flows if isinstance(f, _Udp))
        tap.diag(f"{sent} datagrams, {nbytes} bytes of TCP in {len(self.flows)} flows; "
                 f"longest silence {gap * 1000:.0f} ms")
        bad = [text for f in self.flows for text in f.complaints()]
        tap.check(not bad, "\n".join(bad))
        tap.check(sent > 100 and nbytes > 100_000, "the load did hardly run")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ending.set()
        if self.is_alive():
            self.join(20)
        for s in self.servers:
            s.sock.close()
        for f in self.flows:
            for s in f.socks():
                s.close()
