# SPDX-License-Identifier: GPL-2.0
"""What the daemon's tests share: its sockets by hand, its tables, a pod without a plugin."""
import json
import os
import socket
import subprocess

import netns
import tap
from node import BUILD

SLUICED = f"{BUILD}/sluiced"


class Raw:
    """The control socket as bytes."""

    def __init__(self, path, timeout=10):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.buf = b""

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        """The next line as an object; None at the end of the stream."""
        while b"\n" not in self.buf:
            try:
                data = self.sock.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        return json.loads(line)

    def ask(self, op, **args):
        self.send(json.dumps({"op": op, "args": args}).encode() + b"\n")
        return self.line()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def sluiced(*options, env=None, timeout=30):
    """Runs the daemon to its end; (exit status, output)."""
    p = subprocess.run([SLUICED, *options], env=env, timeout=timeout, text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode, p.stdout


def table(node, name):
    """A table of the pipeline, by `sluice table`."""
    return json.loads(node.sluice("table", "dump", name, "-o", "json"))


def addr_bytes(text):
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    return b"\0" * 10 + b"\xff\xff" + socket.inet_pton(socket.AF_INET, text)


def map_dump(node, name):
    """[(key, value)] as bytes, straight from the pinned map."""
    def raw(words):
        return bytes(int(b, 16) for b in words)
    return [(raw(e["key"]), raw(e["value"])) for e in node.dump(name)]


def hosts(node):
    """Addresses that the pipeline knows as the node's own."""
    return {k for k, v in map_dump(node, "sl_addr") if v[0] == 2}


def endpoints_in_kernel(node):
    """{address: id}."""
    return {k: int.from_bytes(v[4:8], "little")
            for k, v in map_dump(node, "sl_addr") if v[0] == 1}


def skip_with_sanitizer():
    with open(SLUICED, "rb") as f:
        if b"__asan_init" in f.read():
            raise tap.Skip("built with AddressSanitizer, whose memory would be measured")


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(l.split()[1]) for l in f if l.startswith("VmRSS"))


class HandMade:
    """A pod's device pair without the plugin: what a record is about."""

    count = 0

    def __init__(self, node, addr4, addr6=None, name=None):
        HandMade.count += 1
        i = HandMade.count
        self.node, self.container = node, f"hand{i}"
        self.dev, self.ns = f"slhand{i}", netns.Netns(f"{node.name}-hand{i}")
        node.ns.ip(f"link add {self.dev} type veth peer name eth0 netns {self.ns.name}")
        self.record = {
            "version": 1, "network": "test", "containerID": self.container, "ifname": "eth0",
            "netns": self.ns.path, "hostIfname": self.dev,
            "hostIfindex": node.ns.ifindex(self.dev), "mac": self.ns.mac("eth0"),
            "hostMac": node.ns.mac(self.dev), "addresses": [a for a in (addr4, addr6) if a],
            "mtu": 1500, "datapath": "veth", "podNamespace": "ns", "podName": name or f"hand{i}",
            "podUID": "", "ready": True}

    def add(self, **changes):
        with Raw(f"{self.node.dir}/run/sluiced.sock") as c:
            return c.ask("endpoint.add", **{**self.record, **changes})

    def ask(self, op):
        with Raw(f"{self.node.dir}/run/sluiced.sock") as c:
            return c.ask(op, containerID=self.container, ifname="eth0")

    def save(self):
        """The record as the plugin leaves it."""
        path = f"{self.node.dir}/state/endpoints"
        os.makedirs(path, mode=0o700, exist_ok=True)
        with open(f"{path}/{self.container}:eth0.json", "w") as f:
            json.dump(self.record, f)

    def unsave(self):
        os.unlink(f"{self.node.dir}/state/endpoints/{self.container}:eth0.json")

    def unplug(self):
        self.node.ns.ip(f"link del {self.dev}")
