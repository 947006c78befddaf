# SPDX-License-Identifier: GPL-2.0
"""
The stock plugins in sluice's place: a network that knows no policies, on which a
test of policies has to fail.
"""
import json

import netns

PLUGINS = [f"/usr/lib/cni/{name}" for name in ("bridge", "host-local")]


def config(cidrs):
    return {"cniVersion": "1.0.0", "name": "bridge", "plugins": [{
        "type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": cidr}] for cidr in cidrs],
                 "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}]}


def install(k):
    """On all nodes of @k, with routes between them. Returns when they are Ready."""
    def allocated():
        have = {n["metadata"]["name"]: n["spec"].get("podCIDRs") for n in k.get("/api/v1/nodes")["items"]}
        return all(have.get(n.name) for n in k.nodes) and have
    cidrs = netns.wait_for("addresses for pods", allocated, 60)
    for n in k.nodes:
        for other in k.nodes:
            if other is not n:
                n.ns.ip(*(f"route add {cidr} via {other.addr[6 if ':' in cidr else 4]}"
                          for cidr in cidrs[other.name]))
        n.machine.run("install", "-t", "/opt/cni/bin", *PLUGINS)
        n.machine.run("install", "-D", "-m", "644", "/dev/stdin", "/etc/cni/net.d/10-bridge.conflist",
                      stdin=json.dumps(config(cidrs[n.name])))
    for n in k.nodes:
        n.wait_ready()
