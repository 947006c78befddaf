# SPDX-License-Identifier: GPL-2.0
"""A Service of the tests and its slices, as objects."""
import traffic as tr
from cluster import new_object

VIP = {4: "10.96.0.10", 6: "fd00:96::10"}
PORT, TARGET, NODE_PORT = 80, 8080, 30080
PROTOS = (tr.TCP, tr.UDP, tr.SCTP)


def service(name="web", vip=None, **spec):
    """Of every protocol, under one port each."""
    vip = vip or VIP
    ports = [{"name": p.lower(), "protocol": p, "port": PORT, "targetPort": TARGET,
              **({"nodePort": NODE_PORT} if spec.get("type") in ("NodePort", "LoadBalancer") else {})}
             for p in PROTOS]
    return new_object("Service", name, "ns", spec={
        "type": "ClusterIP", "clusterIP": vip[4], "clusterIPs": [vip[4], vip[6]],
        "ipFamilies": ["IPv4", "IPv6"], "ports": ports, **spec})


def endpoint(pod, v, **conditions):
    return {"addresses": [pod.addr[v]], "nodeName": pod.node.name,
            "conditions": {"ready": True, **conditions},
            "targetRef": {"kind": "Pod", "namespace": "ns", "name": pod.podname}}


def slices(*backends, name="web", **conditions):
    """@backends: pods, or (pod, conditions)."""
    pairs = [b if isinstance(b, tuple) else (b, conditions) for b in backends]
    return [{**new_object("EndpointSlice", f"{name}-{v}", "ns", "discovery.k8s.io/v1",
                          labels={"kubernetes.io/service-name": name}),
             "addressType": f"IPv{v}",
             "ports": [{"name": p.lower(), "protocol": p, "port": TARGET} for p in PROTOS],
             "endpoints": [endpoint(b, v, **cond) for b, cond in pairs]} for v in (4, 6)]
