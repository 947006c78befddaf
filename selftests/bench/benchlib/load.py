# SPDX-License-Identifier: GPL-2.0
"""Traffic figures: every load over every path in turn, ratios within a round."""
import json

import netns
from . import topology
from .figure import show
from .scope import Missing, Scope, built, cpus

MODES = {"tcp_rr": "1/s", "tcp_crr": "1/s", "udp_rr": "1/s", "tcp_stream": "Gbit/s",
         "pps": "packets/s"}
# what ours is compared with: path, its name in the figure, what it is
AGAINST = [("least", "least_bpf", "least BPF forwarder"),
           ("nft", "kernel", "kernel routing, kube-proxy nftables, 1000 services"),
           ("ipt", "iptables", "kernel routing, kube-proxy iptables, 1000 services"),
           ("route", "route", "kernel routing"),
           ("direct", "direct", "one veth pair")]


def names(mode):
    """Figures of a load."""
    return ([mode] + [f"{mode}_vs_{name}" for _, name, _ in AGAINST] +
            [f"{mode}_{name}" for _, name, _ in AGAINST])


def all_names():
    return [n for mode in MODES for n in names(mode)]


def paths(scope, figures, ours):
    """Every path that can be made here; the reasons of those that cannot are shown."""
    out = []
    for make in (topology.direct, topology.route, topology.nft, topology.ipt, topology.least, ours):
        try:
            out.append(make(scope))
        except (Missing, netns.Error) as e:
            show(f"  no path '{make.__name__}': {e}")
    return out


def measure(mode, ways, rounds, slice_ms):
    client, server = cpus()
    out = netns.run(built("selftests/bench/perf"), mode, "-r", rounds, "-d", slice_ms, "-w",
                    max(5, slice_ms // 5), "-c", client, "-s", server, *(w.arg() for w in ways),
                    timeout=600)
    return {name: p["samples"] for name, p in json.loads(out)["paths"].items()}


def report(figures, mode, rates):
    unit = MODES[mode]
    ours = rates.get("sluice")
    if ours:
        figures.add(mode, unit, ours)
        for path, name, text in AGAINST:
            if path in rates:
                figures.ratio(f"{mode}_vs_{name}", ours, rates[path], text)
    else:
        figures.skip(names(mode)[:1 + len(AGAINST)], "sluice does not run here")
    for path, name, _ in AGAINST:
        if path in rates:
            figures.add(f"{mode}_{name}", unit, rates[path])


def run(figures, opts, ours):
    """@ours: makes the path through sluice in a scope."""
    if not figures.wants(*all_names()):
        return
    show(f"Traffic between two pods of a node, {opts.rounds} interleaved rounds of {opts.slice} ms")
    with Scope() as scope:
        ways = paths(scope, figures, ours)
        for mode in MODES:
            if figures.wants(*names(mode)):
                report(figures, mode, measure(mode, ways, opts.rounds, opts.slice))
