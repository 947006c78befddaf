# SPDX-License-Identifier: GPL-2.0
"""
A rolling update of all backends of a service under new connections (lib/rolling.py),
by sluice and by kube-proxy, each with an API server.
"""
import kubeproxy
import rolling
import tap
from .figure import show
from .scope import Missing

NAMES = ["service_rolling_failed", "service_rolling_packet_failed", "service_rolling_slowest_ms",
         "service_rolling_kubeproxy_failed", "service_rolling_saved"]
RATE, QUICK_RATE = 5000, 500


def updates(kind, ways, opts):
    """{way: [what became of its connections]}, one way at a time, all of them IPv4."""
    world = kind()
    try:
        out = {name: [] for name in ways}
        for _ in range(opts.updates):
            for name in ways:
                got = world.update(4, {name: QUICK_RATE if opts.quick else RATE})[name]
                check(got)
                out[name].append(got)
        return out
    finally:
        world.close()


def check(got):
    """What no proxy can be blamed for makes no figure."""
    if got["wrong"] or got["short"] or got["local"]:
        raise RuntimeError(f"answers that are wrong, or none asked for: {got}")
    show(f"  {got['asked']} asked, " + ", ".join(f"{got[f]} {f}" for f in ("failed", *rolling.FAILURES)
                                                  if got[f] or f == "failed"))


def measure(figures, opts):
    show("A rolling update of a service's backends")
    try:
        kubeproxy.need()
    except tap.Skip as e:
        raise Missing(str(e)) from e
    ours = updates(rolling.Sluice, ("a pod", "a pod, by the packet"), opts)
    theirs = updates(rolling.KubeProxy, ("a pod",), opts)["a pod"]
    failed, packet = ([g["failed"] for g in ours[w]] for w in ("a pod", "a pod, by the packet"))
    beside = [g["failed"] for g in theirs]
    figures.add("service_rolling_failed", "connections", failed, value=sum(failed))
    figures.add("service_rolling_packet_failed", "connections", packet, value=sum(packet))
    figures.add("service_rolling_slowest_ms", "ms", [g["slowest_ms"] for g in ours["a pod"]])
    figures.add("service_rolling_kubeproxy_failed", "connections", beside, value=sum(beside))
    figures.add("service_rolling_saved", "connections", [max(0, b - a) for a, b in zip(failed, beside)],
                value=max(0, sum(beside) - sum(failed)), against="kube-proxy nftables")


def parts(opts):
    return [(NAMES, lambda figures: measure(figures, opts))]
