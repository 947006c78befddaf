# SPDX-License-Identifier: GPL-2.0
"""
Several nodes and hosts on one link, and the Kubernetes objects that every
node's manifest directory holds. Dual stack throughout:

    fabric (bridge)  172.31.0.0/24   fd31::/64
    node i           172.31.0.i      fd31::i      pods 10.244.i.0/24 fd00:244:i::/64
    outside host     172.31.0.200    fd31::200    and up
    far host         198.51.100.2    2001:db8:100::2    behind a router, .1 and ::1
"""
import atexit
import json
import os
import shutil

import yaml

import apiserver
import netns
import node as node_mod
import tap
from node import Node, Pod

FABRIC_PREFIX = {4: 24, 6: 64}


def new_object(kind, name, ns=None, api="v1", labels=None, **fields):
    meta = {"name": name}
    if ns:
        meta["namespace"] = ns
    if labels:
        meta["labels"] = labels
    return {"apiVersion": api, "kind": kind, "metadata": meta, **fields}


def policy(ns, name, pods, **spec):
    """A NetworkPolicy; @pods: labels that it selects, {}: every pod."""
    return new_object("NetworkPolicy", name, ns, "networking.k8s.io/v1",
                      spec={"podSelector": {"matchLabels": pods} if pods else {}, **spec})


def cluster_policy(name, tier, priority, subject, **rules):
    """A ClusterNetworkPolicy; @subject: labels of pods, in whatever namespace."""
    pods = {"podSelector": {"matchLabels": subject} if subject else {}}
    return new_object("ClusterNetworkPolicy", name, None, "policy.networking.k8s.io/v1alpha2",
                      spec={"tier": tier, "priority": priority, "subject": {"pods": pods}, **rules})


def installed_rules():
    """What an installed daemon may do: a test's may do no more."""
    with open(f"{node_mod.TOP}/scripts/deploy/rbac.yaml") as f:
        return next(d["rules"] for d in yaml.safe_load_all(f) if d["kind"] == "ClusterRole")


# Objects that mean nothing: their version, once seen, says that all before has been.
MARKERS = {
    "Namespace": lambda kind, ns: new_object(kind, "marker-namespace"),
    "Node": lambda kind, ns: new_object(kind, "marker-node"),
    "Pod": lambda kind, ns: new_object(kind, "marker", ns, spec={
        "containers": [{"name": "c", "image": "i"}]}),
    "NetworkPolicy": lambda kind, ns: policy(ns, "marker", {"no": "pod"}, policyTypes=["Ingress"]),
    "ClusterNetworkPolicy": lambda kind, ns: cluster_policy("marker", "Baseline", 1000,
                                                            {"no": "pod"}),
    "Service": lambda kind, ns: new_object(kind, "marker", ns, spec={
        "clusterIP": "None", "ports": [{"port": 1}]}),
    "EndpointSlice": lambda kind, ns: new_object(kind, "marker", ns, "discovery.k8s.io/v1",
                                                 addressType="IPv4", endpoints=[]),
}


class Host:
    """A namespace on the fabric that runs no sluice."""

    def __init__(self, cluster, name, addr, mtu=1500):
        self.name, self.addr = name, addr
        self.ns = netns.Netns(name)
        cluster.plug(self.ns, "eth0", addr, mtu)

    def route(self, prefix, via):
        self.ns.ip(f"route replace {prefix} via {via}")


class FarHost:
    """A host behind a router: two hops from a node, with an MTU of its own on the second."""

    def __init__(self, cluster, mtu=1500, fabric_mtu=1500):
        self.router_addr = {4: "172.31.0.254", 6: "fd31::254"}
        self.gate = {4: "198.51.100.1", 6: "2001:db8:100::1"}
        self.addr = {4: "198.51.100.2", 6: "2001:db8:100::2"}
        self.router = netns.Netns("router", forwarding=True)
        cluster.plug(self.router, "fabric", self.router_addr, fabric_mtu)
        self.ns = netns.Netns("far")
        netns.veth(self.router, "far", self.ns, "eth0", mtu)
        self.router.ip(f"address add {self.gate[4]}/24 dev far",
                       f"address add {self.gate[6]}/64 dev far nodad")
        self.ns.ip(f"address add {self.addr[4]}/24 dev eth0",
                   f"address add {self.addr[6]}/64 dev eth0 nodad",
                   f"route add default via {self.gate[4]}", f"route add ::/0 via {self.gate[6]}")
        # ICMP errors are the subject of tests: let none be rate-limited away
        for ns in (self.router, self.ns):
            ns.sysctl("ipv4/icmp_ratelimit", 0)
            ns.sysctl("ipv6/icmp/ratelimit", 0)
        for n in cluster.nodes:
            n.ns.ip(f"route replace default via {self.router_addr[4]}",
                    f"route replace ::/0 via {self.router_addr[6]}")


class Cluster:
    """
    @source: "directory", each node has the objects as files, or "kubernetes",
    an API server has them; SLUICE_TEST_SOURCE is for tests that don't mind.
    @whole: the API server is one for kubelets, too (kubernetes.py).
    @tiers: the API server knows ClusterNetworkPolicy from the start.
    """

    def __init__(self, encap="direct", mtu=1500, options=(), source=None, tiers=True,
                 whole=False):
        self.api, self.tiers, self.whole = None, tiers, whole
        if os.geteuid():
            raise tap.Skip("no root: no network namespaces, no BPF")
        self.options = ["--encap", encap, *options]
        self.mtu = mtu
        self.nodes, self.objects, self.markers, self.tokens = [], {}, 0, 0
        atexit.register(self.close)
        self.fabric = netns.Netns("fabric")
        self.fabric.ip("link add br0 type bridge mcast_snooping 0 forward_delay 0",
                       f"link set br0 mtu {mtu} up")
        self.ports = 0
        if (source or os.environ.get("SLUICE_TEST_SOURCE")) == "kubernetes":
            self._start_api()

    def _start_api(self):
        os.makedirs(f"{node_mod.ROOT}/api", mode=0o700)
        self.api = apiserver.ApiServer(self, f"{node_mod.ROOT}/api", self.whole)
        self.touched = {"Namespace", "Node", "Pod", "NetworkPolicy"}
        if self.tiers:
            self.api.define("clusternetworkpolicies")
        self.api.put(self.namespace("marker"))
        if self.whole:
            return
        self.api.put(new_object("ServiceAccount", "sluice", "kube-system"))
        self.api.put({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                      "metadata": {"name": "sluice"}, "rules": installed_rules()})
        self.api.put({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                      "metadata": {"name": "sluice"},
                      "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                                  "name": "sluice"},
                      "subjects": [{"kind": "ServiceAccount", "name": "sluice",
                                    "namespace": "kube-system"}]})

    def rotate_token(self, node, text=None):
        """A new token in the node's file, as a kubelet puts it there; @text: not a good one."""
        self.tokens += 1
        where = f"{node.dir}/account"
        os.makedirs(f"{where}/..{self.tokens}")
        with open(f"{where}/..{self.tokens}/token", "w") as f:
            f.write(self.api.token("kube-system", "sluice") if text is None else text)
        os.symlink(f"..{self.tokens}", f"{where}/..new")
        os.rename(f"{where}/..new", f"{where}/..data")
        if not os.path.lexists(f"{where}/token"):
            os.symlink("..data/token", f"{where}/token")

    def plug(self, ns, dev, addr, mtu):
        """A device @dev in @ns on the fabric with @addr, {4: …, 6: …}."""
        self.ports += 1
        port = f"p{self.ports}"
        netns.veth(ns, dev, self.fabric, port, mtu)
        self.fabric.ip(f"link set {port} master br0")
        ns.ip(*(f"address add {addr[v]}/{FABRIC_PREFIX[v]} dev {dev}{' nodad' if v == 6 else ''}"
                for v in addr))

    # -------------------------------------------------------------- members

    def add_node(self, *options, start=True, mtu=None):
        index = len(self.nodes) + 1
        n = Node(self, index, [*self.options, *options], mtu or self.mtu)
        self.nodes.append(n)
        if self.api:
            self.rotate_token(n)
            self.api.kubeconfig(f"{n.dir}/kubeconfig", tokenFile=f"{n.dir}/account/token")
            n.options += ["--source", "kubernetes", "--kubeconfig", f"{n.dir}/kubeconfig"]
        for obj in self.objects.values():
            self._write(n, obj)
        self.apply(new_object("Node", n.name, spec={"podCIDRs": [n.cidr[4], n.cidr[6]]}, status={
            "addresses": [{"type": "InternalIP", "address": n.addr[v]} for v in (4, 6)]}))
        if start:
            n.start()
        return n

    def add_host(self, number=200, mtu=None):
        return Host(self, f"out{number}", {4: f"172.31.0.{number}", 6: f"fd31::{number}"},
                    mtu or self.mtu)

    def add_pod(self, node, name, labels=None, ports=None):
        """@name: "namespace/pod". In place, and known to all nodes, when this returns."""
        ns, podname = name.split("/")
        if ("Namespace", None, ns) not in self.objects:
            self.apply(self.namespace(ns))
        pod = Pod(node, ns, podname)
        self.describe(pod, labels, ports)
        pod.add()
        self.describe(pod, labels, ports)
        return pod

    def namespace(self, name, **labels):
        return new_object("Namespace", name,
                          labels={"kubernetes.io/metadata.name": name, **labels})

    def describe(self, pod, labels=None, ports=None):
        """The Pod object, with the addresses once there are some."""
        obj = self.apply(new_object(
            "Pod", pod.podname, pod.namespace, labels=labels,
            spec={"nodeName": pod.node.name, "containers": [
                {"name": "c", "image": "i", "ports": ports or []}]},
            status={"podIPs": [{"ip": a} for a in pod.addr.values()], "hostIP": pod.node.addr[4],
                    "podIP": pod.addr.get(4, ""), "phase": "Running"} if pod.addr else {}))
        pod.uid = obj["metadata"].get("uid")

    def delete_pod(self, pod):
        pod.delete()
        self.delete("Pod", pod.podname, pod.namespace)

    # -------------------------------------------------------------- objects

    @staticmethod
    def _file(node, kind, ns, name):
        return f"{node.dir}/manifests/{kind.lower()}-{ns or ''}-{name}.yaml"

    def _write(self, node, obj):
        if self.api:
            return
        meta = obj["metadata"]
        self._put(node, self._file(node, obj["kind"], meta.get("namespace"), meta["name"]), obj)

    @staticmethod
    def _put(node, path, obj):
        temp = f"{node.dir}/new.yaml"
        with open(temp, "w") as f:
            if obj:
                json.dump(obj, f, indent=1)	# JSON is YAML
        os.rename(temp, path)

    def apply(self, *objects):
        """Returns the last one as it is now."""
        for obj in objects:
            meta = obj["metadata"]
            self.objects[obj["kind"], meta.get("namespace"), meta["name"]] = obj
            if self.api:
                self.touched.add(obj["kind"])
                obj = self.api.put(obj)
            for n in self.nodes:
                self._write(n, obj)
        return obj

    def delete(self, kind, name, ns=None, unlink=False):
        """
        The object is gone from its file. @unlink: the file is gone, which the
        daemon believes only a moment later; settle() does not wait for that.
        """
        del self.objects[kind, ns, name]
        if self.api:
            self.api.delete(kind, name, ns)
            self.touched.add(kind)
            return
        for n in self.nodes:
            if unlink:
                os.unlink(self._file(n, kind, ns, name))
            else:
                self._put(n, self._file(n, kind, ns, name), None)

    def marker(self, node):
        """Writes a policy that selects nothing, for one node; returns its name."""
        self.markers += 1
        name = f"marker-{self.markers}"
        obj = policy("marker", name, {"no": "pod"}, policyTypes=["Ingress"])
        # one file over and over: the old marker leaves with the new one's arrival
        self._put(node, f"{node.dir}/manifests/zz-marker.yaml", obj)
        return name

    def versions(self):
        """{kind: version that comes after all that was written so far}, of kinds that were."""
        self.markers += 1
        out = {}
        for kind in self.touched:
            ns = "marker" if kind in ("Pod", "NetworkPolicy", "Service", "EndpointSlice") else None
            obj = MARKERS[kind](kind, ns)
            obj["metadata"]["annotations"] = {"count": str(self.markers)}
            try:
                out[kind] = self.api.ask("POST", apiserver.path_of(kind, ns), obj)
            except apiserver.ApiError as e:
                if e.status != 409:
                    raise
                out[kind] = self.api.ask(
                    "PATCH", apiserver.path_of(kind, ns, obj["metadata"]["name"]),
                    {"metadata": {"annotations": {"count": str(self.markers)}}},
                    "application/merge-patch+json")
        self.touched = set()
        return {kind: int(o["metadata"]["resourceVersion"]) for kind, o in out.items()}

    def settle(self):
        if self.api:
            versions = self.versions()
            for n in self.nodes:
                if n.daemon:
                    n.settle_at(versions)
            return
        for n in self.nodes:
            n.settle()

    def enforce(self, *objects):
        """apply() and settle()."""
        self.apply(*objects)
        self.settle()

    # ------------------------------------------------------------------ end

    def report(self):
        """State for a failed test's output."""
        for n in self.nodes:
            tap.diag(f"---- {n.name}")
            try:
                tap.diag("drops: " + str({r: c for r, c in n.drops().items() if c}))
                tap.diag("counts: " + str({r: c for r, c in n.counts().items() if c}))
            except Exception as e:
                tap.diag(f"no counters: {e}")
            tap.diag(n.log_tail())

    def close(self):
        atexit.unregister(self.close)
        for n in self.nodes:
            n.close()
        if self.api:
            self.api.close()
        netns.delete_all()
        shutil.rmtree(node_mod.ROOT, ignore_errors=True)
