# SPDX-License-Identifier: GPL-2.0
"""
The edge, for packets of a flow through the node: a client outside, a node port, a backend on
another node; by BPF_PROG_TEST_RUN, in XDP on the tables of a live node. Nanoseconds of the
program, and frames that really leave beside those that the kernel's own translation sends.
"""
import json
import os
import statistics

import netns
from .flows import OUTSIDE, REMOTE_POD, run_cases
from .figure import show
from .node import OTHER, PORT, ROUTER, UPLINK, Node, meta, node_object
from .scope import Scope, built

NODE_PORT = 30080
NAMES = ["edge_hit_ns", "edge_hit_back_ns"]
RATIO = "edge_pps_vs_nftables"
NFT = """table ip nat {{
  chain pre {{
    type nat hook prerouting priority dstnat
    ip daddr {node} udp dport {port} dnat to {backend}
  }}
  chain post {{
    type nat hook postrouting priority srcnat
    ct status dnat masquerade
  }}
}}"""

def objects():
    port = {"name": "p", "protocol": "UDP", "port": PORT}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": meta("bench")}, node_object(),
            {"apiVersion": "v1", "kind": "Node", "metadata": meta("other"),
             "spec": {"podCIDRs": [f"{REMOTE_POD}/24".replace(".7/", ".0/")]},
             "status": {"addresses": [{"type": "InternalIP", "address": OTHER}]}},
            {"apiVersion": "v1", "kind": "Service", "metadata": meta("server", "bench"),
             "spec": {"type": "NodePort", "clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"],
                      "ports": [{**port, "nodePort": NODE_PORT}]}},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
             "metadata": meta("server-1", "bench", {"kubernetes.io/service-name": "server"}),
             "addressType": "IPv4", "ports": [port],
             "endpoints": [{"addresses": [REMOTE_POD], "nodeName": "other",
                            "conditions": {"ready": True}}]}]


class Live:
    def __init__(self, scope):
        self.node = Node(scope, "edge", objects())
        self.node.env["SLUICE_XDP"] = "native"
        self.node.start()
        netns.wait_for("the service", lambda: self.node.ask("status")["policy"]["services"] == 1)
        self.node.ns.ip(*(f"neigh replace {a} lladdr 02:00:00:00:00:09 dev uplink"
                          for a in (OTHER, ROUTER)))

    def case(self, name, kind):
        return (f"{name}={self.node.pin_root},{self.node.ns.path},{kind},udp,{OUTSIDE},"
                f"{self.node.address},{NODE_PORT}")


def hits(figures, opts):
    with Scope() as scope:
        live = Live(scope)
        cases = [live.case("edge_hit_ns", "edge"), live.case("edge_hit_back_ns", "edge-back")]
        for name, samples in run_cases(live, opts.runs, opts.repeat, cases).items():
            figures.add(name, "ns", samples)


def swallow(scope, ns):
    """What is sent out of @ns's uplink ends there: a veth takes frames only for a program in XDP."""
    pin = f"/sys/fs/bpf/bench-{os.path.basename(ns.path)}-drop"
    ns.run("bpftool", "prog", "load", built("selftests/bench/drop.bpf.o"), pin)
    scope.callback(os.unlink, pin)
    ns.run("bpftool", "net", "attach", "xdpdrv", "pinned", pin, "dev", "far")


def by_nftables(scope, live):
    """The same addresses and neighbours, and the kernel does it."""
    ns = scope.netns("nft", forwarding=True)
    ns.ip("link add uplink type veth peer name far", "link set far up", "link set uplink up",
          *(f"address add {a} dev uplink" for a in UPLINK), f"route add default via {ROUTER} dev uplink",
          f"route add {REMOTE_POD} via {OTHER}",
          *(f"neigh replace {a} lladdr 02:00:00:00:00:09 dev uplink" for a in (OTHER, ROUTER)))
    ns.run("nft", "-f", "-", stdin=NFT.format(node=live.node.address, port=NODE_PORT,
                                              backend=f"{REMOTE_POD}:{PORT}"))
    # a test run takes a receive queue, which the device has only with NAPI
    ns.run("ethtool", "-K", "uplink", "gro", "on")
    return ns


def beside_nftables(figures, opts):
    with Scope() as scope:
        live = Live(scope)
        nft = by_nftables(scope, live)
        for ns in (live.node.ns, nft):
            swallow(scope, ns)
        theirs = live.case("nft", "stack-live").replace(live.node.ns.path, nft.path)
        samples = run_cases(live, opts.runs, opts.repeat, [live.case("edge", "edge-live"), theirs])
        link, = json.loads(nft.run("ip", "-s", "-j", "link", "show", "dev", "uplink"))
        sent = link["stats64"]["tx"]["packets"]
        if sent < opts.runs * opts.repeat:
            raise RuntimeError(f"the kernel has sent {sent} packets only")
        show("  a frame through the node: "
             + ", ".join(f"{statistics.median(v):.0f} ns {k}" for k, v in samples.items()))
        figures.ratio(RATIO, samples["nft"], samples["edge"], "nftables' dnat and masquerade")


def parts(opts):
    return [(NAMES, lambda f: hits(f, opts)), ([RATIO], lambda f: beside_nftables(f, opts))]
