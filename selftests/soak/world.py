# SPDX-License-Identifier: GPL-2.0
"""
Random clusters as cases: the objects that there are at the beginning, and the
steps that change them, all known before anything runs. A case is plain data,
so that it can be kept in a file, run again and made smaller:

    {"seed": …, "start": [object, …], "steps": [{"number": n, "writes": [write, …]}, …],
     "questions": [[source, destination, protocol, port], …]}

What the node can't do without, its pods and their namespaces, is there bare where
"start" doesn't have it. A write is {"put": object} or {"delete": [kind, namespace, name]}; a step
of "kill": n kills the daemon after its nth write to the tables, and starts another. @questions are asked at every step
beside those that the seed and the number of the step give.
"""
import copy
import ipaddress
import random

import generate
from oracle import Cluster

NAMESPACES = generate.NAMESPACES[:3]
LOCAL = 7			# pods of the node, for the whole run; their labels and ports change
REMOTE = 4			# and of another one, which come and go
REMOTE_NODE = "n9"
REMOTE_ADDRS = [{4: f"10.244.9.{i + 2}", 6: f"fd00:244:9::{i + 2:x}"} for i in range(REMOTE)]
STEPS = 6
STANDING, FRESH = 160, 100	# questions for the whole of a case, and new ones at each step
MAX_BURST = 3


def local_names():
    return [(NAMESPACES[i % len(NAMESPACES)], f"pod{i}") for i in range(LOCAL)]


def key(obj):
    return obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]


def write_key(write):
    return key(write["put"]) if "put" in write else tuple(write["delete"])


def written(objects, write):
    """@objects, {key: object}, after @write."""
    out = dict(objects)
    if "put" in write:
        out[write_key(write)] = write["put"]
    else:
        out.pop(write_key(write), None)
    return out


def namespace(name, labels):
    return {"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {**labels, "kubernetes.io/metadata.name": name}}}


def set_addresses(pod, addrs):
    pod["status"] = {"phase": "Running", "podIP": addrs[4], "podIPs": [{"ip": a} for a in addrs.values()]}


class Generator:
    """@local: {(namespace, name): {4: address, 6: address}}; @outside: addresses of hosts."""

    def __init__(self, seed, node, local, outside):
        self.rng = random.Random(seed)
        self.seed, self.node, self.local, self.outside = seed, node, local, outside
        self.addresses = [ipaddress.ip_address(a) for addrs in [*local.values(), *REMOTE_ADDRS]
                          for a in addrs.values()] + [ipaddress.ip_address(a) for a in outside]
        self.objects = {}

    # ------------------------------------------------------------- objects

    def _pod(self, ns, name, node, addrs):
        obj = generate.pod(self.rng, 0, ns, node, "")
        obj["metadata"]["name"] = name
        set_addresses(obj, addrs)
        return obj

    def _remote(self, i):
        obj = self._pod(self.rng.choice(NAMESPACES), f"far{i}", REMOTE_NODE, REMOTE_ADDRS[i])
        if self.rng.random() < 0.1:
            obj["status"]["phase"] = self.rng.choice(("Succeeded", "Failed"))
        return obj

    def _namespace(self, name):
        return namespace(name, generate.labels(self.rng))

    def _node(self, name):
        """By addresses of hosts outside: nobody routes to them by it."""
        ips = self.rng.sample(self.outside, self.rng.randint(1, 3))
        kinds = [{"type": self.rng.choice(("InternalIP", "ExternalIP")), "address": ip} for ip in ips]
        return {"apiVersion": "v1", "kind": "Node",
                "metadata": {"name": name, "labels": generate.labels(self.rng)},
                "status": {"addresses": kinds + [{"type": "Hostname", "address": name}]}}

    def _policy(self, number=None):
        number = self.rng.randrange(8) if number is None else number
        ns = NAMESPACES[number % len(NAMESPACES)]
        return generate.policy(self.rng, number, ns, self.addresses)

    def _cluster_policy(self, number=None):
        number = self.rng.randrange(6) if number is None else number
        return generate.cluster_policy(self.rng, f"c{number}", self.addresses)

    def _start(self):
        rng = self.rng
        objects = [self._namespace(name) for name in NAMESPACES]
        objects += [self._pod(ns, name, self.node, addrs) for (ns, name), addrs in self.local.items()]
        objects += [self._remote(i) for i in range(REMOTE) if rng.random() < 0.7]
        objects += [self._policy(i) for i in range(rng.choice((0, 1, 2, 3, 4, 6, 8)))]
        objects += [self._cluster_policy(i) for i in range(rng.choice((0, 1, 2, 3, 4, 6)))]
        objects += [self._node(f"m{i}") for i in range(rng.randint(0, 2))]
        return objects

    # ------------------------------------------------------------- changes

    def _relabelled(self, kind):
        """Of some object of @kind: everything else of it stays as it is."""
        have = [o for o in self.objects.values() if o["kind"] == kind]
        obj = copy.deepcopy(self.rng.choice(have))
        keep = {k: v for k, v in (obj["metadata"].get("labels") or {}).items() if "/" in k}
        obj["metadata"]["labels"] = {**generate.labels(self.rng), **keep}
        return {"put": obj}

    def _come_or_go(self, new, odds=0.4):
        """@new is written, or, if there is one of that name and chance says so, that one goes."""
        old = key(new)
        if old in self.objects and self.rng.random() < odds:
            return {"delete": list(old)}
        return {"put": new}

    def _remote_pod(self):
        i = self.rng.randrange(REMOTE)
        have = [k for k in self.objects if k[0] == "Pod" and k[2] == f"far{i}"]
        return {"delete": list(have[0])} if have else {"put": self._remote(i)}

    def _some_node(self):
        name = f"m{self.rng.randrange(2)}"
        if ("Node", None, name) in self.objects:
            return {"delete": ["Node", None, name]}
        return {"put": self._node(name)}

    def _write(self):
        kind = self.rng.choice(("pod", "pod", "remote", "policy", "policy", "policy", "cluster", "cluster",
                                "namespace", "node", "relabel"))
        if kind == "pod":
            return self._relabelled("Pod")
        if kind == "namespace":
            return self._relabelled("Namespace")
        if kind == "relabel" and any(k[0] == "Node" for k in self.objects):
            return self._relabelled("Node")
        if kind == "remote":
            return self._remote_pod()
        if kind == "policy":
            return self._come_or_go(self._policy())
        if kind == "cluster":
            return self._come_or_go(self._cluster_policy())
        return self._some_node()

    def _step(self, number):
        rng, writes = self.rng, []
        count = rng.choice((1, 1, 1, 1, 2, 3))
        while len(writes) < count:
            write = self._write()
            # of one object the last word counts, and which words were seen is not known
            if write_key(write) not in map(write_key, writes):
                writes.append(write)
                self.objects = written(self.objects, write)
        step = {"number": number, "writes": writes}
        if rng.random() < 0.1:
            step["kill"] = rng.randint(1, 6)
        return step

    def case(self):
        start = self._start()
        self.objects = {key(o): o for o in start}
        return {"seed": self.seed, "start": start, "questions": [],
                "steps": [self._step(i + 1) for i in range(STEPS)]}


# ----------------------------------------------------------------- questions

def question(rng, ours, others):
    """Of two addresses of one family one is a pod's of the node; both directions."""
    mine = rng.choice(ours)
    rest = [a for a in ours + others if (":" in a) == (":" in mine) and a != mine]
    ends = [mine, rng.choice(rest)]
    rng.shuffle(ends)
    return (*ends, rng.choice(generate.PROTOCOLS), rng.choice(generate.PORTS))


def questions(seed, number, count, ours, others):
    rng = random.Random(f"{seed} {number}")
    return [question(rng, ours, others) for _ in range(count)]


def judge(objects, asked):
    """{question: (sender's egress, receiver's ingress)}, None where that end is no pod."""
    cluster = Cluster(list(objects.values()))
    return {q: cluster.verdicts(ipaddress.ip_address(q[0]), ipaddress.ip_address(q[1]), q[2], q[3])
            for q in asked}


def passes(verdict):
    return verdict[0] is not False and verdict[1] is not False
