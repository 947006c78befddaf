# SPDX-License-Identifier: GPL-2.0
"""
Nanoseconds of the edge for a packet of a flow through the node: a client outside, a node
port, a backend on another node; by BPF_PROG_TEST_RUN, in XDP on the tables of a live node.
"""
import netns
from .flows import OUTSIDE, REMOTE_POD, run_cases
from .node import OTHER, PORT, ROUTER, Node, meta, node_object
from .scope import Scope

NODE_PORT = 30080
NAMES = ["edge_hit_ns", "edge_hit_back_ns"]


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


def parts(opts):
    return [(NAMES, lambda f: hits(f, opts))]
