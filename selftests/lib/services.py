# SPDX-License-Identifier: GPL-2.0
"""
What clusters have beside their nodes' network, for tests that take it for
granted: cluster IPs, CoreDNS, and the images that Kubernetes' own tests ask for.
"""
import atexit
import http.client
import os
import runpy
import shutil
import socket
import struct
import threading
import time

import apiserver
import netns
from kubernetes import DNS_ADDR, ROOT, image
from node import BUILD, TOP

PINS = "/sys/fs/bpf"

DNS = "localhost/coredns:test"
AGNHOST = [f"registry.k8s.io/e2e-test-images/agnhost:{tag}" for tag in ("2.59", "2.55", "2.53", "2.43")]
# no busybox for a shell: to its own, an applet goes before a program of the name, and its nc knows no UDP
TOOLS = {"dash": "bin/sh", "curl": "usr/bin/curl", "dig": "usr/bin/dig", "nc.openbsd": "usr/bin/nc",
         "ss": "usr/bin/ss", **{name: f"usr/bin/{name}" for name in (
             "cat", "date", "grep", "head", "hostname", "ls", "nslookup", "seq", "sleep", "timeout", "wc")}}
COREFILE = """.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
    }
    cache 5
}
"""


def agnhost_image():
    """agnhost and what tests run beside it in its container: a shell, curl, dig, nc, ss, and small ones."""
    mkimage = runpy.run_path(f"{TOP}/scripts/deploy/mkimage", run_name="mkimage")
    files = {"agnhost": f"{apiserver.PROGRAMS}/agnhost"}
    for name, to in TOOLS.items():
        program = shutil.which(name)
        if not program:
            raise netns.Error(f"no {name} for the image of agnhost")
        files[to] = program
        files.update({p.lstrip("/"): f for p, f in mkimage["libraries"](program).items()})
    image(AGNHOST[0], files, ["/agnhost"], f"{ROOT}/agnhost.tar")
    return f"{ROOT}/agnhost.tar"


def tag_agnhost(node):
    """The other names that tests know it by."""
    for name in AGNHOST[1:]:
        node.machine.run("ctr", "-n", "k8s.io", "image", "tag", AGNHOST[0], name)


def dns_image():
    image(DNS, {"coredns": f"{apiserver.PROGRAMS}/coredns"}, ["/coredns"], f"{ROOT}/coredns.tar")
    return f"{ROOT}/coredns.tar"


class Services:
    """
    Cluster IPs on all nodes of @k, translated where sockets connect, by
    k8s/service.bpf.c; follows Services and EndpointSlices until it is closed.
    A service's first eight backends count, and no policies of session or traffic.
    """

    KINDS = {"Service": "/api/v1/services", "EndpointSlice": "/apis/discovery.k8s.io/v1/endpointslices"}
    PROTOCOLS = {"TCP": socket.IPPROTO_TCP, "UDP": socket.IPPROTO_UDP, "SCTP": socket.IPPROTO_SCTP}
    BACKENDS = 8

    def __init__(self, k):
        self.k, self.pins = k, f"{PINS}/services"
        self.objects = {kind: {} for kind in self.KINDS}
        self.entries, self.lock, self.closed = {}, threading.Lock(), False
        atexit.register(self.close)
        os.makedirs(self.pins)
        netns.run("bpftool", "prog", "loadall", f"{BUILD}/selftests/k8s/service.bpf.o", f"{self.pins}/progs",
                  "pinmaps", f"{self.pins}/maps")
        for n in k.nodes:
            for way in ("connect4", "connect6"):
                netns.run("bpftool", "cgroup", "attach", n.machine.unified(), f"cgroup_inet{way[-1]}_connect",
                          "pinned", f"{self.pins}/progs/service_{way}")
        for kind in self.KINDS:
            threading.Thread(target=self._follow, args=(kind,), daemon=True).start()

    def close(self):
        """The programs go with the machines' cgroups."""
        atexit.unregister(self.close)
        with self.lock:
            self.closed = True
            shutil.rmtree(self.pins)

    # ------------------------------------------------------------- objects

    def _follow(self, kind):
        api = self.k.api.another()
        while not self.closed:
            try:
                answer = api.ask("GET", self.KINDS[kind])
                self._change(kind, {self._name(o): o for o in answer["items"]}, whole=True)
                self._watch(api, kind, answer["metadata"]["resourceVersion"])
            except (OSError, ValueError, apiserver.ApiError, http.client.HTTPException):
                time.sleep(0.2)		# it is asked anew, from the start
            api.disconnect()

    def _watch(self, api, kind, version):
        for event in api.watch(self.KINDS[kind], version):
            if event["type"] == "ERROR":
                return
            obj = event["object"]
            self._change(kind, {self._name(obj): None if event["type"] == "DELETED" else obj})

    @staticmethod
    def _name(obj):
        return obj["metadata"]["namespace"], obj["metadata"]["name"]

    def _change(self, kind, objects, whole=False):
        with self.lock:
            if self.closed:
                return
            if whole:
                self.objects[kind] = {}
            self.objects[kind].update(objects)
            self._write()

    # ----------------------------------------------------------------- map

    def _wanted(self):
        """{frontend: [backend]}, each (address, port, number of the protocol)."""
        out = {}
        for (ns, name), service in self.objects["Service"].items():
            if not service or service["spec"].get("clusterIP") in (None, "", "None"):
                continue
            for address in service["spec"]["clusterIPs"]:
                for port in service["spec"]["ports"]:
                    proto = self.PROTOCOLS[port.get("protocol", "TCP")]
                    out[address, port["port"], proto] = sorted(self._backends(
                        ns, name, port.get("name") or "", "IPv6" if ":" in address else "IPv4", proto))
        return out

    def _backends(self, ns, name, port, family, proto):
        for (slice_ns, _), s in self.objects["EndpointSlice"].items():
            if not s or slice_ns != ns or s["addressType"] != family or \
                    s["metadata"].get("labels", {}).get("kubernetes.io/service-name") != name:
                continue
            for p in s["ports"] or []:
                if (p.get("name") or "") != port or self.PROTOCOLS[p.get("protocol", "TCP")] != proto:
                    continue
                for e in s["endpoints"] or []:
                    if e.get("conditions", {}).get("ready", True):
                        yield e["addresses"][0], p["port"], proto

    @staticmethod
    def _bytes(address, port, proto):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.inet_pton(family, address).rjust(16, b"\0") + struct.pack("!H", port) + \
            struct.pack("=H", proto)

    def _write(self):
        wanted, lines = self._wanted(), []
        target = f"pinned {self.pins}/maps/services"
        for front, backends in wanted.items():
            if self.entries.get(front) == backends:
                continue
            chosen = backends[:self.BACKENDS]
            value = struct.pack("=I", len(chosen)) + b"".join(
                self._bytes(a, p, 0) for a, p, _ in chosen)
            value = value.ljust(4 + 20 * self.BACKENDS, b"\0")
            lines.append(f"map update {target} key hex {self._bytes(*front).hex(' ')} value hex {value.hex(' ')}")
        lines += [f"map delete {target} key hex {self._bytes(*front).hex(' ')}"
                  for front in self.entries if front not in wanted]
        if lines:
            netns.run("bpftool", "batch", "file", "-", stdin="\n".join(lines) + "\n")
        self.entries = wanted


def add_dns(k):
    """CoreDNS as a Deployment. Returns when it answers for the cluster."""
    labels = {"k8s-app": "kube-dns"}
    meta = {"name": "coredns", "namespace": "kube-system"}
    rbac = "rbac.authorization.k8s.io"
    for obj in (
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
            {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": "coredns"}, "rules": [
                {"apiGroups": [""], "resources": ["namespaces", "pods", "services"], "verbs": ["list", "watch"]},
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"],
                 "verbs": ["list", "watch"]}]},
            {"apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "coredns"},
             "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "coredns"},
             "subjects": [{"kind": "ServiceAccount", **meta}]},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"Corefile": COREFILE}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {**meta, "name": "kube-dns", "labels": labels},
             "spec": {"clusterIP": DNS_ADDR, "selector": labels, "ports": [
                 {"name": "dns", "port": 53, "protocol": "UDP"},
                 {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
             "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
                 "metadata": {"labels": labels}, "spec": _dns_pod()}}}):
        k.api.put(obj)
    netns.wait_for("CoreDNS", lambda: k.get(
        "/apis/apps/v1/namespaces/kube-system/deployments/coredns")["status"].get("readyReplicas"), 60)


def _dns_pod():
    return {
        "serviceAccountName": "coredns", "dnsPolicy": "Default",
        "containers": [{
            "name": "coredns", "image": DNS, "imagePullPolicy": "Never", "args": ["-conf", "/etc/coredns/Corefile"],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}]}],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}]}
