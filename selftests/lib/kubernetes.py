# SPDX-License-Identifier: GPL-2.0
"""
A whole cluster of real programs: etcd, kube-apiserver, kube-controller-manager
and kube-scheduler, and nodes with containerd and kubelet, each a machine of its
own (machine.py) on the fabric. Images are made here, of what the host has: nobody
asks a registry. All of it lies under /run.
"""
import atexit
import json
import os
import runpy
import shutil
import subprocess

import apiserver
import netns
import tap
from machine import Machine
from node import BUILD, TOP

ROOT = "/run/sl-k8s"
READY_S = 90
LOOPBACK = "/usr/lib/cni/loopback"
PAUSE, BOX = "localhost/pause:test", "localhost/box:test"
PAUSE_C = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n"
POD_CIDRS = "10.244.0.0/16,fd00:244::/56"
DNS_ADDR = "10.96.0.10"		# where CoreDNS is, if there is one: services.py


def image(tag, files, entry, output):
    """An OCI image of @files, {path in it: file}, by the code that makes sluice's."""
    mkimage = runpy.run_path(f"{TOP}/scripts/deploy/mkimage", run_name="mkimage")
    contents = {}
    for to, path in files.items():
        with open(path, "rb") as f:
            contents[to] = (0o755, f.read())
    layer = mkimage["tar"](contents, ["proc", "sys", "dev", "etc", "tmp", "run", "var/run"])
    with open(output, "wb") as f:
        f.write(mkimage["tar"](mkimage["layout"](layer, tag, entry, 1)))


def make_images(directory):
    source = f"{directory}/pause.c"
    with open(source, "w") as f:
        f.write(PAUSE_C)
    netns.run("gcc", "-static", "-O2", "-o", f"{directory}/pause", source)
    image(PAUSE, {"pause": f"{directory}/pause"}, ["/pause"], f"{directory}/pause.tar")
    image(BOX, {"bin/busybox": "/bin/busybox", "bin/sh": "/bin/busybox"}, ["/bin/busybox"],
          f"{directory}/box.tar")
    netns.run(f"{TOP}/scripts/deploy/mkimage", BUILD, f"{directory}/sluice.tar")
    return [f"{directory}/{x}.tar" for x in ("pause", "box", "sluice")]


def spawn(popen, name, argv):
    """A program whose output is kept, by @popen of where it runs."""
    with open(f"{ROOT}/{name}.log", "a") as log:
        return popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


class KubeNode:
    """A machine with containerd and kubelet; @index: the last part of its addresses."""

    def __init__(self, kubernetes, name, index):
        self.api, self.name = kubernetes.api, name
        self.dir = f"{ROOT}/{name}"
        os.makedirs(self.dir, mode=0o700)
        self.addr = {4: f"172.31.0.{index}", 6: f"fd31::{index}"}
        self.ns = netns.Netns(name, forwarding=True)
        kubernetes.cluster.plug(self.ns, "uplink", self.addr, 1500)
        self.machine = Machine(self.ns, f"{self.dir}/layers", ROOT)

    def start(self, images):
        self.machine.run("install", "-D", "-t", "/opt/cni/bin", LOOPBACK)	# containerd 1.x asks for it
        self._start_containerd()
        for path in images:
            self.machine.run("ctr", "-n", "k8s.io", "image", "import", path, timeout=120)
        self._start_kubelet()

    def spawn(self, name, *argv):
        return spawn(self.machine.popen, f"{self.name}-{name}", argv)

    def _start_containerd(self):
        conf = f"{self.dir}/containerd.toml"
        with open(conf, "w") as f:
            f.write(f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/opt/cni/bin"
conf_dir = "/etc/cni/net.d"
""")
        # what a shim that is killed leaves of its commands goes with the machine
        self.spawn("containerd", "env", "TMPDIR=/run", "containerd", "-c", conf)
        netns.wait_for("containerd", lambda: os.path.exists(
            f"/proc/{self.machine.pid}/root/run/containerd/containerd.sock"))

    def _start_kubelet(self):
        pair = self.api.authority.issue(self.name, f"/O=system:nodes/CN=system:node:{self.name}",
                                        "clientAuth")
        self.api.kubeconfig(f"{self.dir}/kubelet.conf", pair=pair)
        authority = shutil.copy(self.api.authority.path("authority", "crt"), self.dir)
        with open(f"{self.dir}/kubelet.yaml", "w") as f:
            json.dump({
                "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
                "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": False},
                                   "x509": {"clientCAFile": authority}},
                "authorization": {"mode": "AlwaysAllow"},
                "cgroupDriver": "cgroupfs", "cgroupRoot": "/", "failCgroupV1": False,
                "oomScoreAdj": 0, "failSwapOn": False, "enforceNodeAllocatable": [],
                "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock", "resolvConf": "",
                "clusterDNS": [DNS_ADDR], "clusterDomain": "cluster.local",
                "makeIPTablesUtilChains": False, "imageGCHighThresholdPercent": 100,
                "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%",
                                 "imagefs.available": "0%", "nodefs.inodesFree": "0%",
                                 "imagefs.inodesFree": "0%"},
                "podLogsDir": "/var/log/pods", "syncFrequency": "2s",
                "nodeStatusUpdateFrequency": "2s"}, f)
        self.spawn("kubelet", f"{apiserver.PROGRAMS}/kubelet", "--config", f"{self.dir}/kubelet.yaml",
                   "--kubeconfig", f"{self.dir}/kubelet.conf", "--hostname-override", self.name,
                   "--node-ip", f"{self.addr[4]},{self.addr[6]}", "--root-dir", "/var/lib/kubelet",
                   "--cert-dir", f"{self.dir}/pki")

    def condition(self, kind):
        try:
            status = self.api.ask("GET", f"/api/v1/nodes/{self.name}")["status"]
        except apiserver.ApiError:
            return None		# it has not registered itself yet
        return next((x for x in status.get("conditions") or [] if x["type"] == kind), None)

    def wait_ready(self):
        netns.wait_for(f"{self.name} to be Ready", lambda: (self.condition("Ready") or {}).get("status")
                       == "True", READY_S)

    def log_tail(self, name, lines=8):
        with open(f"{ROOT}/{self.name}-{name}.log", errors="replace") as f:
            return "".join(l[:300].rstrip() + "\n" for l in f.readlines()[-lines:])

    def close(self):
        self.machine.close()
        self.ns.delete()


class Kubernetes:
    """@cluster: a Cluster whose API server is whole."""

    def __init__(self, cluster):
        self.cluster, self.api = cluster, cluster.api
        self.procs, self.nodes = [], []
        atexit.register(self.close)
        os.makedirs(ROOT, mode=0o700)
        admin = f"{ROOT}/admin.conf"
        self.api.kubeconfig(admin, url=f"https://127.0.0.1:{apiserver.PORT}", pair=self.api.admin)
        self.images = make_images(ROOT)
        self._spawn("kube-controller-manager", "--kubeconfig", admin,
                    "--leader-elect=false", "--service-account-private-key-file",
                    f"{self.api.dir}/pki/sa.key", "--root-ca-file",
                    self.api.authority.path("authority", "crt"), "--allocate-node-cidrs",
                    "--cluster-cidr", POD_CIDRS, "--node-cidr-mask-size-ipv4", "24",
                    "--node-cidr-mask-size-ipv6", "64", "--bind-address", "127.0.0.1")
        self._spawn("kube-scheduler", "--kubeconfig", admin, "--leader-elect=false",
                    "--bind-address", "127.0.0.1")

    def _spawn(self, name, *argv):
        self.procs.append(spawn(self.api.ns.popen, name, [f"{apiserver.PROGRAMS}/{name}", *argv]))

    def add_node(self):
        index = len(self.nodes) + 1
        n = KubeNode(self, f"k{index}", index)
        self.nodes.append(n)
        n.start(self.images)
        return n

    # ---------------------------------------------------------------- requests

    def kubectl(self, *argv, **kwargs):
        return self.api.program("kubectl", *argv, **kwargs)

    def install(self):
        """By the chart, with what these nodes are: no registry, no cluster IPs."""
        values = {"apiServer.host": apiserver.ADDR[4], "apiServer.port": apiserver.PORT,
                  "config.uplink": "uplink", "image.pullPolicy": "Never"}
        self.api.program("helm", "install", "sluice", f"{TOP}/scripts/deploy/chart", "-n", "kube-system",
                         *(w for k, v in values.items() for w in ("--set", f"{k}={v}")))
        for n in self.nodes:
            n.wait_ready()

    def get(self, path):
        return self.api.ask("GET", path)

    def add_namespace(self, name):
        """Returns when pods can be made in it."""
        def exists():
            try:
                return self.get(f"/api/v1/namespaces/{name}/serviceaccounts/default")
            except apiserver.ApiError:
                return None
        self.api.put(self.cluster.namespace(name))
        netns.wait_for("the service account", exists)

    def pod(self, ns, name):
        return self.get(f"/api/v1/namespaces/{ns}/pods/{name}")

    def run_pod(self, ns, name, labels, command, node=None, box=BOX):
        """@node: the name of the one that it has to be on; @box: its image."""
        where = {"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}
        self.api.put({"apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": name, "namespace": ns, "labels": labels}, "spec": {
                "terminationGracePeriodSeconds": 0, **where,
                "containers": [{"name": "c", "image": box, "imagePullPolicy": "Never",
                                "command": command}]}})

    def wait_pod(self, ns, name):
        """The pod's addresses, {4: …, 6: …}, once it runs and is ready."""
        def running():
            status = self.pod(ns, name)["status"]
            return any(c["type"] == "Ready" and c["status"] == "True"
                       for c in status.get("conditions") or []) and status
        status = netns.wait_for(f"{ns}/{name} to run", running, 60)
        return {6 if ":" in i["ip"] else 4: i["ip"] for i in status["podIPs"]}

    # --------------------------------------------------------------------- end

    def report(self):
        """State for a failed test's output."""
        for n in self.nodes:
            for name in ("kubelet", "containerd"):
                tap.diag(f"---- {n.name} {name}\n" + n.log_tail(name))
        tap.diag(self.kubectl("get", "pods", "-A", "-o", "wide"))
        tap.diag(self.kubectl("get", "events", "-A")[-2000:])

    def close(self):
        atexit.unregister(self.close)
        for n in reversed(self.nodes):
            n.close()
        for p in reversed(self.procs):
            p.terminate()
        for p in self.procs:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        shutil.rmtree(ROOT, ignore_errors=True)
