# SPDX-License-Identifier: GPL-2.0
"""
What the kernel module costs and what it can do; in a virtual machine. The cost
for packets is that of a node whose pipeline is bound to the module, with nobody
listening, against another one's beside it which is not: the same packets on both
at once. The two change places half-way, since where tables happen to lie in
memory costs as well.
"""
import glob
import json
import os

import genl
import kmod
import netns
from . import load
from .figure import show
from .flows import Live, run_cases
from .node import pair_objects
from .scope import Missing, Scope, built
from .topology import Path

HIT, MISS, RR = "module_flow_hit_ratio", "module_flow_miss_ratio", "module_tcp_rr_ratio"
TXN, TXN_MS, BATCH_MS = "module_txn_ratio", "module_txn_ms", "module_batch_ms"
PACKETS, ENTRIES = (HIT, MISS, RR), (TXN, TXN_MS, BATCH_MS)
NAMES = [*PACKETS, *ENTRIES]
NENTRIES = 100000
HELPER = "selftests/kmod/flows"


class Node(Live):
    """A live one whose pipeline is the module's as well, or is not."""

    def __init__(self, scope, name, opts, spec):
        super().__init__(scope, name, pair_objects(), opts, 1)
        self.family = genl.Family(self.node.ns, spec=spec)
        scope.callback(self.family.close)

    def is_bound(self):
        return kmod.pipeline(self.family) is not None

    def bind(self, yes):
        if yes and not self.is_bound():
            self.node.ns.run(self.node.daemon_path, "--bind", env=self.node.env,
                             timeout=60 * netns.SLOW)
        elif not yes and self.is_bound():
            self.family.do("pipeline-del")
        if self.is_bound() != yes:
            raise netns.Error(f"{self.node.name}: bound is {not yes}")

    def packets(self, kind, proto):
        return self.case(self.node.name, kind, proto, self.client[4], self.server[4])

    def path(self):
        return Path(self.node.name, self.client_ns, self.server_ns, self.server[4])


def in_turn(nodes, measure):
    """(bound, unbound) samples of measure(): {node: samples}, each of the two bound for a half."""
    bound, unbound = [], []
    for mine, other in (nodes, nodes[::-1]):
        mine.bind(True)
        other.bind(False)
        got = measure()
        bound += got[mine.node.name]
        unbound += got[other.node.name]
    return bound, unbound


def packets(figures, opts):
    with Scope() as scope:
        spec = genl.Spec()
        nodes = [Node(scope, name, opts, spec) for name in ("here", "there")]
        against = "the same, no pipeline bound"

        def test_runs(kind, proto, repeat):
            cases = [n.packets(kind, proto) for n in nodes]
            return in_turn(nodes, lambda: run_cases(nodes[0], opts.runs, repeat, cases))

        def traffic():
            paths = [n.path() for n in nodes]
            return in_turn(nodes, lambda: load.measure("tcp_rr", paths, opts))
        for name, measure in ((HIT, lambda: test_runs("hit", "tcp", opts.repeat)),
                              (MISS, lambda: test_runs("miss", "udp", opts.repeat // 2)),
                              (RR, traffic)):
            if figures.wants(name):
                figures.ratio(name, *measure(), against)


def entries(figures, opts):
    """100,000 rules in one transaction over netlink, and by bpf(2) in batches, by turns."""
    with Scope() as scope:
        live = Node(scope, "entries", opts, genl.Spec())
        live.bind(True)
        table = next(t["id"] for t in live.family.dump("table-get") if t["name"] == "rule")
        pin, = glob.glob(f"{live.node.pin_root}/v*/maps/sl_rule")

        def ms(*words):
            out = live.node.ns.run(built(HELPER), *words, NENTRIES, timeout=300 * netns.SLOW)
            return 1000 * json.loads(out)["seconds"]
        batch, txn = [], []
        for _ in range(max(3, opts.runs // 5)):
            batch.append(ms("write", pin))
            txn.append(ms("txn", table))
        figures.add(BATCH_MS, "ms", batch)
        figures.add(TXN_MS, "ms", txn)
        figures.ratio(TXN, txn, batch, "bpf(2), in batches")


def with_module(measure, opts):
    def part(figures):
        if not os.environ.get("SLUICE_KMOD"):
            raise Missing("the module is loaded in virtual machines only: make bench-vm")
        show("With the kernel module")
        with kmod.loaded():
            measure(figures, opts)
    return part


def parts(opts):
    return [(PACKETS, with_module(packets, opts)), (ENTRIES, with_module(entries, opts))]
