# SPDX-License-Identifier: GPL-2.0
"""
Three nodes and what passes between them, the same tests for every way of
getting there; test_nodes_<encap> names the way.
"""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netns  # noqa: E402
import tap  # noqa: E402
import traffic as tr  # noqa: E402
from cluster import Cluster, policy  # noqa: E402
from node import Drops, NoDrops  # noqa: E402

MTU = 1500
# RFC 7348 section 5, RFC 8926 section 3: outer IP, UDP 8, header 8, inner Ethernet 14
OVERHEAD = {"direct": (0,), "vxlan": (50, 70), "geneve": (50, 70)}
# VNI 1; the same sections, RFC 8926 section 3.4
PORT = {"vxlan": 4789, "geneve": 6081}
HEADER = {"vxlan": struct.pack("!II", 0x08 << 24, 1 << 8),
          "geneve": struct.pack("!BBHI", 0, 0, 0x6558, 1 << 8)}
DEVICE = {"vxlan": "vxlan", "geneve": "geneve"}

ENCAP = c = None
pods = {}


def need_device(encap):
    if encap == "direct":
        return
    with netns.Netns("probe") as ns:
        try:
            netns.run("ip", "link", "add", "x", "type", DEVICE[encap], "external")
        except netns.Error:
            raise tap.Skip(f"kernel without {encap} devices")
        finally:
            ns.delete()


def setup():
    global c
    c = Cluster(encap=ENCAP, mtu=MTU)
    need_device(ENCAP)
    for _ in range(3):
        c.add_node()
    for i, n in enumerate(c.nodes, 1):
        for name in ("a", "b"):
            pods[f"{name}{i}"] = c.add_pod(n, f"ns/{name}{i}", {"app": name, "on": n.name})
    c.settle()


def sniff(node):
    """A socket that sees what @node's uplink carries."""
    return node.ns.packet_socket("uplink")


def frames(sock):
    sock.setblocking(False)
    out = []
    while True:
        try:
            out.append(sock.recv(65536))
        except BlockingIOError:
            return out


def mtu_derived():
    dev_mtu = int(pods["a1"].ns.run("ip", "-o", "link", "show", "eth0").split(" mtu ")[1].split()[0])
    tap.check(MTU - dev_mtu in OVERHEAD[ENCAP], f"the pod's MTU is {dev_mtu}")


def everybody(proto, v):
    if proto == tr.SCTP and not tr.have_sctp(pods["a1"].ns):
        raise tap.Skip("kernel without SCTP sockets")
    servers = {name: tr.Server(p.ns, proto, p.addr[v], 7000) for name, p in pods.items()}
    pairs = [(x, y) for x in pods for y in pods if x != y]
    got = tr.go(*(tr.probe_peer(pods[x].ns, servers[y]) for x, y in pairs))
    for s in servers.values():
        s.sock.close()
    for (x, y), (outcome, peer) in zip(pairs, got):
        tap.equal((outcome, peer and peer[0]), ("open", pods[x].addr[v]), f"{x} to {y}")


def refused(v):
    p = pods["a2"]
    for proto in (tr.TCP, tr.UDP):
        with tr.Server(p.ns, proto, p.addr[v], 7000) as s:
            tap.equal(tr.reach(pods["a1"].ns, s, port=7001), "refused", proto)


def sizes(v):
    a, b = pods["a1"], pods["a2"]
    mtu = int(a.ns.run("ip", "-o", "link", "show", "eth0").split(" mtu ")[1].split()[0])
    seen = sniff(a.node)
    with NoDrops(a.node), NoDrops(b.node):
        with tr.Ping(a.ns, b.addr[v]) as p:
            tr.dont_fragment(p.sock)
            tap.equal(p.ask(mtu - (28 if v == 4 else 48)), "reply", "as large as the MTU")
        for f in frames(seen):
            if f[12:14] == b"\x08\0" and f[23] == 17:
                tap.check(not struct.unpack_from("!H", f, 20)[0] & 0x3fff, "fragments on the link")
        tap.equal(tr.ping(a.ns, b.addr[v], 4000), "reply", "a fragmented ping")
        with tr.Server(b.ns, tr.UDP, b.addr[v], 7000) as s:
            for size in (1452, 1473, 9000, 60000):
                tap.check(tr.datagram(a.ns, s, size), f"a datagram of {size} bytes did not pass")
        with tr.Server(b.ns, tr.TCP, b.addr[v], 7000) as s:
            tr.go(tr.transfer(a.ns, s, 20_000_000, 10_000_000))
    seen.close()


def on_the_wire(v):
    """Pods' packets leave as they should: as they are, or inside a tunnel and no other way."""
    a, b = pods["a1"], pods["a3"]
    seen = sniff(a.node)
    tap.equal(tr.ping(a.ns, b.addr[v]), "reply")
    raw = socket.inet_pton(tr.family_of(a.addr[v]), a.addr[v]) + \
        socket.inet_pton(tr.family_of(b.addr[v]), b.addr[v])
    at = [f.find(raw) for f in frames(seen)]
    seen.close()
    at = [x for x in at if x >= 0]
    tap.check(at, "no packet of the ping was on the link")
    plain = 14 + (12 if v == 4 else 8)
    if ENCAP == "direct":
        tap.equal(set(at), {plain}, "offset of the addresses")
    else:
        tap.check(min(at) > plain + 30, f"pods' addresses at offset {min(at)}: not in a tunnel")


def host_and_pods(v):
    """The host of one node and pods of another, both ways."""
    n1, b = c.nodes[0], pods["a2"]
    for proto in (tr.TCP, tr.UDP):
        with tr.Server(b.ns, proto, b.addr[v], 7000) as s:
            tap.equal(tr.reach(n1.ns, s), "open", f"n1 to a2, {proto}")
            tap.equal(tr.reach(n1.ns, s, port=7001), "refused", f"n1 to a2, no server, {proto}")
        with tr.Server(n1.ns, proto, n1.addr[v], 7000) as s:
            tap.equal(tr.reach(b.ns, s), "open", f"a2 to n1, {proto}")
            tap.equal(tr.reach(b.ns, s, port=7001), "refused", f"a2 to n1, no server, {proto}")
    tap.equal(tr.ping(n1.ns, b.addr[v], 4000), "reply", "n1 pings a2")
    tap.equal(tr.ping(b.ns, n1.addr[v], 4000), "reply", "a2 pings n1")
    with tr.Server(b.ns, tr.TCP, b.addr[v], 7000) as s:
        tr.go(tr.transfer(n1.ns, s, 5_000_000, 5_000_000))


def hops(v):
    a, b = pods["a1"], pods["a2"]
    for ttl, offender in ((1, c.nodes[0].addr[v]), (2, c.nodes[1].addr[v])):
        with tr.Ping(a.ns, b.addr[v]) as p:
            tr.set_ttl(p.sock, ttl)
            err = p.ask()
            tap.check(err and err != "reply", f"TTL {ttl}: {err}")
            tap.equal((err.type, err.offender), (11 if v == 4 else 3, offender), f"TTL {ttl}")
    with tr.Ping(a.ns, b.addr[v]) as p:
        tr.set_ttl(p.sock, 3)
        tap.equal(p.ask(), "reply", "TTL 3")


def ask(frm, to, v, proto=tr.TCP):
    """@frm: a namespace; one probe to port 7000 of pod @to."""
    return tr.ask(frm, pods[to].ns, proto, pods[to].addr[v], 7000, timeout=0.5 * netns.SLOW)


def policy_ingress(v):
    """Who may talk to a2 is decided where a2 is, about pods that are elsewhere."""
    c.enforce(policy("ns", "p", {"app": "a", "on": "n2"}, policyTypes=["Ingress"], ingress=[
        {"from": [{"podSelector": {"matchLabels": {"app": "b"}}}]}]))
    try:
        for proto in (tr.TCP, tr.UDP):
            for frm in ("b1", "b2", "b3"):
                tap.equal(ask(pods[frm].ns, "a2", v, proto), "open", f"{frm} to a2, {proto}")
            for frm in ("a1", "a3"):
                with Drops(c.nodes[1], "policy-ingress", only=True):
                    tap.equal(ask(pods[frm].ns, "a2", v, proto), "silent", f"{frm} to a2, {proto}")
            tap.equal(ask(pods["a1"].ns, "a3", v, proto), "open", "a1 to a3, which is not selected")
        tap.equal(ask(c.nodes[1].ns, "a2", v), "open", "the pod's own node")
        with Drops(c.nodes[1], "policy-ingress"):
            tap.equal(ask(c.nodes[0].ns, "a2", v), "silent", "another node")
    finally:
        c.delete("NetworkPolicy", "p", "ns")
        c.settle()
    tap.equal(ask(pods["a1"].ns, "a2", v), "open", "after the policy is gone")


def policy_egress(v):
    c.enforce(policy("ns", "p", {"app": "a", "on": "n1"}, policyTypes=["Egress"], egress=[
        {"to": [{"podSelector": {"matchLabels": {"on": "n2"}}}],
         "ports": [{"protocol": "TCP", "port": 7000}]}]))
    try:
        tap.equal(ask(pods["a1"].ns, "a2", v), "open", "a1 to a2")
        with Drops(c.nodes[0], "policy-egress", only=True), NoDrops(c.nodes[1]):
            tap.equal(ask(pods["a1"].ns, "a2", v, tr.UDP), "silent", "a1 to a2 by UDP")
        with Drops(c.nodes[0], "policy-egress", only=True), NoDrops(c.nodes[2]):
            tap.equal(ask(pods["a1"].ns, "a3", v), "silent", "a1 to a3")
        tap.equal(ask(pods["a3"].ns, "a1", v), "open", "into a1")
    finally:
        c.delete("NetworkPolicy", "p", "ns")
        c.settle()
    tap.equal(ask(pods["a1"].ns, "a3", v), "open", "after the policy is gone")


def label_change(v):
    """A label of a pod elsewhere changes: the connection it had is cut, the others stay."""
    c.enforce(policy("ns", "p", {"app": "a", "on": "n2"}, policyTypes=["Ingress"], ingress=[
        {"from": [{"podSelector": {"matchLabels": {"app": "b"}}}]}]))
    try:
        with tr.Server(pods["a2"].ns, tr.TCP, pods["a2"].addr[v], 7000) as s, \
                tr.Stream(pods["b1"].ns, s) as one, tr.Stream(pods["b3"].ns, s) as other:
            tap.check(one.alive() and other.alive(), "connections")
            c.describe(pods["b1"], {"app": "other", "on": "n1"})
            c.settle()
            with Drops(c.nodes[1], "policy-ingress"):
                tap.check(not one.alive(0.3), "the connection lives on")
            tap.check(other.alive(), "the other connection died")
            c.describe(pods["b1"], {"app": "b", "on": "n1"})
            c.settle()
            tap.equal(ask(pods["b1"].ns, "a2", v, tr.UDP), "open", "with its label back")
    finally:
        c.delete("NetworkPolicy", "p", "ns")
        c.settle()


def membership():
    """A node joins and its pods are reached; it leaves and they are not, open connections too."""
    n4 = c.add_node()
    p4 = pods["a4"] = c.add_pod(n4, "ns/a4")
    c.settle()
    for v in (4, 6):
        tap.equal(ask(pods["a1"].ns, "a4", v), "open", "a1 to a4")
        tap.equal(ask(p4.ns, "a1", v), "open", "a4 to a1")
    with tr.Server(p4.ns, tr.TCP, p4.addr[4], 7010) as s4, tr.Stream(pods["a1"].ns, s4) as st, \
            tr.Server(pods["a2"].ns, tr.TCP, pods["a2"].addr[4], 7010) as s2, \
            tr.Stream(pods["a1"].ns, s2) as twin:
        obj = c.objects["Node", None, "n4"]
        c.delete("Node", "n4")
        c.settle()
        tap.check(not st.alive(0.3), "the connection to a node that left lives on")
        tap.check(twin.alive(), "the connection to another node died")
        for v in (4, 6):
            tap.check(ask(pods["a1"].ns, "a4", v) != "open", "a1 still reaches a4")
            tap.equal(ask(pods["a1"].ns, "a3", v), "open", "a1 to a3")
        c.enforce(obj)
    for v in (4, 6):
        tap.equal(ask(pods["a1"].ns, "a4", v), "open", "a1 to a4, joined again")


def unknown_tunnel_peer():
    """An encapsulated packet from a host that is no node is refused; a node's own is taken."""
    import scapy.all as sc
    out = c.add_host()
    a, b = pods["a1"], pods["a2"]
    sock = out.ns.packet_socket("eth0", 0)
    inner = sc.Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / \
        sc.IP(src=a.addr[4], dst=b.addr[4]) / sc.UDP(sport=4000, dport=7000) / b"forged"
    frame = sc.Ether(src=out.ns.mac("eth0"), dst=b.node.ns.mac("uplink")) / \
        sc.IP(src=out.addr[4], dst=b.node.addr[4]) / sc.UDP(sport=40000, dport=PORT[ENCAP]) / \
        HEADER[ENCAP] / inner
    with tr.Server(b.ns, tr.UDP, b.addr[4], 7000) as s:
        s.sock.settimeout(0.1)
        with Drops(b.node, "tunnel-peer", only=True):
            sock.send(bytes(frame))
            try:
                tap.check(not s.sock.recv(100), "the forged packet arrived")
            except TimeoutError:
                pass
        # the honest twin: the same packet from the node that has the pod
        frame[sc.IP].src = a.node.addr[4]
        frame[sc.Ether].src = a.node.ns.mac("uplink")
        del frame[sc.IP].chksum, frame[sc.UDP].chksum
        with a.node.ns.packet_socket("uplink", 0) as honest:
            honest.send(bytes(frame))
        s.sock.settimeout(1)
        tap.equal(s.sock.recv(100), b"forged", "what a node sent")
        # a node that speaks for another node's pods
        frame[sc.IP].src = c.nodes[2].addr[4]
        frame[sc.Ether].src = c.nodes[2].ns.mac("uplink")
        del frame[sc.IP].chksum, frame[sc.UDP].chksum
        with Drops(b.node, "tunnel-peer", only=True):
            with c.nodes[2].ns.packet_socket("uplink", 0) as liar:
                liar.send(bytes(frame))
            s.sock.settimeout(0.1)
            try:
                tap.check(not s.sock.recv(100), "a node spoke for another node's pod")
            except TimeoutError:
                pass
    sock.close()


def path_mtu_into_tunnel(v):
    """Pods whose MTU is larger than what fits the tunnel learn it and get through."""
    n = c.add_node("--mtu", str(MTU))
    p = c.add_pod(n, f"ns/big{v}")
    c.settle()
    to = pods["a1"]
    with tr.Server(to.ns, tr.TCP, to.addr[v], 7000) as s:
        tr.go(tr.transfer(p.ns, s, 3_000_000, 3_000_000))
    with tr.new_socket(p.ns, tr.UDP, pods["a2"].addr[v]) as x:
        tr.ask_for_errors(x)
        tr.dont_fragment(x)
        x.connect((pods["a2"].addr[v], 9))
        x.send(b"x" * (MTU - (28 if v == 4 else 48)))
        err = tr.next_error(x)
        tap.check(err, "no error came")
        tap.equal((err.type, err.code), (3, 4) if v == 4 else (2, 0))
        tap.check(MTU - err.info in OVERHEAD[ENCAP], f"MTU {err.info}")


def main(encap):
    global ENCAP
    ENCAP = encap
    tap.add("the pods' MTU leaves room for the encapsulation", mtu_derived)
    for v in (4, 6):
        for proto in (tr.TCP, tr.UDP, tr.SCTP):
            tap.add(f"every pod to every pod, {proto}, IPv{v}", everybody, proto, v)
        for f in (refused, sizes, on_the_wire, host_and_pods, hops, policy_ingress, policy_egress,
                  label_change):
            tap.add(f"{f.__name__.replace('_', ' ')}, IPv{v}", f, v)
    tap.add("a node joins, leaves and joins again", membership)
    if encap != "direct":
        tap.add("encapsulated packets are taken from their node only", unknown_tunnel_peer)
        for v in (4, 6):
            tap.add(f"path MTU into the tunnel, IPv{v}", path_mtu_into_tunnel, v)
    tap.main(setup, lambda: c and c.report())
