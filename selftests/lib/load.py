# SPDX-License-Identifier: GPL-2.0
"""
Traffic that runs beside a test, in a process, and says at the end what became
of every datagram and every byte: open connections that something is done to.
"""
import hashlib
import json
import os
import random
import selectors
import socket
import struct
import sys
import time

import linux
import tap
import traffic as tr

TICK_S = 0.002
MIN_TICKS = 100	# what was done meanwhile may be over in less on a fast machine
MIN_S = 10	# and may take a slow one no longer than that
DRAIN_S = 5	# for what is still on its way at the end
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


class Load:
    """
    with Load() as load:
        load.add("a to b", ns_a, ns_b, addr)
        load.begin()
        ...what is done meanwhile...
        load.end()

    end() fails the test if one datagram or segment was lost. A process of its
    own keeps the rate, whatever the test computes.
    """

    def __init__(self):
        self.flows, self.servers = [], []
        self.pid = None
        self.port = 9000

    def add(self, name, ns, to, addr):
        """A UDP and a TCP flow from namespace @ns to @addr in @to."""
        for proto, kind in ((tr.UDP, _Udp), (tr.TCP, _Tcp)):
            self.port += 1
            server = tr.Server(to, proto, addr, self.port)
            self.servers.append(server)
            self.flows.append(kind(name, ns, server))

    def begin(self):
        me = os.getpid()
        stop_r, self.stop = os.pipe2(os.O_CLOEXEC)
        self.result, result_w = os.pipe2(os.O_CLOEXEC)
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid:
            os.close(stop_r)
            os.close(result_w)
            return
        try:
            linux.die_with_parent(me)
            os.close(self.stop)
            try:
                self._run(stop_r)
                result = self._result()
            except Exception as e:
                result = {"error": f"{type(e).__name__}: {e}"}
            with os.fdopen(result_w, "w") as f:
                json.dump(result, f)
        finally:
            os._exit(0)

    def _run(self, stop):
        sel = selectors.DefaultSelector()
        sel.register(stop, selectors.EVENT_READ, None)
        for f in self.flows:
            for s in f.socks():
                sel.register(s, selectors.EVENT_READ, f)
        due = time.monotonic()
        ticks = 0
        stopped = deadline = None
        while True:
            now = time.monotonic()
            if stopped and not deadline and (ticks >= MIN_TICKS or now > stopped + MIN_S):
                deadline = now + DRAIN_S
            if deadline:
                if all(f.finished() for f in self.flows) or now > deadline:
                    return
            elif now >= due:
                due = max(due + TICK_S, now - 0.1)
                ticks += 1
                for f in self.flows:
                    f.send()
            for key, _ in sel.select(TICK_S if deadline else max(0, due - now)):
                if key.data:
                    key.data.receive(key.fileobj)
                else:
                    sel.unregister(stop)
                    stopped = now

    def _result(self):
        udp = [f for f in self.flows if isinstance(f, _Udp)]
        tcp = [f for f in self.flows if isinstance(f, _Tcp)]
        return {"datagrams": 2 * sum(f.sent for f in udp),
                "bytes": sum(sum(f.sent.values()) for f in tcp),
                "gap": max(f.longest for f in udp),
                "bad": [text for f in self.flows for text in f.complaints()]}

    def _finish(self):
        os.close(self.stop)
        with os.fdopen(self.result) as f:
            text = f.read()
        os.waitpid(self.pid, 0)
        self.pid = None
        return json.loads(text or '{"error": "the load died"}')

    def end(self):
        res = self._finish()
        tap.check("error" not in res, res.get("error"))
        tap.diag(f"{res['datagrams']} datagrams, {res['bytes']} bytes of TCP in {len(self.flows)} "
                 f"flows; longest silence {res['gap'] * 1000:.0f} ms")
        tap.check(not res["bad"], "\n".join(res["bad"]))
        tap.check(res["datagrams"] >= MIN_TICKS and res["bytes"] > 100_000,
                  "the load did hardly run")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            self._finish()
        for s in self.servers:
            s.sock.close()
        for f in self.flows:
            for s in f.socks():
                s.close()
