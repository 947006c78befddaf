# SPDX-License-Identifier: GPL-2.0
"""
What tests of the module begin with: the module loaded, a node whose daemon has
bound its tables to it, two pods that talk. And the forms of keys and values
that these tests write by hand, as bpf/abi.h has them.
"""
import atexit
import ipaddress
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import genl  # noqa: E402
import kmod  # noqa: E402
import netns  # noqa: E402
import tap  # noqa: E402
from cluster import Cluster  # noqa: E402
from node import BUILD  # noqa: E402

RULESET_ADMIN, PORTS_ADMIN = 1 << 29, 1 << 31
DAEMON, ADMIN = 0, 1
DENY, ALLOW, PORTS = 0, 1, 2
DIRECT = 1
# What tests write, and a refusal must leave alone.
WRITTEN = ("rule", "port", "route", "acl")


def raw(addr):
    """The 16 bytes of an address."""
    a = ipaddress.ip_address(addr)
    return a.packed if a.version == 6 else b"\0" * 10 + b"\xff\xff" + a.packed


def prefix(text):
    """Key of a trie over addresses; a prefix of IPv4 counts from bit 96."""
    n = ipaddress.ip_network(text)
    return struct.pack("=I", n.prefixlen + (96 if n.version == 4 else 0)) + raw(n.network_address)


def route(kind=DIRECT, ifindex=1, origin=DAEMON, mtu=0, via="0.0.0.0"):
    return struct.pack("=BBHIII", kind, origin, mtu, ifindex, 0, 0) + raw(via)


def rule_key(rule_set, direction=0, peer=0):
    return struct.pack("=II", (rule_set << 1 | direction) & 0xffffffff, peer)


def rule(verdict=ALLOW, tier=2, ports=0, origin=DAEMON, number=7):
    return struct.pack("=BBBBIII", verdict, tier, 0, origin, number, 0, ports)


def port_key(port_set, proto=6, port=80, plen=56):
    return struct.pack("=IIBBBB", plen, port_set, proto, port >> 8, port & 255, 0)


def port(verdict=ALLOW, tier=2, origin=DAEMON, number=7):
    return struct.pack("=BBBBI", verdict, tier, origin, 0, number)


class Plane:
    """
    @pods: how many; @options of the daemon, words. The module is loaded before
    the daemon starts, so that the daemon's own loading binds it.
    """

    def __init__(self, pods=2, options=()):
        kmod.require()
        kmod.load()
        atexit.register(kmod.unload_if_loaded)
        self.cluster = Cluster()
        self.node = self.cluster.add_node(*options)
        self.pods = [self.cluster.add_pod(self.node, f"app/p{i}") for i in range(pods)]
        self.family = genl.Family(self.node.ns)
        self.ids = {t["name"]: t["id"] for t in self.family.dump("table-get")}

    def bind(self):
        """Gives the tables to a module that was loaded after them."""
        self.node.ns.run(f"{BUILD}/sluiced", "--bind", env=self.node.environ(),
                         timeout=30 * netns.SLOW)

    def reopen(self):
        """Another socket, after the module was loaded again; it has the tables when this returns."""
        self.family.close()
        self.family = genl.Family(self.node.ns)
        if not self.bound():
            self.bind()
        tap.check(self.bound(), "the tables are not bound behind sluiced --bind")

    def bound(self):
        return kmod.pipeline(self.family)

    # -------------------------------------------------------------- entries

    def item(self, op, table, key, value=None):
        return {"op": op, "table": self.ids.get(table, table), "key": key, "value": value}

    def change(self, *items, family=None, **more):
        """entry-mod; each item: (op, table, key[, value])."""
        return (family or self.family).do("entry-mod", item=[self.item(*i) for i in items], **more)

    def entries(self, table):
        """{key: value} by the family."""
        return {e["key"]: e["value"] for e in self.family.dump("entry-get", table=table)}

    def entry(self, table, key):
        """The value, or None."""
        try:
            return self.family.do("entry-get", table=table, key=key)["value"]
        except genl.Refused as e:
            tap.equal(e.text, "no such key", "entry-get")
            return None

    def pinned(self, table):
        """{key: value} by bpftool."""
        def data(words):
            return bytes(int(w, 16) for w in words)
        return {data(e["key"]): data(e["value"]) for e in self.node.dump(f"sl_{table}")}

    def state(self):
        """What no refused request may change."""
        now = {t: self.pinned(t) for t in WRITTEN}
        pipeline = self.family.do("pipeline-get")
        now["pipeline"] = {k: pipeline[k] for k in ("generation", "rules", "tables")}
        return now

    def report(self):
        self.cluster.report()


def refused(err, text, func, *args, attr=None, missing=None, at=None, **kwargs):
    """
    @func must be refused with @err, @text being part of the kernel's, @attr its
    attribute, and @at the number of the operation.
    """
    try:
        got = func(*args, **kwargs)
    except genl.Refused as e:
        tap.equal(e.errno, err, f"errno of {e}")
        tap.check(text in e.text, f"{e}: wanted the text '{text}'")
        if attr:
            tap.equal(e.attr, attr, f"attribute of {e}")
        if missing:
            tap.equal(e.missing, missing, f"missing attribute of {e}")
        if at is not None:
            tap.equal(e.cookie, struct.pack("=Q", at), f"operation of {e}")
        return e
    raise tap.Failed(f"accepted, answered {got!r}; wanted '{text}'")
