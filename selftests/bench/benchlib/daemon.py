# SPDX-License-Identifier: GPL-2.0
"""Figures of the daemon and the plugin, by the real programs and real packets."""
import json
import subprocess
import time
import uuid

import netns
from . import cluster
from .node import NODE, Node, node_object, pair
from .scope import Scope, built, stop

RATE = 10000		# datagrams a second over a restart
SETTLE_S = 0.3		# of traffic before and after a restart
ADDS_WARM = 3		# that are not counted: caches of the file system, first pages


class Probe:
    """Numbered datagrams from one pod to the other, for as long as the `with` lasts."""

    def __init__(self, way, rate):
        self.argv = [built("selftests/bench/probe"), way.client.path, way.server.path, way.addr,
                     str(rate)]

    def __enter__(self):
        self.proc = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True)
        return self

    def __exit__(self, *_):
        stop(self.proc)

    def ask(self):
        """What arrived so far."""
        self.proc.stdin.write("\n")
        self.proc.stdin.flush()
        return json.loads(self.proc.stdout.readline())

    def arrived(self, count):
        netns.wait_for(f"{count} datagrams", lambda: self.ask()["received"] >= count)

    def end(self):
        """What arrived in all."""
        self.proc.stdin.close()
        return json.loads(self.proc.stdout.readline())


def nothing_passes(way):
    """Whether none of a new flow's first datagrams arrives."""
    with Probe(way, 2000) as probe:
        netns.wait_for("datagrams", lambda: probe.ask()["sent"] > 20)
        return not probe.end()["received"]


def start_ms(figures, opts):
    """From exec, nothing loaded, to the first packet that arrives at a pod under policies."""
    samples = []
    with Scope() as scope:
        node, way = pair(scope, "start")
        # pods reach each other only by the pipeline, never by the node's own routes
        node.ns.run("nft", "add table inet bench; add chain inet bench forward "
                    "{ type filter hook forward priority 0; policy drop; }")
        for _ in range(opts.starts):
            node.stop()
            node.unpin()
            # the kernel lets go of a program some time after its last user
            netns.wait_for("nothing to pass", lambda: nothing_passes(way))
            with Probe(way, 2000) as probe:
                netns.wait_for("datagrams", lambda: probe.ask()["sent"] > 20)
                if probe.ask()["received"]:
                    raise RuntimeError("packets pass with nothing loaded")
                at = node.start(wait=0)
                netns.wait_for("the first packet", lambda: probe.ask()["first"])
                samples.append((probe.ask()["first"] - at) * 1000)
            netns.wait_for("sluiced to be ready", node.is_ready)
    figures.add("start_ms", "ms", samples)


def restart(figures, opts):
    """Numbered datagrams of an open flow over a crash and over an orderly restart; each start
    replaces the programs as an upgrade does."""
    lost, gaps = [], []
    with Scope() as scope:
        node, way = pair(scope, "restart")
        for i in range(opts.starts):
            with Probe(way, RATE) as probe:
                probe.arrived(int(RATE * SETTLE_S))
                node.stop() if i & 1 else node.kill()
                node.start()
                probe.arrived(probe.ask()["received"] + int(RATE * SETTLE_S))
                end = probe.end()
            lost.append(end["sent"] - end["received"])
            gaps.append(end["gap_ms"])
    figures.add("restart_lost_packets", "packets", lost, value=sum(lost))
    figures.add("restart_gap_ms", "ms", gaps)


def adds(node, pods):
    """Milliseconds of the plugin for each of @pods."""
    out = []
    for pod in pods:
        ns = node.scope.netns(f"{node.name}-{pod.replace('/', '-')}")
        at = time.monotonic()
        node.cni("ADD", uuid.uuid4().hex, ns, pod)
        out.append((time.monotonic() - at) * 1000)
    return out


def cni_add_ms(figures, opts):
    with Scope() as scope:
        node = pair(scope, "adds")[0]
        pods = [f"bench/pod{i}" for i in range(opts.adds + ADDS_WARM)]
        figures.add("cni_add_ms", "ms", adds(node, pods)[ADDS_WARM:])


def settled_rss(node, seconds=1.0):
    """Resident memory, MiB, some samples of it after the daemon has come to rest."""
    time.sleep(seconds)
    out = []
    for _ in range(5):
        out.append(node.rss_mib())
        time.sleep(0.05)
    return out


def rss_idle_mib(figures, _opts):
    with Scope() as scope:
        node = Node(scope, "idle", [node_object()])
        node.start()
        figures.add("rss_idle_mib", "MiB", settled_rss(node))


def rss_10k_mib(figures, opts):
    """A full node of a big cluster: every pod and policy known, its own pods attached."""
    with Scope() as scope:
        node = Node(scope, "big", [node_object()])
        pods = cluster.write(node.manifests, NODE, cluster.PODS, cluster.POLICIES)
        at = node.start(wait=120)
        figures.add("start_10k_ms", "ms", [(time.monotonic() - at) * 1000])
        local = [f"{p.namespace}/{p.name}" for p in pods if p.local][:opts.local]
        figures.add("cni_add_10k_ms", "ms", adds(node, local))
        figures.add("rss_10k_mib", "MiB", settled_rss(node))


FIGURES = {
    start_ms: ["start_ms"], restart: ["restart_lost_packets", "restart_gap_ms"],
    cni_add_ms: ["cni_add_ms"], rss_idle_mib: ["rss_idle_mib"],
    rss_10k_mib: ["rss_10k_mib", "start_10k_ms", "cni_add_10k_ms"],
}


def parts(opts):
    return [(names, lambda figures, part=part: part(figures, opts))
            for part, names in FIGURES.items()]
