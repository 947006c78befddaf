# SPDX-License-Identifier: GPL-2.0
"""
Ways from one pod to another on one node, for comparison: all of them exist at
once, so that rounds interleave. Devices have their defaults everywhere
(offloads, queues, MTU 1500).
"""
import subprocess

import netns
from . import kubeproxy
from .scope import Missing, built

SERVICES = 1000
GATEWAY = "169.254.1.1"


class Path:
    """A client's and a server's namespace and the server's address."""

    def __init__(self, name, client, server, addr):
        self.name, self.client, self.server, self.addr = name, client, server, addr

    def arg(self):
        return f"{self.name}={self.client.path},{self.server.path},{self.addr}"


def direct(scope):
    """One veth pair, a pod at each end: nothing forwards."""
    pods = [scope.netns(f"direct-{i}") for i in (0, 1)]
    netns.veth(pods[0], "eth0", pods[1], "eth0")
    for ns, addr in zip(pods, ("10.20.0.2", "10.20.0.3")):
        ns.ip(f"address add {addr}/24 dev eth0")
    return Path("direct", pods[0], pods[1], "10.20.0.3")


def pod(scope, node, name, addr):
    """A pod as a plain routing CNI plugin sets it up; its namespace and the node's device."""
    ns, dev = scope.netns(name), f"v{name}"
    netns.veth(node, dev, ns, "eth0")
    ns.ip(f"address add {addr}/32 dev eth0",
          f"neigh add {GATEWAY} lladdr {node.mac(dev)} dev eth0 nud permanent",
          f"route add {GATEWAY} dev eth0 scope link",
          f"route add default via {GATEWAY} dev eth0")
    node.ip(f"route add {addr}/32 dev {dev}",
            f"neigh add {addr} lladdr {ns.mac('eth0')} dev {dev} nud permanent")
    return ns, dev


def routed(scope, name, index):
    """Two pods behind a node whose kernel routes; also the node and {address: device}."""
    node = scope.netns(name, forwarding=True)
    addrs = [f"10.{index}.0.{i}" for i in (2, 3)]
    pods = [pod(scope, node, f"{name}-{i}", a) for i, a in enumerate(addrs)]
    path = Path(name, pods[0][0], pods[1][0], addrs[1])
    return path, node, dict(zip(addrs, (p[1] for p in pods)))


def route(scope):
    """Kernel routing, no rules, no connection tracking."""
    return routed(scope, "route", 21)[0]


def nft(scope):
    """Kernel routing with kube-proxy's nftables rules."""
    path, node, _ = routed(scope, "nft", 22)
    node.run("nft", "-f", "-", stdin=kubeproxy.nft(SERVICES))
    return path


def ipt(scope):
    """Kernel routing with kube-proxy's iptables rules."""
    path, node, _ = routed(scope, "ipt", 23)
    node.run("iptables-restore", stdin=kubeproxy.iptables(SERVICES))
    return path


def least(scope):
    """The least BPF forwarder."""
    path, node, devs = routed(scope, "least", 24)
    p = scope.spawn(node, [built("selftests/bench/least"), *(f"{a}={d}" for a, d in devs.items())],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if p.stdout.readline() != "ready\n":
        raise Missing(f"the least BPF forwarder: {p.stderr.read().strip()}")
    return path
