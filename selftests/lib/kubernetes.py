# SPDX-License-Identifier: GPL-2.0
"""
A whole cluster of real programs: etcd, kube-apiserver, kube-controller-manager
and kube-scheduler, and nodes with containerd and kubelet, each in a network
namespace on the fabric. Images are made here, of what the machine has: nobody
asks a registry. All of a node lies under /run; the places that a host has one
of only (/opt/cni, /etc/cni, /var/lib/sluice, ...) are covered by empty ones, so
there is one node to a test.
"""
import atexit
import json
import os
import runpy
import shutil
import subprocess
import time

import apiserver
import linux
import netns
import tap
from node import BUILD, TOP

ROOT = "/run/sl-k8s"
COVERED = ("/opt/cni/bin", "/etc/cni/net.d", "/var/lib/sluice", "/var/lib/kubelet", "/var/log/pods",
           "/var/log/containers", "/var/lib/cni")
READY_S = 90
LOOPBACK = "/usr/lib/cni/loopback"
PAUSE, BOX = "localhost/pause:test", "localhost/box:test"
PAUSE_C = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n"


def image(tag, files, entry, output):
    """An OCI image of @files, {path in it: file}, by the code that makes sluice's."""
    mkimage = runpy.run_path(f"{TOP}/scripts/deploy/mkimage", run_name="mkimage")
    contents = {}
    for to, path in files.items():
        with open(path, "rb") as f:
            contents[to] = (0o755, f.read())
    layer = mkimage["tar"](contents, ["proc", "sys", "dev", "etc", "tmp", "run", "var/run"])
    with open(output, "wb") as f:
        f.write(mkimage["tar"](mkimage["layout"](layer, tag, entry)))


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


def cover():
    """Empty places in this mount namespace over what the host has; returns how to undo it."""
    made = []
    for path in COVERED:
        parts, at = path.strip("/").split("/"), ""
        for part in parts:
            at += "/" + part
            if not os.path.isdir(at):
                os.mkdir(at)
                made.append(at)
        linux.mount("tmpfs", path, "tmpfs", 0, "mode=755")

    def undo():
        for path in COVERED:
            linux.umount(path, linux.MNT_DETACH)
        for path in reversed(made):
            os.rmdir(path)
    return undo


class Kubernetes:
    """@cluster: a Cluster whose API server is whole."""

    def __init__(self, cluster):
        self.cluster, self.api = cluster, cluster.api
        self.procs, self.uncover = [], None
        atexit.register(self.close)
        os.makedirs(ROOT, mode=0o700)
        admin = f"{ROOT}/admin.conf"
        self._kubeconfig(admin, self.api.admin, f"https://127.0.0.1:{apiserver.PORT}")
        self.uncover = cover()
        shutil.copy(LOOPBACK, "/opt/cni/bin")	# containerd 1.x asks for it, whatever the network
        self.images = make_images(ROOT)
        self._spawn(self.api.ns, "kube-controller-manager", "--kubeconfig", admin,
                    "--leader-elect=false", "--service-account-private-key-file",
                    f"{self.api.dir}/pki/sa.key", "--root-ca-file",
                    self.api.authority.path("authority", "crt"), "--allocate-node-cidrs",
                    "--cluster-cidr", "10.244.0.0/16,fd00:244::/56", "--node-cidr-mask-size-ipv4", "24",
                    "--node-cidr-mask-size-ipv6", "64", "--bind-address", "127.0.0.1")
        self._spawn(self.api.ns, "kube-scheduler", "--kubeconfig", admin, "--leader-elect=false",
                    "--bind-address", "127.0.0.1")

    def _kubeconfig(self, path, pair, url=None):
        self.api.kubeconfig(path, url=url, **{"client-certificate": pair[0], "client-key": pair[1]})

    def _spawn(self, ns, name, *argv, program=None):
        with open(f"{ROOT}/{name}.log", "a") as log:
            p = ns.popen([program or f"{apiserver.PROGRAMS}/{name}", *argv], stdin=subprocess.DEVNULL,
                         stdout=log, stderr=log)
        self.procs.append(p)
        return p

    # ------------------------------------------------------------------- node

    def add_node(self, name="k1", index=1):
        self.node = name
        self.addr = {4: f"172.31.0.{index}", 6: f"fd31::{index}"}
        self.ns = netns.Netns(name, forwarding=True)
        self.cluster.plug(self.ns, "uplink", self.addr, 1500)
        self._start_containerd()
        for path in self.images:
            self.ns.run("ctr", "-a", f"{ROOT}/containerd.sock", "-n", "k8s.io", "image", "import", path,
                        timeout=60)
        self._start_kubelet()

    def _start_containerd(self):
        conf = f"{ROOT}/containerd.toml"
        with open(conf, "w") as f:
            f.write(f"""version = 2
root = "{ROOT}/containerd"
state = "{ROOT}/containerd-state"
[grpc]
address = "{ROOT}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/opt/cni/bin"
conf_dir = "/etc/cni/net.d"
""")
        self._spawn(self.ns, "containerd", "-c", conf, program="containerd")
        netns.wait_for("containerd", lambda: os.path.exists(f"{ROOT}/containerd.sock"))

    def _start_kubelet(self):
        pair = self.api.authority.issue(self.node, f"/O=system:nodes/CN=system:node:{self.node}",
                                        "clientAuth")
        self._kubeconfig(f"{ROOT}/kubelet.conf", pair)
        with open(f"{ROOT}/kubelet.yaml", "w") as f:
            json.dump({
                "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
                "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": False},
                                   "x509": {"clientCAFile": self.api.authority.path("authority", "crt")}},
                "authorization": {"mode": "AlwaysAllow"},
                "cgroupDriver": "cgroupfs", "cgroupRoot": "/", "failCgroupV1": False,
                "oomScoreAdj": 0, "failSwapOn": False, "enforceNodeAllocatable": [],
                "containerRuntimeEndpoint": f"unix://{ROOT}/containerd.sock", "resolvConf": "",
                "makeIPTablesUtilChains": False, "imageGCHighThresholdPercent": 100,
                "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%",
                                 "imagefs.available": "0%", "nodefs.inodesFree": "0%",
                                 "imagefs.inodesFree": "0%"},
                "podLogsDir": "/var/log/pods", "syncFrequency": "2s",
                "nodeStatusUpdateFrequency": "2s"}, f)
        self._spawn(self.ns, "kubelet", "--config", f"{ROOT}/kubelet.yaml", "--kubeconfig",
                    f"{ROOT}/kubelet.conf", "--hostname-override", self.node, "--node-ip",
                    f"{self.addr[4]},{self.addr[6]}", "--root-dir", "/var/lib/kubelet",
                    "--cert-dir", f"{ROOT}/kubelet-pki")

    # ---------------------------------------------------------------- requests

    def kubectl(self, *argv, **kwargs):
        return self.api.program("kubectl", *argv, **kwargs)

    def install(self):
        """By the chart, with what these nodes are: no registry, no cluster IPs."""
        values = {"apiServer.host": apiserver.ADDR[4], "apiServer.port": apiserver.PORT,
                  "config.uplink": "uplink", "image.pullPolicy": "Never"}
        self.api.program("helm", "install", "sluice", f"{TOP}/scripts/deploy/chart", "-n", "kube-system",
                         *(w for k, v in values.items() for w in ("--set", f"{k}={v}")))
        self.wait_ready()

    def get(self, path):
        return self.api.ask("GET", path)

    def condition(self, kind):
        try:
            status = self.get(f"/api/v1/nodes/{self.node}")["status"]
        except apiserver.ApiError:
            return None		# it has not registered itself yet
        return next((x for x in status.get("conditions") or [] if x["type"] == kind), None)

    def wait_ready(self):
        netns.wait_for("the node to be Ready", lambda: (self.condition("Ready") or {}).get("status")
                       == "True", READY_S)

    def pod(self, ns, name):
        return self.get(f"/api/v1/namespaces/{ns}/pods/{name}")

    def run_pod(self, ns, name, labels, command):
        self.api.put({"apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": name, "namespace": ns, "labels": labels}, "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "c", "image": BOX, "imagePullPolicy": "Never",
                                "command": command}]}})

    def wait_pod(self, ns, name):
        """The pod's addresses, {4: …, 6: …}, once it runs and is ready."""
        def running():
            status = self.pod(ns, name)["status"]
            return any(c["type"] == "Ready" and c["status"] == "True"
                       for c in status.get("conditions") or []) and status
        status = netns.wait_for(f"{ns}/{name} to run", running, 60)
        return {6 if ":" in i["ip"] else 4: i["ip"] for i in status["podIPs"]}

    def close(self):
        atexit.unregister(self.close)
        for p in reversed(self.procs):
            p.terminate()
        for p in self.procs:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self._kill_containers()
        self._unmount()
        if self.uncover:
            self.uncover()
        for path in (ROOT, "/run/mount", "/run/sluice", "/run/containerd", "/sys/fs/bpf/sluice"):
            shutil.rmtree(path, ignore_errors=True)

    def _kill_containers(self):
        """Shims and what they run: they outlive containerd, as they should."""
        for _ in range(50):
            pids = []
            for pid in (p for p in os.listdir("/proc") if p.isdigit()):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as f:
                        shim = b"containerd-shim" in f.read()
                    with open(f"/proc/{pid}/cgroup") as f:
                        contained = "/kubepods" in f.read()
                except OSError:
                    continue
                if shim or contained:
                    pids.append(int(pid))
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    pass
            time.sleep(0.1)
        for path, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
            if "/kubepods" in path:
                try:
                    os.rmdir(path)
                except OSError:
                    pass

    def _unmount(self):
        with open("/proc/self/mountinfo") as f:
            points = [l.split()[4] for l in f]
        for p in sorted(points, reverse=True):
            if p.startswith((ROOT + "/", "/var/lib/kubelet/", "/run/netns/cni-")) or \
                    (p == "/var/lib/kubelet" and points.count(p) > 1):
                points.remove(p)
                try:
                    linux.umount(p, linux.MNT_DETACH)
                except OSError as e:
                    tap.diag(f"{p}: {e}")
        for name in os.listdir("/run/netns"):
            if name.startswith("cni-"):
                os.unlink(f"/run/netns/{name}")
