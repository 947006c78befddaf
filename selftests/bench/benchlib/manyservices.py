# SPDX-License-Identifier: GPL-2.0
"""
A node among very many services, from a real API server: until it is ready, until one
endpoint that changes is followed by packets, and what all of it takes in memory.
"""
import json
import time

import netns
import traffic as tr
from cluster import new_object
from node import BUILD
from .api import Writers, open_cluster, rss_mib
from .figure import show

SERVICES, ENDPOINTS, NAMESPACES = 10000, 10, 100
VIP, PORT, TARGET = "10.96.255.10", 80, 7000
NAMES = ["services_10k_ready_ms", "services_10k_one_ms", "services_10k_mib"]


def slice_of(name, ns, addrs, port):
    return {**new_object("EndpointSlice", f"{name}-abcde", ns, "discovery.k8s.io/v1",
                         labels={"kubernetes.io/service-name": name}),
            "addressType": "IPv4", "ports": [{"name": "", "port": port, "protocol": "UDP"}],
            "endpoints": [{"addresses": [a], "conditions": {"ready": True}} for a in addrs]}


def service_of(name, ns, vip):
    return new_object("Service", name, ns, spec={
        "clusterIP": vip, "clusterIPs": [vip], "ports": [{"port": PORT, "protocol": "UDP"}]})


def fill(c, count):
    w = Writers(c.api)
    w.put([c.namespace(f"ns{i}") for i in range(NAMESPACES)])
    for i in range(0, count, 2000):
        w.put([obj for k in range(i, min(count, i + 2000)) for obj in (
            service_of(f"svc{k}", f"ns{k % NAMESPACES}", f"10.96.{k // 250 + 1}.{k % 250 + 1}"),
            slice_of(f"svc{k}", f"ns{k % NAMESPACES}",
                     [f"10.{130 + e}.{k // 250}.{k % 250 + 1}" for e in range(ENDPOINTS)], 8080))])


# Addresses are other things', too.
MAPS = ("sl_front", "sl_svc", "sl_set", "sl_backend", "sl_svc_src", "sl_affinity", "sl_sock", "sl_addr")


def maps_mib(n):
    """Of the maps that services are in, by the kernel's own account."""
    total = 0
    for name in MAPS:
        shown = json.loads(n.ns.run("bpftool", "-j", "map", "show", "pinned", f"{n.pin_dir}/maps/{name}"))
        total += shown["bytes_memlock"]
    return total / (1 << 20)


class Asker:
    """Datagrams of a pod to the service, from one socket each; which server gets them?"""

    def __init__(self, client, *servers):
        self.client = client
        self.servers = [tr.Server(s.ns, tr.UDP, s.addr[4], TARGET) for s in servers]

    def until(self, i, seconds=10):
        """Sends until server @i is reached; seconds that it took."""
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            at = time.monotonic()
            with tr.new_socket(self.client.ns, tr.UDP, VIP) as sock:
                sock.sendto(b"x", (VIP, PORT))
                time.sleep(0.0002)
            try:
                while self.servers[i].sock.recv(100):
                    return at - start
            except BlockingIOError:
                pass
        raise RuntimeError(f"server {i} is not reached")

    def close(self):
        for s in self.servers:
            s.sock.close()


def one_change(c, client, servers, changes):
    """Milliseconds from the server's answer to a new endpoint to the packet that follows it."""
    samples = []
    asker = Asker(client, *servers)
    asker.until(0)
    for i in range(1, changes + 1):
        c.api.put(slice_of("probe", "ns0", [servers[i % 2].addr[4]], TARGET))
        samples.append(asker.until(i % 2) * 1000)
    asker.close()
    return samples


def measure(figures, opts):
    c = open_cluster()
    try:
        fill(c, SERVICES // 50 if opts.quick else SERVICES)
        c.api.disconnect()	# the server does not wait so long
        n = c.add_node(start=False)
        starts, rss = [], []
        for _ in range(max(2, opts.starts // 3)):
            at = time.monotonic()
            n.start()
            starts.append((time.monotonic() - at) * 1000)
            rss.append(rss_mib(n.daemon.pid))
            n.stop()
            n.ns.run(f"{BUILD}/sluiced", "--unload", env=n.environ())
        figures.add(NAMES[0], "ms", starts)
        n.start()
        pods = [c.add_pod(n, f"ns0/{name}", {"app": name}) for name in ("client", "one", "two")]
        c.api.put(service_of("probe", "ns0", VIP))
        c.api.put(slice_of("probe", "ns0", [pods[1].addr[4]], TARGET))
        c.settle()
        figures.add(NAMES[1], "ms", one_change(c, pods[0], pods[1:], min(opts.changes, 30)))
        kernel = maps_mib(n)
        show(f"  {max(rss):.1f} MiB of the daemon, {kernel:.1f} MiB of services' maps")
        figures.add(NAMES[2], "MiB", [r + kernel for r in rss], value=max(rss) + kernel)
    finally:
        c.close()


def parts(opts):
    return [(NAMES, lambda f: measure(f, opts))]
