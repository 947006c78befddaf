# SPDX-License-Identifier: GPL-2.0
"""
A cluster to compile: pods over many namespaces with unique labels among their
labels, and policies of the kinds that clusters have. The same every time.
Written as text, one document after another: ten thousand objects through a
YAML library take longer than what is measured.
"""
import ipaddress
import os
import random

PODS, POLICIES = 10000, 1000
NAMESPACES = 100
APPS = [f"app{i}" for i in range(10)]
TIERS = ("front", "back", "data")
LOCAL_PODS = 110	# what a kubelet allows a node by default
LOCAL_NET = ipaddress.ip_network("10.244.0.0/22")
NODES_NET = ipaddress.ip_network("192.168.0.0/16")
REMOTE_NET = ipaddress.ip_network("10.128.0.0/12")


def namespace(i):
    return (f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ns{i}\n"
            f"  labels: {{team: t{i % 12}, stage: {'prod' if i % 3 else 'test'}}}\n")


def node_text(i, name):
    return (f"apiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\n"
            f"spec: {{podCIDR: {ipaddress.ip_address('10.144.0.0') + 256 * i}/24}}\n"
            f"status: {{addresses: [{{type: InternalIP, address: {NODES_NET[2 + i]}}}]}}\n")


class Pod:
    """Pod @i of the cluster; the first ones are on the node @node."""

    def __init__(self, i, node):
        self.name, self.namespace = f"pod{i}", f"ns{i % NAMESPACES}"
        self.local = i < LOCAL_PODS
        self.node = node if self.local else f"node{i // LOCAL_PODS}"
        net = LOCAL_NET if self.local else REMOTE_NET
        self.address = str(net[2 + i])
        self.labels = {"app": APPS[(7 * i + i // NAMESPACES) % len(APPS)], "tier": TIERS[i % 3],
                       "pod-hash": f"{i:08x}"}

    def text(self):
        labels = ", ".join(f'{k}: "{v}"' for k, v in self.labels.items())
        return (f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {self.name}\n"
                f"  namespace: {self.namespace}\n  labels: {{{labels}}}\n"
                f"spec:\n  nodeName: {self.node}\n"
                "  containers: [{name: c, image: none, "
                "ports: [{name: http, containerPort: 8080}]}]\n"
                f"status:\n  phase: Running\n  podIPs: [{{ip: {self.address}}}]\n")


def peers(rng):
    kind = rng.randrange(4)
    if kind == 0:
        return f"{{podSelector: {{matchLabels: {{app: {rng.choice(APPS)}}}}}}}"
    if kind == 1:
        return f"{{namespaceSelector: {{matchLabels: {{team: t{rng.randrange(12)}}}}}}}"
    if kind == 2:
        return (f"{{podSelector: {{matchExpressions: [{{key: app, operator: In, "
                f"values: [{', '.join(rng.sample(APPS, 2))}]}}]}}, "
                "namespaceSelector: {matchLabels: {stage: prod}}}")
    net = f"172.{rng.randrange(16, 32)}.0.0/16"
    hole = net.replace(".0.0/16", f".{rng.randrange(256)}.0/24")
    return f"{{ipBlock: {{cidr: {net}, except: [{hole}]}}}}"


def ports(rng):
    kind = rng.randrange(3)
    if kind == 0:
        return "{protocol: TCP, port: http}"
    if kind == 1:
        return f"{{protocol: TCP, port: {rng.randrange(1, 100) * 100}}}, {{protocol: UDP, port: 53}}"
    low = rng.randrange(1, 300) * 100
    return f"{{protocol: TCP, port: {low}, endPort: {low + 50}}}"


def policy(i, rng):
    """A tenth isolate a namespace; the others allow, for one app, a few peers on a few ports."""
    ns = f"ns{i % NAMESPACES}"
    head = (f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: np{i}\n"
            f"  namespace: {ns}\nspec:\n")
    if i // NAMESPACES % 10 == 0:
        return head + "  podSelector: {}\n  policyTypes: [Ingress]\n"
    way, side = rng.choice((("ingress", "from"), ("ingress", "from"), ("egress", "to")))
    rules = "".join(f"  - {side}: [{', '.join(peers(rng) for _ in range(rng.randint(1, 3)))}]\n"
                    f"    ports: [{ports(rng)}]\n" for _ in range(rng.randint(1, 3)))
    return (head + f"  podSelector: {{matchLabels: {{app: {rng.choice(APPS)}}}}}\n"
            f"  policyTypes: [{way.capitalize()}]\n  {way}:\n{rules}")


def write(directory, node, npods, npolicies, seed=1, others=False):
    """Manifest files in @directory, Node objects among them where @others are wanted; the pods."""
    rng = random.Random(seed)
    pods = [Pod(i, node) for i in range(npods)]
    nodes = dict.fromkeys(p.node for p in pods) if others else ()
    files = {"05-nodes": [node_text(i, name) for i, name in enumerate(nodes)],
             "10-namespaces": [namespace(i) for i in range(NAMESPACES)],
             "20-pods": [p.text() for p in pods],
             "30-policies": [policy(i, rng) for i in range(npolicies)]}
    for name, docs in files.items():
        with open(os.path.join(directory, f"{name}.yaml"), "w") as f:
            f.write("---\n".join(docs))
    return pods
