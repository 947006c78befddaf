# SPDX-License-Identifier: GPL-2.0
"""What Kubernetes' text says about NetworkPolicy and ClusterNetworkPolicy, read out loud.

A plain evaluator: for a packet that opens a connection, go through every policy and every rule in the words of the
API reference (networking.k8s.io/v1, NetworkPolicySpec) and of the concept page "Network Policies", and of
policy.networking.k8s.io/v1alpha2, ClusterNetworkPolicySpec. No classes, no
sets, no caching: slow and obvious on purpose. It shares nothing with the compiler and must not.

A cluster is a list of objects as a manifest holds them (dicts).
"""

import ipaddress


def selector_matches(selector, labels):
    """LabelSelector: matchLabels and matchExpressions, all of them; an empty selector matches everything."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for expr in selector.get("matchExpressions") or []:
        key, operator, values = expr["key"], expr["operator"], expr.get("values") or []
        if operator == "In":
            good = key in labels and labels[key] in values
        elif operator == "NotIn":
            good = key not in labels or labels[key] not in values
        elif operator == "Exists":
            good = key in labels
        elif operator == "DoesNotExist":
            good = key not in labels
        else:
            raise ValueError(f"operator {operator!r}")
        if not good:
            return False
    return True


class Pod:
    def __init__(self, obj):
        meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
        self.name, self.namespace = meta["name"], meta.get("namespace", "default")
        self.labels = meta.get("labels") or {}
        self.node = spec.get("nodeName")
        self.host_network = bool(spec.get("hostNetwork"))
        self.finished = status.get("phase") in ("Succeeded", "Failed")
        self.addresses = [ipaddress.ip_address(a["ip"]) for a in status.get("podIPs") or []]
        if not self.addresses and status.get("podIP"):
            self.addresses = [ipaddress.ip_address(status["podIP"])]
        self.ports = []  # (name, protocol, number)
        containers = list(spec.get("containers") or [])
        containers += [c for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"]
        for container in containers:
            for port in container.get("ports") or []:
                if port.get("name"):
                    self.ports.append((port["name"], port.get("protocol", "TCP"), port["containerPort"]))

    def __repr__(self):
        return f"{self.namespace}/{self.name}"


class Cluster:
    def __init__(self, objects):
        self.namespaces = {}
        self.pods = []
        self.policies = []
        self.cluster_policies = []
        self.nodes = []  # (labels, addresses)
        for obj in objects:
            kind = obj["kind"]
            if kind == "Namespace":
                labels = dict(obj["metadata"].get("labels") or {})
                labels["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
                self.namespaces[obj["metadata"]["name"]] = labels
            elif kind == "Pod":
                self.pods.append(Pod(obj))
            elif kind == "NetworkPolicy":
                self.policies.append(obj)
            elif kind == "ClusterNetworkPolicy":
                self.cluster_policies.append(obj)
            elif kind == "Node":
                self.nodes.append((obj["metadata"].get("labels") or {},
                                   [ipaddress.ip_address(a["address"])
                                    for a in (obj.get("status") or {}).get("addresses") or []
                                    if a["type"] in ("InternalIP", "ExternalIP")]))
        for pod in self.pods:
            self.namespaces.setdefault(pod.namespace, {"kubernetes.io/metadata.name": pod.namespace})

    def pod_at(self, address):
        for pod in self.pods:
            if address in pod.addresses and not pod.host_network and not pod.finished:
                return pod
        return None

    # -- one policy -------------------------------------------------------

    @staticmethod
    def types(policy):
        """policyTypes: if unspecified, Ingress always, and Egress if there are egress rules."""
        spec = policy["spec"]
        if spec.get("policyTypes"):
            return set(spec["policyTypes"])
        return {"Ingress", "Egress"} if spec.get("egress") else {"Ingress"}

    @staticmethod
    def selects(policy, pod):
        return (policy["metadata"].get("namespace", "default") == pod.namespace
                and selector_matches(policy["spec"].get("podSelector") or {}, pod.labels))

    def peer_matches(self, policy, peer, address):
        if peer.get("ipBlock") is not None:
            block = peer["ipBlock"]
            cidr = ipaddress.ip_network(block["cidr"])
            if address.version != cidr.version or address not in cidr:
                return False
            for hole in block.get("except") or []:
                if address in ipaddress.ip_network(hole):
                    return False
            return True
        pod = self.pod_at(address)
        if pod is None:
            return False
        if peer.get("namespaceSelector") is None:
            # "selects the Pods matching podSelector in the policy's own namespace"
            if pod.namespace != policy["metadata"].get("namespace", "default"):
                return False
        elif not selector_matches(peer["namespaceSelector"], self.namespaces[pod.namespace]):
            return False
        return peer.get("podSelector") is None or selector_matches(peer["podSelector"], pod.labels)

    @staticmethod
    def port_matches(entry, protocol, number, receiver):
        if entry.get("protocol", "TCP") != protocol:
            return False
        port = entry.get("port")
        if port is None:
            return True
        if isinstance(port, str):
            # A name is the receiving pod's to give.
            return receiver is not None and (port, protocol, number) in receiver.ports
        return port <= number <= entry.get("endPort", port)

    def rule_allows(self, policy, rule, peers, address, flow):
        """A rule allows traffic that matches both its ports and its peers; empty or missing means all."""
        protocol, number, receiver = flow
        if rule.get("ports") and not any(
                self.port_matches(entry, protocol, number, receiver) for entry in rule["ports"]):
            return False
        return not rule.get(peers) or any(self.peer_matches(policy, peer, address) for peer in rule[peers])

    # -- the cluster's policies -------------------------------------------

    def in_scope(self, scope, pod):
        """`namespaces`, or `pods` by namespace and pod selector: a subject's, or a peer's."""
        if "namespaces" in scope:
            return selector_matches(scope["namespaces"], self.namespaces[pod.namespace])
        pods = scope["pods"]
        return (selector_matches(pods.get("namespaceSelector") or {}, self.namespaces[pod.namespace])
                and selector_matches(pods["podSelector"], pod.labels))

    def cluster_peer_matches(self, peer, address):
        if "networks" in peer:
            nets = [ipaddress.ip_network(n) for n in peer["networks"]]
            return any(n.version == address.version and address in n for n in nets)
        if "nodes" in peer:
            return any(selector_matches(peer["nodes"], labels) and address in addresses
                       for labels, addresses in self.nodes)
        pod = self.pod_at(address)
        return pod is not None and self.in_scope(peer, pod)

    @staticmethod
    def protocol_matches(entry, protocol, number, receiver):
        if "destinationNamedPort" in entry:
            return receiver is not None and (entry["destinationNamedPort"], protocol, number) in receiver.ports
        (name, attributes), = entry.items()
        port = attributes["destinationPort"]
        if name.upper() != protocol:
            return False
        if "number" in port:
            return port["number"] == number
        return port["range"]["start"] <= number <= port["range"]["end"]

    def cluster_rule_action(self, rule, peers, address, flow):
        """The action of a rule that matches, or None."""
        if any("domainNames" in peer for peer in rule[peers]):
            # "fail closed": an Accept rule matches no traffic, Deny and Pass are a 'Deny all' rule
            return None if rule["action"] == "Accept" else "Deny"
        if not any(self.cluster_peer_matches(peer, address) for peer in rule[peers]):
            return None
        if "protocols" in rule and not any(self.protocol_matches(entry, *flow) for entry in rule["protocols"]):
            return None
        return rule["action"]

    def tier_decides(self, tier, direction, pod, address, flow):
        """True: accepted; False: denied; None: the next tier has its turn."""
        rules, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
        # Which of two with one priority goes first is the implementation's choice: sluice's is by name.
        mine = sorted((p for p in self.cluster_policies if p["spec"]["tier"] == tier),
                      key=lambda p: (p["spec"]["priority"], p["metadata"]["name"]))
        for policy in mine:
            if not self.in_scope(policy["spec"]["subject"], pod):
                continue
            for rule in policy["spec"].get(rules) or []:
                action = self.cluster_rule_action(rule, peers, address, flow)
                if action is not None:
                    return {"Accept": True, "Deny": False, "Pass": None}[action]
        return None

    # -- all policies -----------------------------------------------------

    def direction_allows(self, direction, pod, address, flow):
        """direction of `pod`, towards or from the other end at `address`."""
        rules, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
        admin = self.tier_decides("Admin", direction, pod, address, flow)
        if admin is not None:
            return admin
        isolating = [p for p in self.policies if self.selects(p, pod) and direction in self.types(p)]
        if not isolating:
            # "Further evaluation only happens for Pods not selected by a v1.NetworkPolicy."
            return self.tier_decides("Baseline", direction, pod, address, flow) is not False
        return any(self.rule_allows(policy, rule, peers, address, flow)
                   for policy in isolating for rule in policy["spec"].get(rules) or [])

    def allows(self, source, destination, protocol, number):
        """Does a connection from address to address open? Both ends' policies have a say."""
        sender, receiver = self.pod_at(source), self.pod_at(destination)
        if sender is not None and sender is receiver:
            return True  # "a pod cannot block access to itself"
        flow = (protocol, number, receiver)
        if sender is not None and not self.direction_allows("Egress", sender, destination, flow):
            return False
        return receiver is None or self.direction_allows("Ingress", receiver, source, flow)

    def verdicts(self, source, destination, protocol, number):
        """(sender's egress, receiver's ingress), None where that end is not a pod."""
        sender, receiver = self.pod_at(source), self.pod_at(destination)
        flow = (protocol, number, receiver)
        return (None if sender is None else self.direction_allows("Egress", sender, destination, flow),
                None if receiver is None else self.direction_allows("Ingress", receiver, source, flow))
