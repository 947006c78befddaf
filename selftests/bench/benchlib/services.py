# SPDX-License-Identifier: GPL-2.0
"""
What a service costs: a client to a server by a cluster IP, translated by the packet
or when its socket connects, beside the same two directly and beside kube-proxy's
nftables rules.
"""
import netns
from cgroup import Cgroup
from . import kubeproxy, topology
from .figure import show
from .load import measure, overview
from .node import PORT, Node, meta, pair_objects, pod_object
from .scope import Missing, Scope
from .topology import Path

VIP, PROXIED = "10.96.0.10", "10.96.0.11"
COUNTS = {"1k": 1000, "10k": 10000}
LOADS = ("tcp_crr", "tcp_rr")
# what is measured: by the packet, at connect; beside: the same pods directly, kube-proxy
OURS = ("packet", "connect")


def names(mode):
    return [f"service_{mode}_{way}_vs_pod" for way in OURS] + \
           [f"service_{mode}_vs_kubeproxy_{n}" for n in COUNTS]


def cgroup(scope):
    """One of our own: the client's sockets are asked about there."""
    try:
        group = Cgroup("bench")
    except netns.Error as e:
        raise Missing(e) from e
    scope.callback(group.delete)
    return group


def service(addr):
    port = {"name": "p", "protocol": "TCP", "port": PORT}
    return [{"apiVersion": "v1", "kind": "Service", "metadata": meta("server", "bench"),
             "spec": {"clusterIP": VIP, "clusterIPs": [VIP], "ports": [port]}},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
             "metadata": meta("server-1", "bench", {"kubernetes.io/service-name": "server"}),
             "addressType": "IPv4", "ports": [port],
             "endpoints": [{"addresses": [addr], "conditions": {"ready": True}}]}]


def ours(scope, name, group="none"):
    """The pods of a node directly, and by the service; a pair each, with the same policies."""
    node = Node(scope, name, [*pair_objects(), *(pod_object(f"{app}2", "bench", {"app": app})
                                                 for app in ("client", "server"))])
    node.env["SLUICE_CGROUP"] = group
    node.start()
    pods = {pod: node.add(f"bench/{pod}") for pod in ("client", "server", "client2", "server2")}
    node.write("service", service(pods["server2"][1][4]))
    netns.wait_for("the service", lambda: node.ask("status")["policy"]["services"] == 1)
    return (Path(f"{name}pod", pods["client"][0], pods["server"][0], pods["server"][1][4]),
            Path(name, pods["client2"][0], pods["server2"][0], VIP))


def kube_proxy(scope, label, count):
    path, node, _ = topology.routed(scope, f"kp{label}", 25 + len(label))
    rules = kubeproxy.nft(count, [("bench/server", PROXIED, [path.addr], PORT, PORT)])
    node.run("nft", "-f", "-", stdin=rules, timeout=300)
    return Path(f"kp{label}", path.client, path.server, PROXIED)


def by_packet(figures, opts):
    with Scope() as scope:
        direct, svc = ours(scope, "svc")
        for mode in LOADS:
            rates = measure(mode, [direct, svc], opts)
            overview(mode, rates)
            figures.ratio(f"service_{mode}_packet_vs_pod", rates["svc"], rates["svcpod"], "pod to pod")


def by_connect(figures, opts):
    """As it is by default; the others' sockets are asked, too, and are nobody's there."""
    with Scope() as scope:
        group = cgroup(scope)
        direct, svc = ours(scope, "sock", group.path)
        ways = [direct, svc, *(kube_proxy(scope, label, n) for label, n in COUNTS.items())]
        for mode in LOADS:
            rates = measure(mode, ways, opts, group.enter)
            overview(mode, rates)
            figures.ratio(f"service_{mode}_connect_vs_pod", rates["sock"], rates["sockpod"], "pod to pod")
            for label, n in COUNTS.items():
                figures.ratio(f"service_{mode}_vs_kubeproxy_{label}", rates["sock"], rates[f"kp{label}"],
                              f"kube-proxy nftables, {n} services")


def parts(opts):
    packet = [n for m in LOADS for n in names(m) if "packet" in n]
    connect = [n for m in LOADS for n in names(m) if "packet" not in n]

    def guarded(part, own):
        def run(figures):
            show("A service's cluster IP" + (", by the packet" if part is by_packet else ", at connect"))
            try:
                part(figures, opts)
            except Missing as e:
                figures.skip(own, e)
        return run
    return [(packet, guarded(by_packet, packet)), (connect, guarded(by_connect, connect))]
