# SPDX-License-Identifier: GPL-2.0
"""
The edge in XDP, with real clients outside and backends on another node: what of a
transfer passes there and what does not, by its counter; changes of the service while
they talk; and who has the device. test_edge_<encap> names the way between the nodes.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netns  # noqa: E402
import nodes  # noqa: E402
import tap  # noqa: E402
import traffic as tr  # noqa: E402
from cluster import Cluster, FarHost  # noqa: E402
from node import BUILD  # noqa: E402
from objects import NODE_PORT, TARGET, service, slices  # noqa: E402

MIB = 1 << 20
ENCAP = c = far = near = backend = other = None


PASS = f"{BUILD}/selftests/net/pass.bpf.o"


def ready_for_xdp():
    """
    A veth hands on packets whose checksum is still to be taken, which XDP can't see, and
    takes what XDP sends back only where it has a program, too: so its end over there is
    made to look like a NIC.
    """
    pin = f"{near.dir}/bpf/port"
    near.ns.run("bpftool", "prog", "load", PASS, pin)
    for n in range(1, c.ports + 1):
        c.fabric.run("ethtool", "-K", f"p{n}", "tx", "off")
        c.fabric.run("bpftool", "net", "attach", "xdpdrv", "pinned", pin, "dev", f"p{n}")


def setup():
    global c, far, near, backend, other
    nodes.need_device(ENCAP)
    c = Cluster(encap=ENCAP)
    near = c.add_node("--xdp", "native")
    c.add_node()
    backend = c.add_pod(c.nodes[1], "ns/backend", {"app": "web"})
    other = c.add_pod(c.nodes[1], "ns/other", {"app": "web"})
    far = FarHost(c)
    ready_for_xdp()
    serve(backend)


def serve(*backends, **spec):
    c.apply(service(type="NodePort", **spec), *slices(*backends))
    c.settle()


def passed():
    return near.counts()["edge-out"]


def server(v, proto=tr.TCP, pod=None):
    pod = pod or backend
    s = tr.Server(pod.ns, proto, pod.addr[v], TARGET)
    s.port = NODE_PORT
    return s


def status():
    return near.control("status")


@tap.test("transfers both ways, every byte of them, by XDP")
def transfers():
    for v in (4, 6):
        with server(v) as s:
            before, handled = passed(), near.counts()["flow-hit"]
            tr.go(tr.transfer(far.ns, s, 4 * MIB, 4 * MIB, addr=near.addr[v]))
            edge, hits = passed() - before, near.counts()["flow-hit"] - handled
            # of 8 MiB there are 5,800 segments, and their acknowledgements
            tap.check(edge > 5800, f"IPv{v}: {edge} packets by XDP")
            tap.check(hits - edge < 30, f"IPv{v}: {hits - edge} of {hits} packets by TC")
            tap.diag(f"IPv{v}: {edge} packets by XDP, {hits - edge} by TC")


def one_socket(s, addr):
    """Fifty questions, fifty answers."""
    with tr.new_socket(far.ns, tr.UDP, addr) as a:
        a.connect((addr, NODE_PORT))
        for sock in (a, s.sock):
            sock.setblocking(True)
            sock.settimeout(tr.SILENCE_S)
        for _ in range(50):
            token = os.urandom(tr.TOKEN)
            a.send(token)
            got, peer = s.sock.recvfrom(64)
            s.sock.sendto(got[::-1], peer)
            tap.equal(a.recv(64), token[::-1], "answer")


@tap.test("datagrams, of all sizes that fit and some that don't")
def datagrams():
    for v in (4, 6):
        with server(v, tr.UDP) as s:
            for size in (1, 2, 17, 576, 1280, 1350):
                tap.check(tr.datagram(far.ns, s, size, addr=near.addr[v]), f"IPv{v}, {size} bytes")
            # the first is lost, for the client learns of the tunnel's size; fragments are TC's
            tr.datagram(far.ns, s, 4000, addr=near.addr[v])
            tap.check(tr.datagram(far.ns, s, 4000, addr=near.addr[v]), f"IPv{v}, in fragments")
            before = passed()
            one_socket(s, near.addr[v])
            # all but the first
            tap.check(passed() - before >= 98, f"IPv{v}: {passed() - before} by XDP")


@tap.test("the tunnel is narrower than the client's link: the client is told")
def path_mtu():
    for v in (4, 6):
        with server(v) as s:
            tr.go(tr.transfer(far.ns, s, 2 * MIB, addr=near.addr[v]))
            with tr.Stream(far.ns, s, addr=near.addr[v]) as stream:
                tap.check(stream.alive(), f"IPv{v}")


@tap.test("a backend that is gone keeps its connections, and gets no new ones")
def backend_gone():
    with server(4) as s, server(4, pod=other) as t:
        with tr.Stream(far.ns, s, addr=near.addr[4]) as stream:
            tap.check(stream.alive(), "before")
            before = passed()
            serve(other)
            tap.check(stream.alive(), "after")
            tap.check(passed() > before, "by XDP again, once TC has looked")
            tr.go(tr.transfer(far.ns, t, 1000, addr=near.addr[4]))
    serve(backend)


@tap.test("a service that is deleted: no packet passes any more")
def deleted():
    with server(4) as s, tr.Stream(far.ns, s, addr=near.addr[4]) as stream:
        tap.check(stream.alive(), "before")
        c.delete("Service", "web", "ns")
        c.settle()
        before = passed()
        tap.check(not stream.alive(), "after")
        tap.equal(passed(), before, "packets by XDP")
    serve(backend)


@tap.test("direct server return: what the client sends by XDP, what it gets not through here")
def one_way():
    if ENCAP == "direct":
        raise tap.Skip("no tunnel between the nodes")
    obj = service(type="NodePort")
    obj["metadata"]["annotations"] = {"sluice.dev/forwarding": "dsr"}
    c.apply(obj)
    c.settle()
    for v in (4, 6):
        with server(v) as s:
            before = passed()
            tr.go(tr.transfer(far.ns, s, 4 * MIB, 4 * MIB, addr=near.addr[v]))
            edge = passed() - before
            # of 4 MiB there are 2,900 segments, and acknowledgements of as many at most
            tap.check(2900 < edge < 6000, f"IPv{v}: {edge} packets by XDP")
            _, who = tr.go(tr.probe_peer(far.ns, s, addr=near.addr[v]))[0]
            tap.equal(who[0], far.addr[v], "whom the backend sees")
    serve(backend)


@tap.test("a neighbour whose MAC address changes is followed")
def neighbour():
    with server(4) as s, tr.Stream(far.ns, s, addr=near.addr[4]) as stream:
        tap.check(stream.alive(), "before")
        far.router.ip("link set fabric down", "link set fabric address 02:00:00:00:77:77",
                      "link set fabric up")
        far.router.ip("neigh flush all")
        netns.wait_for("the stream", stream.alive, 15)
        before = passed()
        tap.check(stream.alive(), "after")
        tap.check(passed() > before, "by XDP")


@tap.test("the daemon starts again with XDP and without, and nobody notices")
def restarts():
    tap.equal(status()["node"]["xdp"], "native")
    with server(4) as s, tr.Stream(far.ns, s, addr=near.addr[4]) as stream:
        for mode, by_xdp in (("native", True), ("off", False), ("generic", True), ("native", True)):
            near.stop()
            tap.check(stream.alive(), f"before {mode}")
            near.start("--xdp", mode)
            tap.equal(status()["node"]["xdp"], mode)
            tap.check(stream.alive(), f"as {mode}")
            before = passed()
            tap.check(stream.alive(), f"as {mode}, again")
            tap.equal(passed() > before, by_xdp, f"as {mode}: by XDP")
        near.kill()
        before = passed()
        tap.check(stream.alive(), "without a daemon")
        tap.check(passed() > before, "without a daemon, by XDP")
        near.start()


@tap.test("another program in XDP on the uplink: said so, and TC does it all")
def occupied():
    near.stop()
    near.start("--xdp", "off")
    pin = f"{near.dir}/bpf/pass"
    near.ns.run("bpftool", "prog", "load", PASS, pin)
    near.ns.run("bpftool", "net", "attach", "xdpgeneric", "pinned", pin, "dev", "uplink")
    try:
        near.stop()
        near.start("--xdp", "native")
        tap.equal(status()["node"]["xdp"], "off")
        text = near.sluice("status")
        tap.check("no program in XDP" in text, text)
        with server(4) as s:
            before = passed()
            tr.go(tr.transfer(far.ns, s, 1000, addr=near.addr[4]))
            tap.equal(passed(), before, "by XDP")
    finally:
        near.ns.run("bpftool", "net", "detach", "xdpgeneric", "dev", "uplink")
        os.unlink(pin)
    near.stop()
    near.start()
    tap.equal(status()["node"]["xdp"], "native")


@tap.test("unloading takes it off the device")
def unload():
    near.stop()
    near.ns.run(f"{BUILD}/sluiced", "--unload", env=near.environ())
    tap.check("xdp" not in near.ns.run("ip", "link", "show", "dev", "uplink"), "still there")
    near.start()


def main(encap):
    global ENCAP
    ENCAP = encap
    tap.main(setup, lambda: c and c.report())
