# SPDX-License-Identifier: GPL-2.0
"""
Packets written by hand and looked for at the other end's device: whether one
arrives is the verdict of the programs. Each carries a number, so that every
single one is accounted for.
"""
import ipaddress
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import netns
from node import BUILD

SPORT, SPORTS = 40000, 20000	# none of them is a port that is asked for
STEADY, STEADIES = 39000, 900	# of the flows that go on during one step
NUMBERS = {"TCP": 6, "UDP": 17, "SCTP": 132}
ROUND_S = 0.0005
ROUNDS = 2			# of packets after each write: first packets, and the others
ARRIVAL_S = 1.0 * netns.SLOW	# within this what is let through is there
SYN, ACK = 2, 16
ETH_P = {4: 0x0800, 6: 0x86dd}
SO_RCVBUFFORCE = 33
PACKET_OUTGOING = 4
_SEQ = {6: 4, 17: 8, 132: 16}	# where in each protocol's first packet the number is


def checksum(data, start=0):
    if len(data) % 2:
        data += b"\0"
    total = start + sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def _payload(proto, sport, dport, number, flags):
    """The transport header with a checksum of 0, and where that belongs."""
    if proto == 6:
        # one of a conversation keeps its wrong checksum: no kernel answers it by a reset
        return struct.pack("!HHIIBBHHH", sport, dport, number, 0, 0x50, flags or SYN, 65535, 0, 0), \
            None if flags else 16
    if proto == 17:
        return struct.pack("!HHHHI", sport, dport, 12, 0, number), 6
    # INIT. Its CRC32c stays 0: only the receiver's own SCTP would look at it
    return struct.pack("!HHIIBBHIIHHI", sport, dport, 0, 0, 1, 0, 20, number, 65535, 1, 1, 1), None


def packet(src, dst, proto, sport, dport, number, flags=0):
    """
    An IP packet; @src and @dst: ipaddress objects, @proto a number. @flags: of
    TCP, of a conversation that the kernels of both ends are to know nothing of.
    """
    body, at = _payload(proto, sport, dport, number, flags)
    if at is not None:
        pseudo = src.packed + dst.packed + struct.pack("!II", len(body), proto)
        total = checksum(pseudo + body) or 0xffff
        body = body[:at] + struct.pack("!H", total) + body[at + 2:]
    if src.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(body), proto, 64) + src.packed + dst.packed + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, 64, proto, 0) + \
        src.packed + dst.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def parse(data):
    """((src, dst, proto, dport), number) of a packet that may be one of ours, or None."""
    if len(data) < 20:
        return None
    if data[0] >> 4 == 4:
        proto, src, dst, at = data[9], data[12:16], data[16:20], (data[0] & 15) * 4
    elif len(data) >= 40:
        proto, src, dst, at = data[6], data[8:24], data[24:40], 40
    else:
        return None
    if proto not in _SEQ or len(data) < at + _SEQ[proto] + 4:
        return None
    return ((src, dst, proto, int.from_bytes(data[at + 2:at + 4], "big")),
            int.from_bytes(data[at + _SEQ[proto]:at + _SEQ[proto] + 4], "big"))


class Place:
    """Where packets start and arrive: device @dev in @ns, with the node's MAC @gate beyond it."""

    def __init__(self, ns, dev, gate):
        self.sock = ns.packet_socket(dev)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.sock.setblocking(False)
        head = bytes.fromhex((gate + ns.mac(dev)).replace(":", ""))
        self.head = {v: head + struct.pack("!H", ETH_P[v]) for v in ETH_P}
        self.seen = set()

    def send(self, version, data):
        try:
            self.sock.send(self.head[version] + data)
        except BlockingIOError:
            return False
        return True

    def collect(self):
        while True:
            try:
                data, where = self.sock.recvfrom(256)
            except BlockingIOError:
                return
            if where[2] != PACKET_OUTGOING:
                self.seen.add(parse(data[14:]))

    def close(self):
        self.sock.close()


class Probe:
    """
    One question, (source, destination, protocol, port), asked by packets again
    and again: first packets of connections, of one flow that goes on, and of a
    TCP connection that was opened before.
    """

    count = 0

    def __init__(self, question, places, sport=STEADY):
        src, dst, protocol, port = question
        self.question = question
        self.src, self.dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
        self.proto, self.port, self.sport = NUMBERS[protocol], port, sport
        self.start, self.end = places[src], places[dst]
        self.key = (self.src.packed, self.dst.packed, self.proto, port)
        self.back = (self.dst.packed, self.src.packed, self.proto, sport)
        self.sent = []		# (where it should arrive, as what, its number)
        self.open = False

    def _number(self):
        Probe.count += 1
        return Probe.count

    def send(self, steady=False):
        """@steady: of the flow that goes on, where packets have flows and no handshake."""
        n = self._number()
        sport = self.sport if steady and self.proto == 17 else SPORT + n % SPORTS
        if self.start.send(self.src.version, packet(self.src, self.dst, self.proto, sport, self.port, n)):
            self.sent.append((self.end, self.key, n))

    def _say(self, flags):
        n = self._number()
        data = packet(self.src, self.dst, self.proto, self.sport, self.port, n, flags)
        if self.start.send(self.src.version, data):
            self.sent.append((self.end, self.key, n))

    def _answer(self, flags):
        n = self._number()
        data = packet(self.dst, self.src, self.proto, self.port, self.sport, n, flags)
        if self.end.send(self.src.version, data):
            self.sent.append((self.start, self.back, n))

    def connect(self):
        """Opens the TCP connection, which has to be allowed; from then on talk() is heard."""
        self._say(SYN)
        self._answer(SYN | ACK)
        self._say(ACK)
        self.open = True

    def talk(self):
        self._say(ACK)
        self._answer(ACK)

    def arrived(self):
        """How many of those sent."""
        return sum((key, n) in place.seen for place, key, n in self.sent)


def forget(places):
    for place in places.values():
        place.collect()
        place.seen.clear()


def gather(probes, places, awaited):
    """Collects until all of the probes @awaited have arrived, or time is up."""
    deadline = time.monotonic() + ARRIVAL_S
    while True:
        for place in set(places.values()):
            place.collect()
        if all(p.arrived() == len(p.sent) for p in awaited) or time.monotonic() > deadline:
            return {p.question: (p.arrived(), len(p.sent)) for p in probes}
        time.sleep(0.002)


def once(questions, places, expected):
    """One packet for each question; {question: did it arrive?}. @expected: those that should."""
    forget(places)
    probes = [Probe(q, places) for q in questions]
    for p in probes:
        p.send()
    got = gather(probes, places, [p for p in probes if p.question in expected])
    return {q: bool(arrived) for q, (arrived, _) in got.items()}


class Steady(threading.Thread):
    """
    `with Steady(questions, places, allowed) as s:` asks all the time; afterwards
    s.results(must): {question: (arrived, sent)}. @allowed: those for which a TCP
    connection can be opened before.

    What a commit leaves in the tables from one write to the next is there for
    some microseconds. s.step(pid) stops that process after each of its writes,
    and lets it go on when all has been asked of what is half done.
    """

    count = 0

    def __init__(self, questions, places, allowed):
        super().__init__(daemon=True)
        forget(places)
        Steady.count += 1
        sport = STEADY + Steady.count % STEADIES
        self.places, self.probes = places, [Probe(q, places, sport) for q in questions]
        for p in self.probes:
            if p.proto == 6 and p.question in allowed:
                p.connect()
        self.ending, self.rounds = False, 0
        self.lock, self.stepper = threading.Lock(), None
        self.writes = 0

    def step(self, pid, kill_at=None):
        """@kill_at: the number of the write that the process does not survive."""
        with self.lock:
            self.pid, self.kill_at, self.stopped = pid, kill_at, 0
            self.stepper = subprocess.Popen([f"{BUILD}/selftests/soak/stepper", str(pid)], bufsize=0,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            if self.stepper.stdout.read(1) != b"+":
                raise netns.Error(f"process {pid} can't be traced")

    def go(self):
        """Nobody is stopped any more."""
        with self.lock:
            self._end_stepper()

    def _end_stepper(self):
        if self.stepper:
            self.stepper.kill()
            self.stepper.communicate()
        self.stepper = None

    def _let_run(self):
        with self.lock:
            if not self.stepper:
                return False
            if self.stopped:
                self.stopped -= 1
                if self.stopped:
                    return True
                self.stepper.stdin.write(b".")
            if not select.select([self.stepper.stdout], [], [], ROUND_S)[0]:
                return True
            if not self.stepper.stdout.read(1):
                self._end_stepper()
                return False
            self.writes += 1
            self.stopped = ROUNDS
            if self.writes == self.kill_at:
                os.kill(self.pid, signal.SIGKILL)
                self._end_stepper()
            return True

    def run(self):
        while not self.ending:
            for p in self.probes:
                if p.open and self.rounds % 2:
                    p.talk()
                else:
                    p.send(steady=self.rounds % 2)
            self.rounds += 1
            if not self._let_run():
                time.sleep(ROUND_S)

    def __enter__(self):
        self.start()
        netns.wait_for("the first packets", lambda: self.rounds > 1)
        return self

    def __exit__(self, *_):
        self.go()
        until = self.rounds + 2
        netns.wait_for("the last packets", lambda: self.rounds >= until or not self.is_alive())
        self.ending = True
        self.join()

    def results(self, must):
        """@must: the questions of which every packet has to arrive."""
        return gather(self.probes, self.places, [p for p in self.probes if p.question in must])

    def afterwards(self, must):
        """The same for some more packets of what was going on all the time."""
        for p in self.probes:
            p.sent = []
            p.talk() if p.open else p.send(steady=True)
        return self.results(must)
