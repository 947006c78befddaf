# SPDX-License-Identifier: GPL-2.0
"""
A cluster's nodes without sluice: the kernel routes to pods, and a real kube-proxy
in its nftables mode serves Services, from an API server of its own. Names and
addresses are those of Cluster's nodes, on a fabric of their own, so that both can
be there at once with the same objects.
"""
import atexit
import os
import shutil
import subprocess

import apiserver
import netns
import tap
from cluster import FABRIC_PREFIX, new_object

ROOT = "/run/sl-kubeproxy"
POD_CIDRS = "10.244.0.0/16,fd00:244::/32"
GATEWAY = {4: "169.254.1.1", 6: "fe80::1"}
ANY = {4: "0.0.0.0/0", 6: "::/0"}
BITS = {4: 32, 6: 128}
# the service whose rules say that all before it is in force; documentation's addresses, nobody's
MARKER = {4: "192.0.2", 6: "2001:db8:ffff:"}
MARKER_IP = {4: "10.96.255.254", 6: "fd00:96::ffff"}
START_S = 30


def need():
    """Skips where a program is missing."""
    if not apiserver.PROGRAMS or not os.access(f"{apiserver.PROGRAMS}/kube-proxy", os.X_OK):
        raise tap.Skip("no kube-proxy: set SLUICE_TEST_CLUSTER (make check-k8s does)")
    if not shutil.which("nft"):
        raise tap.Skip("no nft, which kube-proxy calls")


class ProxyPod:
    """As a plain routing CNI plugin sets it up."""

    def __init__(self, node, name, addr):
        self.node, self.name, self.addr = node, name, addr
        self.namespace, self.podname = name.split("/")
        self.ns = netns.Netns(f"kp-{self.podname}")
        dev = f"v{self.podname}"
        netns.veth(node.ns, dev, self.ns, "eth0")
        mac, node_mac = self.ns.mac("eth0"), node.ns.mac(dev)
        for v, a in addr.items():
            self.ns.ip(f"address add {a}/{BITS[v]} dev eth0{' nodad' if v == 6 else ''}",
                       f"neigh add {GATEWAY[v]} lladdr {node_mac} dev eth0 nud permanent",
                       f"route add {GATEWAY[v]} dev eth0",
                       f"route add {ANY[v]} via {GATEWAY[v]} dev eth0")
            node.ns.ip(f"route add {a}/{BITS[v]} dev {dev}",
                       f"neigh add {a} lladdr {mac} dev {dev} nud permanent")


class ProxyNode:
    def __init__(self, cluster, index):
        self.cluster, self.name = cluster, f"n{index}"
        self.addr = {4: f"172.31.0.{index}", 6: f"fd31::{index}"}
        self.cidr = {4: f"10.244.{index}.0/24", 6: f"fd00:244:{index}::/64"}
        self.ns = netns.Netns(f"kp-{self.name}", forwarding=True)
        self.log = f"{ROOT}/{self.name}.log"
        self.proc = None
        cluster.plug(self.ns, "uplink", self.addr, 1500)

    def start(self, *options):
        """With its defaults, but for what only a host has one of, and ports of its own."""
        conf = f"{ROOT}/{self.name}.conf"
        self.cluster.api.kubeconfig(conf, pair=self.cluster.api.admin)
        with open(self.log, "a") as log:
            self.proc = self.ns.popen([
                f"{apiserver.PROGRAMS}/kube-proxy", "--proxy-mode", "nftables", "--kubeconfig", conf,
                "--hostname-override", self.name, "--cluster-cidr", POD_CIDRS,
                "--conntrack-max-per-core", "0", "--conntrack-tcp-timeout-established", "0",
                "--conntrack-tcp-timeout-close-wait", "0", "--oom-score-adj", "0", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def chains(self, v):
        """What kube-proxy's table holds: chains and who leads to them, as text."""
        if self.proc.poll() is not None:
            raise netns.Error(f"kube-proxy of {self.name} ended:\n{self.log_tail()}")
        table = f"ip{'6' if v == 6 else ''}"
        return self.ns.run("nft", "list", "chains", table, check=False) + \
            self.ns.run("nft", "list", "map", table, "kube-proxy", "service-ips", check=False)

    def log_tail(self, lines=15):
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def stop(self):
        if self.proc:
            self.proc.terminate()
            self.proc.wait(10)
            self.proc = None


class ProxyCluster:
    def __init__(self):
        need()
        self.nodes, self.objects, self.ports, self.markers = [], {}, 0, 0
        self.api = None
        atexit.register(self.close)
        os.makedirs(f"{ROOT}/api", mode=0o700)
        self.fabric = netns.Netns("kp-fabric")
        self.fabric.ip("link add br0 type bridge mcast_snooping 0 forward_delay 0", "link set br0 up")
        self.api = apiserver.ApiServer(self, f"{ROOT}/api")

    def plug(self, ns, dev, addr, mtu):
        """A device @dev in @ns on the fabric with @addr, {4: …, 6: …}."""
        self.ports += 1
        port = f"p{self.ports}"
        netns.veth(ns, dev, self.fabric, port, mtu)
        self.fabric.ip(f"link set {port} master br0")
        ns.ip(*(f"address add {a}/{FABRIC_PREFIX[v]} dev {dev}{' nodad' if v == 6 else ''}"
                for v, a in addr.items()))

    def add_node(self):
        n = ProxyNode(self, len(self.nodes) + 1)
        for other in self.nodes:
            for v in (4, 6):
                n.ns.ip(f"route add {other.cidr[v]} via {other.addr[v]}")
                other.ns.ip(f"route add {n.cidr[v]} via {n.addr[v]}")
        self.nodes.append(n)
        self.apply(new_object("Node", n.name, spec={"podCIDRs": [n.cidr[4], n.cidr[6]]}, status={
            "addresses": [{"type": "InternalIP", "address": n.addr[v]} for v in (4, 6)]}))
        return n

    def start(self, *options):
        """kube-proxy on every node, options of it in @options."""
        for n in self.nodes:
            n.start(*options)

    def apply(self, *objects):
        for obj in objects:
            meta = obj["metadata"]
            ns = meta.get("namespace")
            if ns and ("Namespace", None, ns) not in self.objects:
                self.apply(new_object("Namespace", ns))
            self.objects[obj["kind"], ns, meta["name"]] = obj
            self.api.put(obj)

    def delete(self, kind, name, ns=None):
        del self.objects[kind, ns, name]
        self.api.delete(kind, name, ns)

    def settle(self):
        """Returns when everything applied so far is in force on every node."""
        self.markers += 1
        port, last = 1000 + self.markers, 1 + self.markers % 250
        ports = [{"name": "p", "protocol": "TCP", "port": port, "targetPort": port}]
        self.apply(new_object("Service", "marker", "marker", spec={
            "clusterIP": MARKER_IP[4], "clusterIPs": [MARKER_IP[4], MARKER_IP[6]],
            "ipFamilyPolicy": "RequireDualStack", "ports": ports}))
        for v in (4, 6):
            self.apply({**new_object(
                "EndpointSlice", f"marker-{v}", "marker", "discovery.k8s.io/v1",
                labels={"kubernetes.io/service-name": "marker"}), "addressType": f"IPv{v}",
                "ports": [{"name": "p", "protocol": "TCP", "port": port}],
                "endpoints": [{"addresses": [f"{MARKER[v]}{':' if v == 6 else '.'}{last}"],
                               "conditions": {"ready": True}}]})
        for n in self.nodes:
            for v in (4, 6):
                netns.wait_for(f"kube-proxy of {n.name}, IPv{v}", lambda: self._marked(n, v, port, last),
                               START_S)

    @staticmethod
    def _marked(n, v, port, last):
        text = n.chains(v)
        name = f"{MARKER[v]}{':' if v == 6 else '.'}{last}".replace(":", ".")
        return f"{MARKER_IP[v]} . tcp . {port} " in text and f"__{name}/{port}" in text

    def report(self):
        for n in self.nodes:
            tap.diag(f"---- kube-proxy of {n.name}\n{n.log_tail()}")

    def close(self):
        atexit.unregister(self.close)
        for n in self.nodes:
            n.stop()
        if self.api:
            self.api.close()
        shutil.rmtree(ROOT, ignore_errors=True)
