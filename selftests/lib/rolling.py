# SPDX-License-Identifier: GPL-2.0
"""
All backends of a Service replaced one by one while clients connect at a steady
rate (churn.c): under sluice, or under kube-proxy, each with an API server of its
own. So only one of the two is there at a time.
"""
import json
import subprocess
import time

import netns
from cgroup import Cgroup
from cluster import Cluster, Host, new_object
from kubeproxy import ProxyCluster, ProxyPod
from node import BUILD

PORT, TARGET, NODE_PORT = 80, 8080, 30080
VIP = {4: "10.96.0.10", 6: "fd00:96::10"}
OUTSIDE = {4: "172.31.0.200", 6: "fd31::200"}
BACKENDS = 6		# as many more take their places
BYTES = 2000
# A process takes connections for so long after its endpoint is said to be terminating.
GRACE_S = 0.2
PAUSE_S = 0.2		# between a backend that is gone and the next
BEFORE_S, AFTER_S = 0.5, 1.5
FAILURES = ("refused", "reset", "silent", "short", "wrong", "local")
TERMINATING = {"ready": False, "serving": True, "terminating": True}


def took():
    """Seconds for which clients ask."""
    return BEFORE_S + BACKENDS * (GRACE_S + PAUSE_S) + AFTER_S


class Way:
    """From whom connections come, and to what; @group: the cgroup that the client is in."""

    def __init__(self, name, ns, to, port, group=None):
        self.name, self.ns, self.to, self.port, self.group = name, ns, to, port, group


class World:
    """Two nodes, a client's pod, twice BACKENDS pods on both nodes, and a host outside."""

    def __init__(self, cluster, client, pods):
        self.cluster, self.pods = cluster, pods
        out = Host(cluster, "out", OUTSIDE)
        for ns in (client.ns, out.ns):
            ns.sysctl("ipv4/ip_local_port_range", "1024 65535")
        self.ways = [Way("a pod", client.ns, VIP, PORT),
                     Way("outside", out.ns, cluster.nodes[0].addr, NODE_PORT)]
        ports = [{"name": "p", "protocol": "TCP", "port": PORT, "targetPort": TARGET, "nodePort": NODE_PORT}]
        cluster.apply(new_object("Service", "web", "ns", spec={
            "type": "NodePort", "clusterIP": VIP[4], "clusterIPs": list(VIP.values()),
            "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack", "ports": ports}))

    def say(self, v, endpoints):
        """The slice of family @v; @endpoints: [(pod, conditions)]."""
        self.cluster.apply({
            **new_object("EndpointSlice", f"web-{v}", "ns", "discovery.k8s.io/v1",
                         labels={"kubernetes.io/service-name": "web"}),
            "addressType": f"IPv{v}", "ports": [{"name": "p", "protocol": "TCP", "port": TARGET}],
            "endpoints": [{"addresses": [p.addr[v]], "nodeName": p.node.name,
                           "conditions": {"ready": True, **conditions},
                           "targetRef": {"kind": "Pod", "namespace": "ns", "name": p.podname}}
                          for p, conditions in endpoints]})

    def update(self, v, rates):
        """
        One rolling update, with connections of family @v: {name of a way: a second}.
        Returns {name: what churn says, and "failed", all that failed}.
        """
        old, new = self.pods[:BACKENDS], self.pods[BACKENDS:]
        self.say(v, [(p, {}) for p in old])
        self.cluster.settle()
        servers = Servers(self.pods, v)
        try:
            clients = {w.name: ask(w, v, rates[w.name]) for w in self.ways if w.name in rates}
            time.sleep(BEFORE_S)
            for i in range(BACKENDS):
                stay = [(p, {}) for p in old[i + 1:] + new[:i + 1]]
                self.say(v, [(old[i], TERMINATING), *stay])
                time.sleep(GRACE_S)
                servers.retire(i)
                self.say(v, stay)
                time.sleep(PAUSE_S)
            return {name: result(p) for name, p in clients.items()}
        finally:
            servers.close()


class Servers:
    def __init__(self, pods, v):
        self.proc = subprocess.Popen(
            [f"{BUILD}/selftests/lib/churn", "serve", str(BYTES), str(TARGET),
             *(f"{p.ns.path}={p.addr[v]}" for p in pods)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hear("ready")

    def hear(self, want):
        line = self.proc.stdout.readline().strip()
        if line != want:
            raise netns.Error(f"churn says {line!r} and not {want!r}")

    def retire(self, number):
        """It takes no more connections when this returns; those that it has are answered."""
        self.proc.stdin.write(f"close {number}\n")
        self.proc.stdin.flush()
        self.hear(f"closed {number}")

    def close(self):
        self.proc.stdin.close()
        self.proc.wait(10)
        self.proc.stdout.close()


def ask(way, v, rate):
    return subprocess.Popen(
        [f"{BUILD}/selftests/lib/churn", "ask", str(BYTES), way.ns.path, way.to[v], str(way.port), str(rate),
         str(int(took() * 1000))], stdout=subprocess.PIPE, text=True,
        preexec_fn=way.group.enter if way.group else None)


def result(proc):
    out = json.loads(proc.communicate(timeout=60 * netns.SLOW)[0])
    out["failed"] = sum(out[f] for f in FAILURES)
    return out


class Sluice(World):
    """A pod's connections both at connect and by the packet."""

    def __init__(self):
        self.group = Cgroup("rolling")
        self.both = Cluster(encap="direct", source="kubernetes")
        nodes = [self.both.add_node("--cgroup", self.group.path), self.both.add_node()]
        client = self.both.add_pod(nodes[0], "ns/client")
        super().__init__(self.both, client, [self.both.add_pod(nodes[i % 2], f"ns/w{i}")
                                             for i in range(2 * BACKENDS)])
        self.ways[0].group = self.group
        self.ways.append(Way("a pod, by the packet", client.ns, VIP, PORT))

    def close(self):
        self.both.close()
        self.group.delete()


class KubeProxy(World):
    """With kube-proxy's defaults, also for how often it writes rules."""

    def __init__(self):
        self.both = ProxyCluster()
        nodes = [self.both.add_node() for _ in range(2)]

        def pod(i, name):
            cidr = nodes[i % 2].cidr
            return ProxyPod(nodes[i % 2], f"ns/{name}", {4: cidr[4].replace(".0/24", f".{10 + i}"),
                                                         6: cidr[6].replace("::/64", f"::{10 + i:x}")})
        client = pod(2 * BACKENDS, "client")
        super().__init__(self.both, client, [pod(i, f"w{i}") for i in range(2 * BACKENDS)])
        self.both.start()

    def close(self):
        self.both.close()
        netns.delete_all()
