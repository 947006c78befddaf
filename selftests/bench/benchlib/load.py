# SPDX-License-Identifier: GPL-2.0
"""Traffic figures: every load over every path in turn, ratios within a round."""
import json
import statistics

import netns
from . import topology
from .figure import human, show
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


def yardsticks(scope):
    """Every path that can be made here, ours aside; the reason why not is shown."""
    out = []
    for make in (topology.direct, topology.route, topology.nft, topology.ipt, topology.least):
        try:
            out.append(make(scope))
        except (Missing, netns.Error) as e:
            show(f"  no path '{make.__name__}': {e}")
    return out


def measure(mode, ways, opts, preexec=None):
    """{path: samples}. In batches with new connections, the first path another one in each: where
    sockets happen to lie in memory is worth a percent, and is not what we ask for.
    @preexec: as of netns.run()."""
    client, server = cpus()
    rates = {w.name: [] for w in ways}
    for batch in range(opts.batches):
        turned = ways[batch % len(ways):] + ways[:batch % len(ways)]
        out = netns.run(built("selftests/bench/perf"), mode, "-r", opts.rounds // opts.batches,
                        "-d", opts.slice, "-w", max(2, opts.slice // 5), "-c", client,
                        "-s", server, *(w.arg() for w in turned), timeout=600 * netns.SLOW,
                        preexec=preexec)
        for name, path in json.loads(out)["paths"].items():
            rates[name] += path["samples"]
    return rates


def overview(mode, rates):
    """One line: the rate over every path, and what it is of the first one's."""
    first = next(iter(rates.values()))
    parts = []
    for path, samples in rates.items():
        of_first = statistics.median(a / b for a, b in zip(samples, first) if b)
        parts.append(f"{path} {human(statistics.median(samples))}" +
                     (f" ({of_first:.2f})" if samples is not first else ""))
    show(f"  {mode}, {MODES[mode]}: {', '.join(parts)}")


def report(figures, mode, rates):
    overview(mode, rates)
    ours = rates.get("sluice")
    if ours:
        figures.add(mode, MODES[mode], ours)
    for path, name, text in AGAINST:
        if path not in rates:
            figures.skip([f"{mode}_vs_{name}"], f"there is no path '{path}'")
        elif ours:
            figures.ratio(f"{mode}_vs_{name}", ours, rates[path], text)
    for path, name, _ in AGAINST:
        if path in rates:
            figures.add(f"{mode}_{name}", MODES[mode], rates[path], shown=False)


def run(figures, opts, ours):
    """@ours: makes the path through sluice in a scope."""
    own = [n for mode in MODES for n in names(mode)[:1 + len(AGAINST)]]
    show(f"Traffic between two pods of a node, {opts.rounds} interleaved rounds of {opts.slice} ms")
    with Scope() as scope:
        ways = yardsticks(scope)
        try:
            ways.append(ours(scope))
        except Missing as e:
            figures.skip(own, e)
        except (netns.Error, OSError) as e:
            figures.error(own, e)
        for mode in MODES:
            if figures.wants(*names(mode)):
                report(figures, mode, measure(mode, ways, opts))
