# SPDX-License-Identifier: GPL-2.0
"""
Ways from one pod to another on one node, for comparison: all of them exist at
once, so that rounds interleave. Devices have their defaults everywhere
(offloads, queues, MTU 1500).
"""
import subprocess

from . import kubeproxy
from .scope import Missing, built, inside, sh

SERVICES = 1000
GATEWAY = "169.254.1.1"


class Path:
    """A client's and a server's namespace and the server's address."""

    def __init__(self, name, client, server, addr):
        self.name, self.client, self.server, self.addr = name, client, server, addr

    def arg(self):
        return f"{self.name}={self.client},{self.server},{self.addr}"


def batch(ns, lines):
    sh("ip", "-n", ns, "-batch", "-", stdin="\n".join(lines) + "\n")


def mac(ns, dev):
    return sh("ip", "-n", ns, "-br", "link", "show", "dev", dev).split()[2]


def sysctl(ns, **values):
    for key, value in values.items():
        sh(*inside(ns, "sysctl", "-qw", f"{key.replace('__', '.')}={value}"))


def direct(scope):
    """One veth pair, a pod at each end: nothing forwards."""
    a, b = scope.netns("direct-a"), scope.netns("direct-b")
    sh("ip", "-n", a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b)
    for ns, addr in ((a, "10.20.0.2"), (b, "10.20.0.3")):
        batch(ns, [f"address add {addr}/24 dev eth0", "link set eth0 up"])
    return Path("direct", a, b, "10.20.0.3")


def pod(scope, node, name, addr):
    """A pod as a plain routing CNI plugin sets it up; its namespace and the node's device."""
    ns, dev = scope.netns(name), name[-15:]
    sh("ip", "-n", node, "link", "add", dev, "type", "veth", "peer", "name", "eth0", "netns", ns)
    pod_mac, node_mac = mac(ns, "eth0"), mac(node, dev)
    batch(ns, [f"address add {addr}/32 dev eth0", "link set eth0 up",
               f"neigh add {GATEWAY} lladdr {node_mac} dev eth0 nud permanent",
               f"route add {GATEWAY} dev eth0 scope link",
               f"route add default via {GATEWAY} dev eth0"])
    batch(node, [f"link set {dev} up", f"route add {addr}/32 dev {dev}",
                 f"neigh add {addr} lladdr {pod_mac} dev {dev} nud permanent"])
    return ns, dev


def routed(scope, name, index):
    """Two pods behind a node whose kernel routes; also the node's namespace and devices."""
    node = scope.netns(name)
    sysctl(node, net__ipv4__ip_forward=1)
    addrs = [f"10.{index}.0.{i}" for i in (2, 3)]
    pods = [pod(scope, node, f"{name}-{i}", a) for i, a in enumerate(addrs)]
    path = Path(name, pods[0][0], pods[1][0], addrs[1])
    return path, node, list(zip(addrs, (p[1] for p in pods)))


def route(scope):
    """Kernel routing, no rules, no connection tracking."""
    return routed(scope, "route", 21)[0]


def nft(scope):
    """Kernel routing with kube-proxy's nftables rules."""
    path, node, _ = routed(scope, "nft", 22)
    sh(*inside(node, "nft", "-f", "-"), stdin=kubeproxy.nft(SERVICES))
    return path


def ipt(scope):
    """Kernel routing with kube-proxy's iptables rules."""
    path, node, _ = routed(scope, "iptables", 23)
    sh(*inside(node, "iptables-restore"), stdin=kubeproxy.iptables(SERVICES))
    return path


def least(scope):
    """The least BPF forwarder."""
    path, node, devs = routed(scope, "least", 24)
    p = scope.spawn(*inside(node, built("selftests/bench/least"), *(f"{a}={d}" for a, d in devs)),
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if p.stdout.readline() != "ready\n":
        raise Missing(f"the least BPF forwarder: {p.stderr.read().strip()}")
    return path
