# SPDX-License-Identifier: GPL-2.0
"""Random clusters, small enough to ask everything of, crooked enough to matter.

The alphabet is tiny on purpose: few label keys and values make selectors meet, overlap and miss.
"""

import ipaddress

KEYS = ("app", "tier", "env")
VALUES = ("a", "b", "c", "")
NAMESPACES = ("red", "green", "blue", "grey")
PORT_NAMES = ("http", "dns", "metrics")
PROTOCOLS = ("TCP", "UDP", "SCTP")
PORTS = (1, 53, 79, 80, 81, 443, 8079, 8080, 8081, 8443, 9999, 32768, 65535)


def labels(rng):
    return {key: rng.choice(VALUES) for key in KEYS if rng.random() < 0.6}


def selector(rng):
    out = {}
    if rng.random() < 0.25:
        return out
    if rng.random() < 0.6:
        out["matchLabels"] = {rng.choice(KEYS): rng.choice(VALUES) for _ in range(rng.randint(1, 2))}
    if rng.random() < 0.5:
        out["matchExpressions"] = []
        for _ in range(rng.randint(1, 2)):
            operator = rng.choice(("In", "NotIn", "Exists", "DoesNotExist"))
            expr = {"key": rng.choice(KEYS), "operator": operator}
            if operator in ("In", "NotIn"):
                expr["values"] = rng.sample(VALUES, rng.randint(1, 3))
            out["matchExpressions"].append(expr)
    return out


def namespace_selector(rng):
    if rng.random() < 0.3:
        return {"matchLabels": {"kubernetes.io/metadata.name": rng.choice(NAMESPACES)}}
    return selector(rng)


def ip_block(rng, addresses):
    """Around a real address more often than not, so that blocks and pods meet."""
    if rng.random() < 0.15:
        base = ipaddress.ip_network(rng.choice(("0.0.0.0/0", "::/0", "10.0.0.0/8", "fd00::/8")))
    else:
        address = rng.choice(addresses)
        shortest, longest = (8, 32) if address.version == 4 else (16, 128)
        base = ipaddress.ip_network((address, rng.randint(shortest, longest)), strict=False)
    block = {"cidr": str(base)}
    holes = []
    for _ in range(rng.choice((0, 0, 1, 2))):
        inside = [a for a in addresses if a.version == base.version and a in base]
        if not inside or base.prefixlen == base.max_prefixlen:
            break
        length = rng.randint(base.prefixlen + 1, base.max_prefixlen)
        holes.append(str(ipaddress.ip_network((rng.choice(inside), length), strict=False)))
    if holes:
        block["except"] = holes
    return block


def peer(rng, addresses):
    kind = rng.random()
    if kind < 0.3:
        return {"ipBlock": ip_block(rng, addresses)}
    out = {}
    if kind < 0.75:
        out["podSelector"] = selector(rng)
    if kind > 0.55:
        out["namespaceSelector"] = namespace_selector(rng)
    return out


def port(rng):
    out = {}
    if rng.random() < 0.8:
        out["protocol"] = rng.choice(PROTOCOLS)
    kind = rng.random()
    if kind < 0.15:
        return out
    if kind < 0.4:
        out["port"] = rng.choice(PORT_NAMES)
    else:
        out["port"] = rng.choice(PORTS)
        if rng.random() < 0.4:
            out["endPort"] = rng.choice([p for p in PORTS if p >= out["port"]])
    return out


def rule(rng, peers, addresses):
    out = {}
    if rng.random() < 0.75:
        out[peers] = [peer(rng, addresses) for _ in range(rng.randint(0, 3))]
    if rng.random() < 0.65:
        out["ports"] = [port(rng) for _ in range(rng.randint(0, 3))]
    return out


def policy(rng, number, namespace, addresses):
    spec = {"podSelector": selector(rng)}
    if rng.random() < 0.7:
        spec["policyTypes"] = rng.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"]))
    types = spec.get("policyTypes")
    if types is None or "Ingress" in types:
        if rng.random() < 0.8:
            spec["ingress"] = [rule(rng, "from", addresses) for _ in range(rng.randint(0, 3))]
    if types is None or "Egress" in types:
        if rng.random() < 0.6:
            spec["egress"] = [rule(rng, "to", addresses) for _ in range(rng.randint(0, 3))]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": f"p{number}", "namespace": namespace}, "spec": spec}


def scope(rng):
    """Pods, as a subject or a peer of a ClusterNetworkPolicy names them."""
    if rng.random() < 0.5:
        return {"namespaces": namespace_selector(rng)}
    pods = {"podSelector": selector(rng)}
    if rng.random() < 0.7:
        pods["namespaceSelector"] = namespace_selector(rng)
    return {"pods": pods}


def cluster_peer(rng, addresses, egress, named):
    kind = rng.random()
    if not egress or named or kind < 0.55:
        return scope(rng)
    if kind < 0.75:
        return {"nodes": selector(rng)}
    if kind < 0.8:
        return {"domainNames": ["www.example.org", "*.example.net"]}
    return {"networks": sorted({ip_block(rng, addresses)["cidr"] for _ in range(rng.randint(1, 3))})}


def protocol(rng, named):
    if named and rng.random() < 0.6:
        return {"destinationNamedPort": rng.choice(PORT_NAMES)}
    if rng.random() < 0.5:
        port = {"number": rng.choice(PORTS)}
    else:
        start, end = sorted(rng.sample(PORTS, 2))
        port = {"range": {"start": start, "end": end}}
    return {rng.choice(PROTOCOLS).lower(): {"destinationPort": port}}


def cluster_rule(rng, addresses, egress):
    named = rng.random() < 0.3
    out = {"action": rng.choice(("Accept", "Deny", "Pass")),
           "to" if egress else "from": [cluster_peer(rng, addresses, egress, named) for _ in range(rng.randint(1, 3))]}
    if rng.random() < 0.6:
        out["protocols"] = [protocol(rng, named) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.3:
        out["name"] = "rule"
    return out


def cluster_policy(rng, name, addresses):
    spec = {"tier": rng.choice(("Admin", "Baseline")), "priority": rng.choice((0, 1, 500, 1000)),
            "subject": scope(rng)}
    for direction in ("ingress", "egress"):
        if rng.random() < 0.8:
            spec[direction] = [cluster_rule(rng, addresses, direction == "egress")
                               for _ in range(rng.randint(0, 4))]
    return {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
            "metadata": {"name": name}, "spec": spec}


def node(rng, name):
    """Never of the name `here`: its addresses would be those of the pods' own node."""
    ips = rng.sample(outside(), rng.randint(1, 3))
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels(rng)},
            "status": {"addresses": [{"type": rng.choice(("InternalIP", "ExternalIP")), "address": str(ip)}
                                     for ip in ips] + [{"type": "Hostname", "address": name}]}}


def pod(rng, number, namespace, node, families):
    spec = {"nodeName": node, "containers": [{"name": "c", "image": "none", "ports": []}]}
    for name in PORT_NAMES:
        if rng.random() < 0.5:
            spec["containers"][0]["ports"].append(
                {"name": name, "protocol": rng.choice(PROTOCOLS), "containerPort": rng.choice(PORTS)})
    ips = []
    if "4" in families:
        ips.append({"ip": f"10.{rng.randint(0, 1)}.{rng.randint(0, 3)}.{number + 1}"})
    if "6" in families:
        ips.append({"ip": str(ipaddress.ip_address(f"fd00:{rng.randint(0, 1)}::{rng.randint(0, 3)}:{number + 1:x}"))})
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": f"pod{number}", "namespace": namespace, "labels": labels(rng)},
            "spec": spec, "status": {"phase": "Running", "podIPs": ips}}


def cluster(rng, local="here"):
    """A list of objects. Pods of node `local` and of others; some namespaces have no object."""
    namespaces = rng.sample(NAMESPACES, rng.randint(1, len(NAMESPACES)))
    objects = []
    for name in namespaces:
        if rng.random() < 0.85:
            objects.append({"apiVersion": "v1", "kind": "Namespace",
                            "metadata": {"name": name, "labels": labels(rng)}})
    pods = []
    for number in range(rng.randint(2, 12)):
        families = rng.choice(("46", "46", "46", "4", "6"))
        obj = pod(rng, number, rng.choice(namespaces), rng.choice((local, local, "there")), families)
        if obj["spec"]["nodeName"] != local and rng.random() < 0.1:
            obj["status"]["phase"] = rng.choice(("Succeeded", "Failed"))
        pods.append(obj)
    objects += pods
    addresses = [ipaddress.ip_address(ip["ip"]) for obj in pods for ip in obj["status"]["podIPs"]]
    addresses += outside()
    for number in range(rng.choice((0, 1, 1, 2, 3, 4, 6, 8))):
        objects.append(policy(rng, number, rng.choice(namespaces), addresses))
    for number in range(rng.choice((0, 1, 2, 3, 4, 6))):
        objects.append(cluster_policy(rng, f"c{number}", addresses))
    for number in range(rng.randint(0, 2)):
        objects.append(node(rng, f"node{number}"))
    rng.shuffle(objects)
    return objects


def outside():
    """Addresses that are nobody's pod."""
    return [ipaddress.ip_address(a) for a in ("10.0.0.200", "192.0.2.7", "198.51.100.1", "fd00::200", "2001:db8::7")]


def mutate_cluster(rng, objects, addresses):
    """Puts, replaces or takes away a ClusterNetworkPolicy."""
    name = f"c{rng.randint(0, 5)}"
    rest = [o for o in objects if o["kind"] != "ClusterNetworkPolicy" or o["metadata"]["name"] != name]
    if len(rest) < len(objects) and rng.random() < 0.3:
        return rest, f"cluster policy {name} removed"
    return rest + [cluster_policy(rng, name, addresses)], f"cluster policy {name} put"


def mutate(rng, objects):
    """One change of the kind that clusters see; returns (objects, what was done)."""
    objects = list(objects)
    pods = [i for i, o in enumerate(objects) if o["kind"] == "Pod"]
    policies = [i for i, o in enumerate(objects) if o["kind"] == "NetworkPolicy"]
    spaces = [i for i, o in enumerate(objects) if o["kind"] == "Namespace"]
    addresses = [ipaddress.ip_address(ip["ip"]) for i in pods for ip in objects[i]["status"]["podIPs"]] + outside()
    kind = rng.choice(("label", "label", "policy", "add", "remove", "namespace", "cluster", "cluster", "node"))
    if kind == "cluster":
        return mutate_cluster(rng, objects, addresses)
    if kind == "node":
        nodes = [i for i, o in enumerate(objects) if o["kind"] == "Node"]
        if nodes and rng.random() < 0.3:
            gone = objects.pop(rng.choice(nodes))
            return objects, f"node {gone['metadata']['name']} removed"
        name = f"node{rng.randint(0, 2)}"
        objects = [o for o in objects if o["kind"] != "Node" or o["metadata"]["name"] != name]
        return objects + [node(rng, name)], f"node {name} put"
    if kind == "label" and pods:
        i = rng.choice(pods)
        objects[i] = {**objects[i], "metadata": {**objects[i]["metadata"], "labels": labels(rng)}}
        return objects, f"labels of {objects[i]['metadata']['name']}"
    if kind == "namespace" and spaces:
        i = rng.choice(spaces)
        objects[i] = {**objects[i], "metadata": {**objects[i]["metadata"], "labels": labels(rng)}}
        return objects, f"labels of namespace {objects[i]['metadata']['name']}"
    if kind == "remove" and policies:
        gone = objects.pop(rng.choice(policies))
        return objects, f"policy {gone['metadata']['name']} removed"
    if kind == "policy" and policies:
        i = rng.choice(policies)
        meta = objects[i]["metadata"]
        new = policy(rng, 0, meta["namespace"], addresses)
        new["metadata"] = meta
        objects[i] = new
        return objects, f"policy {meta['name']} rewritten"
    # A name that none has: of two objects with one name only the first counts.
    taken = {objects[i]["metadata"]["name"] for i in policies}
    number = rng.choice([n for n in range(100, 1101) if f"p{n}" not in taken])
    namespace = objects[rng.choice(pods)]["metadata"]["namespace"]
    objects.append(policy(rng, number, namespace, addresses))
    return objects, f"policy p{number} added"
