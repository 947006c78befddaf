# SPDX-License-Identifier: GPL-2.0
"""A sluice node in a namespace: the real daemon, pods by the real plugin."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import uuid

import netns
import yaml
from .scope import built, stop
from .topology import Path

NODE = "bench"
UPLINK = ("192.0.2.1/24", "2001:db8::1/64")
ROUTER = "192.0.2.254"
OTHER = "192.0.2.9"	# another node on the uplink
POD_CIDRS = ["10.244.0.0/22", "fd00:244::/64"]
OBJECTS = "00-objects"	# the manifest of a node's own objects
PORT = 7001		# that the traffic tool serves


def meta(name, namespace=None, labels=None):
    out = {"name": name}
    if namespace:
        out["namespace"] = namespace
    if labels:
        out["labels"] = labels
    return out


def node_object():
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta(NODE),
            "spec": {"podCIDRs": POD_CIDRS},
            "status": {"addresses": [{"type": "InternalIP", "address": a.split("/")[0]}
                                     for a in UPLINK]}}


def pod_object(name, namespace, labels, node=NODE):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta(name, namespace, labels),
            "spec": {"nodeName": node, "containers": [{"name": "c", "image": "none"}]}}


def policy_object(name, namespace, app, direction, peer):
    """@app's pods talk in @direction with those of @peer, on the tool's port, and with nobody else."""
    ports = [{"protocol": p, "port": PORT} for p in ("TCP", "UDP")]
    side = "from" if direction == "Ingress" else "to"
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": meta(name, namespace),
            "spec": {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": [direction],
                     direction.lower(): [{side: [{"podSelector": {"matchLabels": {"app": peer}}}],
                                          "ports": ports}]}}


def pair_objects():
    """A client and a server, each isolated in both directions and allowed to the other."""
    out = [{"apiVersion": "v1", "kind": "Namespace", "metadata": meta("bench")}, node_object()]
    for app, peer in (("client", "server"), ("server", "client")):
        out.append(pod_object(app, "bench", {"app": app}))
        for direction in ("Ingress", "Egress"):
            # what the initiator may send and the responder receive; the reverse is replies
            asks = (app == "client") == (direction == "Egress")
            out.append(policy_object(f"{app}-{direction.lower()}", "bench", app, direction,
                                     peer if asks else "nobody"))
    return out


def outside_objects(remote_pod, outside):
    """Another node with a second client, and an address outside that the client may ask."""
    pod = pod_object("client-2", "bench", {"app": "client"}, "other")
    pod["status"] = {"podIPs": [{"ip": remote_pod}]}
    policy = policy_object("client-outside", "bench", "client", "Egress", "nobody")
    policy["spec"]["egress"][0]["to"] = [{"ipBlock": {"cidr": f"{outside}/32"}}]
    return [{"apiVersion": "v1", "kind": "Node", "metadata": meta("other"),
             "spec": {"podCIDRs": [f"{remote_pod}/24".replace(".7/", ".0/")]},
             "status": {"addresses": [{"type": "InternalIP", "address": OTHER}]}}, pod, policy]


def allow_all():
    """Client and server, and one policy for both that isolates them and allows each other."""
    pods = [pod_object(app, "bench", {"app": app}) for app in ("client", "server")]
    peers = [{"podSelector": {}}]
    ports = [{"protocol": "TCP", "port": PORT}]
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
              "metadata": meta("each-other", "bench"),
              "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"],
                       "ingress": [{"from": peers, "ports": ports}],
                       "egress": [{"to": peers, "ports": ports}]}}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": meta("bench")}, node_object(),
            *pods, policy]


class Node:
    """Directories and pins of its own; may be started and stopped any number of times."""

    def __init__(self, scope, name, objects=()):
        self.scope, self.name = scope, name
        self.daemon_path, self.plugin = built("sluiced"), built("sluice-cni")
        self.dir = scope.enter_context(tempfile.TemporaryDirectory(prefix=f"{name}-", dir="/run"))
        self.manifests = os.path.join(self.dir, "manifests")
        os.mkdir(self.manifests)
        self.pin_root = f"/sys/fs/bpf/{name}"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")} | {
            "SLUICE_PIN_ROOT": self.pin_root, "SLUICE_STATE_DIR": os.path.join(self.dir, "state"),
            "SLUICE_RUN_DIR": os.path.join(self.dir, "run"), "SLUICE_MANIFESTS": self.manifests,
            "SLUICE_NODE_NAME": NODE, "SLUICE_CGROUP": "none"}
        self.socket = os.path.join(self.dir, "run", "sluiced.sock")
        self.log = os.path.join(self.dir, "sluiced.log")
        self.daemon = None
        self.write(OBJECTS, objects)
        self.ns = scope.netns(name, forwarding=True)
        self.address = UPLINK[0].split("/")[0]
        self.ns.ip("link add uplink type veth peer name far", "link set far up",
                   "link set uplink up", *(f"address add {a} dev uplink" for a in UPLINK),
                   f"route add default via {ROUTER} dev uplink")
        scope.callback(self.remove)

    def write(self, name, objects):
        """One manifest file, replaced in one step."""
        tmp = os.path.join(self.dir, "tmp")
        with open(tmp, "w") as f:
            yaml.dump_all(objects, f, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper))
        os.rename(tmp, os.path.join(self.manifests, f"{name}.yaml"))

    def start(self, wait=30):
        """Returns the moment of exec, by CLOCK_MONOTONIC. @wait: seconds to be ready; 0: don't."""
        with open(self.log, "a") as log:
            at = time.monotonic()
            self.daemon = self.ns.popen([self.daemon_path, "--uplink", "uplink"], env=self.env,
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            netns.wait_for("sluiced to be ready", self.is_ready, wait)
        return at

    def is_ready(self):
        if self.daemon.poll() is not None:
            with open(self.log) as f:
                raise netns.Error(f"sluiced ended with {self.daemon.returncode}: {f.read()[-1000:]}")
        try:
            return self.ask("ready").get("ready")
        except OSError:
            return False

    def ask(self, op, **args):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(self.socket)
            s.sendall(json.dumps({"op": op, "args": args}).encode() + b"\n")
            answer = json.loads(s.makefile().readline())
        if not answer["ok"]:
            raise netns.Error(f"{op}: {answer['error']}")
        return answer["result"]

    def kill(self):
        """As a crash would."""
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()

    def stop(self):
        if self.daemon:
            stop(self.daemon)

    def remove(self):
        self.stop()
        self.unpin()

    def unpin(self):
        """Takes the dataplane away, as a reboot does."""
        for path, _, files in os.walk(self.pin_root, topdown=False):
            for f in files:
                os.unlink(os.path.join(path, f))
            os.rmdir(path)

    def cni(self, command, container, ns, pod):
        """One call of the plugin for @pod ("namespace/name"), as a container runtime makes it;
        its standard output."""
        config = {"cniVersion": "1.1.0", "name": "sluice", "type": "sluice-cni",
                  "socket": self.socket, "stateDir": self.env["SLUICE_STATE_DIR"]}
        env = self.env | {"CNI_COMMAND": command, "CNI_CONTAINERID": container,
                          "CNI_NETNS": ns.path, "CNI_IFNAME": "eth0",
                          "CNI_PATH": os.path.dirname(self.plugin),
                          "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE={};K8S_POD_NAME={}".format(
                              *pod.split("/"))}
        return self.ns.run(self.plugin, env=env, stdin=json.dumps(config))

    def add(self, pod):
        """Makes @pod ("namespace/name"); its namespace and {family: address}."""
        ns = self.scope.netns(f"{self.name}-{pod.replace('/', '-')}")
        result = json.loads(self.cni("ADD", uuid.uuid4().hex, ns, pod))
        addrs = [ip["address"].split("/")[0] for ip in result["ips"]]
        return ns, {6 if ":" in a else 4: a for a in addrs}

    def rss_mib(self):
        with open(f"/proc/{self.daemon.pid}/status") as f:
            kib = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
        return kib / 1024


def pair(scope, name):
    """A node with a client and a server under policies; also the way between the two."""
    node = Node(scope, name, pair_objects())
    node.start()
    client, _ = node.add("bench/client")
    server, addr = node.add("bench/server")
    return node, Path("sluice", client, server, addr[4])


def sluice(scope):
    """The path through sluice."""
    return pair(scope, "sluice")[1]
