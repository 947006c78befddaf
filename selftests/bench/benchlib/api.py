# SPDX-License-Identifier: GPL-2.0
"""
Figures of a daemon that follows an API server: a real one, by real packets.
They need Kubernetes' programs (scripts/cluster/get-programs) and are skipped
without them.
"""
import os
import random
import statistics
import threading
import time

import apiserver
import netns
import traffic as tr
from cluster import Cluster, new_object, policy
from .scope import Missing

PODS, NAMESPACES, POLICIES, SERVICES = 5000, 500, 500, 1000
WRITERS = 8		# connections that fill the server
CHURN_PER_S, CHURN_POLICIES = 50, 200
APPS = [f"app{i}" for i in range(10)]
OUTSIDE = {4: "172.31.0.77", 6: "fd31::77"}
CLK_TCK = os.sysconf("SC_CLK_TCK")


def open_cluster():
    if not apiserver.PROGRAMS:
        raise Missing("no kube-apiserver: scripts/cluster/get-programs builds it")
    return Cluster(source="kubernetes", tiers=False)


class Writers:
    """Puts many objects by several connections at once."""

    def __init__(self, api):
        self.api = api

    def put(self, objects):
        parts = [objects[i::WRITERS] for i in range(WRITERS)]
        errors = []

        def work(part):
            api = self.api.another()
            try:
                for obj in part:
                    api.put(obj)
            except Exception as e:
                errors.append(e)
            finally:
                api.disconnect()
        threads = [threading.Thread(target=work, args=(p,)) for p in parts]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if errors:
            raise errors[0]


def pod_object(i, ns, addr):
    """As a controller and a kubelet leave a small one: with what nobody here needs."""
    name = f"pod{i}"
    return new_object(
        "Pod", name, ns, labels={"app": APPS[i % len(APPS)], "pod-template-hash": f"{i % 50:08x}"},
        spec={"nodeName": f"other{i // 100}", "serviceAccountName": "default",
              "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists",
                               "effect": "NoExecute", "tolerationSeconds": 300}],
              "containers": [{"name": "main", "image": f"registry.example/team/app{i % 40}:v1.2.{i % 9}",
                              "env": [{"name": f"SETTING_{k}", "value": f"value-{k}"} for k in range(8)],
                              "ports": [{"name": "http", "containerPort": 8080}],
                              "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}]},
        status={"phase": "Running", "podIP": addr, "podIPs": [{"ip": addr}],
                "hostIP": f"172.31.1.{i % 250 + 1}",
                "conditions": [{"type": t, "status": "True"} for t in
                               ("Initialized", "Ready", "ContainersReady", "PodScheduled")]})


def address(i):
    return f"10.128.{i // 250}.{i % 250 + 1}"


def policies(count, namespaces):
    rng = random.Random(1)
    return [policy(f"ns{i % namespaces}", f"np{i}", {"app": rng.choice(APPS)}, ingress=[
        {"from": [{"podSelector": {"matchLabels": {"app": rng.choice(APPS)}},
                   "namespaceSelector": {"matchLabels": {"team": f"t{rng.randrange(12)}"}}}],
         "ports": [{"protocol": "TCP", "port": 8000 + rng.randrange(100)}]}]) for i in range(count)]


def services(count, namespaces, pods):
    """A Service each and its EndpointSlice, of two pods, as the controller would write it."""
    for i in range(count):
        ns = f"ns{i % namespaces}"
        yield new_object("Service", f"svc{i}", ns, spec={
            "selector": {"app": APPS[i % len(APPS)]}, "ports": [{"port": 80, "targetPort": "http"}]})
        yield {**new_object("EndpointSlice", f"svc{i}-abcde", ns, "discovery.k8s.io/v1"),
               "addressType": "IPv4", "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
               "endpoints": [{"addresses": [address((i + k) % pods)], "conditions": {"ready": True}}
                             for k in range(2)]}


def fill(c, pods, namespaces, npolicies, nservices):
    w = Writers(c.api)
    w.put([c.namespace(f"ns{i}", team=f"t{i % 12}") for i in range(namespaces)])
    w.put(policies(npolicies, namespaces))
    w.put([pod_object(i, f"ns{i % namespaces}", address(i)) for i in range(pods)])
    w.put(list(services(nservices, namespaces, pods)))


def rss_mib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(l.split()[1]) for l in f if l.startswith("VmRSS:")) / 1024


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        f = f.read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / CLK_TCK


def big(figures, opts):
    """A daemon that starts in a cluster of this size, from exec to ready."""
    c = open_cluster()
    try:
        few = 20 if opts.quick else 1
        fill(c, PODS // few, NAMESPACES // few, POLICIES // few, SERVICES // few)
        n = c.add_node(start=False)
        local = []
        starts, rss = [], []
        for i in range(opts.starts):
            at = time.monotonic()
            n.start()
            starts.append((time.monotonic() - at) * 1000)
            if not i:
                local = [c.add_pod(n, f"ns{k}/local{k}", {"app": APPS[k]}) for k in range(10)]
                c.settle()
            time.sleep(0.5)
            rss.append(rss_mib(n.daemon.pid))
            n.stop()
        figures.add("api_ready_ms", "ms", starts[1:] or starts)
        figures.add("api_rss_mib", "MiB", rss, value=max(rss))
        del local
    finally:
        c.close()


class Sender:
    """Datagrams from an address outside to a pod, one a millisecond; when did one get through?"""

    def __init__(self, host, pod):
        self.server = tr.Server(pod.ns, tr.UDP, pod.addr[4], 7000)
        self.server.sock.settimeout(0)
        self.sock = tr.new_socket(host.ns, tr.UDP, pod.addr[4])
        self.to = (pod.addr[4], 7000)

    def drain(self):
        got = False
        try:
            while True:
                self.server.sock.recv(100)
                got = True
        except BlockingIOError:
            return got

    def until(self, through, seconds=10):
        """Sends until the last datagrams got through, or did not; seconds that it took."""
        start = time.monotonic()
        quiet = 0
        self.drain()
        while time.monotonic() - start < seconds:
            at = time.monotonic()
            self.sock.sendto(b"x", self.to)
            time.sleep(0.0005)
            got = self.drain()
            quiet = 0 if got else quiet + 1
            if got and through:
                return time.monotonic() - start
            if not through and quiet > 20:
                return at - start
        raise RuntimeError(f"datagrams {'do not get' if through else 'get'} through")

    def close(self):
        self.sock.close()
        self.server.sock.close()


def peer(i, labels):
    obj = pod_object(i, "ns0", OUTSIDE[4])
    obj["metadata"]["labels"] = labels
    return obj


def event(figures, opts):
    """
    A pod somewhere else is created and gets its address: from the server's
    answer to that, which comes after its event is on the way, to the first
    datagram from it that a pod here, whose policy lets it, receives.
    """
    c = open_cluster()
    try:
        fill(c, 200, 20, CHURN_POLICIES, 50)
        n = c.add_node()
        host = c.add_host(77)
        here = c.add_pod(n, "ns0/here", {"app": "here"})
        host.route(f"{here.addr[4]}/32", n.addr[4])
        c.enforce(policy("ns0", "only", {"app": "here"}, ingress=[
            {"from": [{"podSelector": {"matchLabels": {"app": "peer"}}}]}]))
        s = Sender(host, here)
        samples = []
        for i in range(min(opts.changes, 30)):
            s.until(False)
            c.api.put(peer(100000 + i, {"app": "peer"}))
            samples.append(s.until(True) * 1000)
            c.api.delete("Pod", f"pod{100000 + i}", "ns0")
        s.close()
        figures.add("api_event_ms", "ms", samples)
    finally:
        c.close()


class Churn:
    """Pods of other nodes that come and go, so many a second, by two threads."""
    THREADS = 2

    def __init__(self, api, per_s):
        self.api, self.per_s, self.stop = api, per_s / self.THREADS, threading.Event()
        self.counts = [0] * self.THREADS
        self.error = None
        self.threads = [threading.Thread(target=self._run, args=(t,), daemon=True)
                        for t in range(self.THREADS)]

    @property
    def done(self):
        return sum(self.counts)

    def _run(self, thread):
        api = self.api.another()
        try:
            alive, i, due = [], 200000 + thread, time.monotonic()
            while not self.stop.is_set():
                # one comes, one goes: a pod's life is four events of the server's
                api.put(pod_object(i, f"ns{i % 20}", address(i - 190000)))
                alive.append(i)
                i += self.THREADS
                self.counts[thread] += 1
                if len(alive) > 50:
                    old = alive.pop(0)
                    api.delete("Pod", f"pod{old}", f"ns{old % 20}")
                due += 1 / self.per_s
                time.sleep(max(0, due - time.monotonic()))
        except Exception as e:
            self.error = e
        finally:
            api.disconnect()

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, kind, *_):
        self.stop.set()
        for t in self.threads:
            t.join()
        if self.error and not kind:
            raise self.error


def churn(figures, opts):
    """CPU of the daemon while pods come and go; pods here that policies keep apart stay apart."""
    c = open_cluster()
    try:
        fill(c, 1000 if not opts.quick else 100, 20, CHURN_POLICIES, 50)
        n = c.add_node()
        a, b = (c.add_pod(n, f"ns0/{x}", {"app": f"here-{x}"}) for x in "ab")
        c.enforce(policy("ns0", "b", {"app": "here-b"}, ingress=[
            {"from": [{"podSelector": {"matchLabels": {"app": "nobody"}}}]}]))
        seconds = 3 if opts.quick else 300
        samples = []
        wrong = 0
        with Churn(c.api, CHURN_PER_S) as ch:
            begin = time.monotonic()
            end = begin + seconds
            while time.monotonic() < end:
                cpu, at = cpu_s(n.daemon.pid), time.monotonic()
                while time.monotonic() < min(end, at + 5):
                    wrong += tr.ask(a.ns, b.ns, tr.TCP, b.addr[4], 7001, timeout=0.2) != "silent"
                    wrong += tr.ask(b.ns, a.ns, tr.TCP, a.addr[4], 7001) != "open"
                    time.sleep(0.1)
                took = time.monotonic() - at
                samples.append(100 * (cpu_s(n.daemon.pid) - cpu) / took)
            # the whole counts: pods that had to wait are made up for
            rate = ch.done / (time.monotonic() - begin)
        if rate < 0.9 * CHURN_PER_S:
            raise RuntimeError(f"only {rate:.0f} pods a second could be made")
        if wrong:
            raise RuntimeError(f"{wrong} wrong verdicts meanwhile")
        figures.add("api_churn_cpu_percent", "%", samples, value=statistics.mean(samples))
    finally:
        c.close()


def back(figures, opts):
    """The server is away, then back with everything changed; from its readiness on."""
    c = open_cluster()
    try:
        n = c.add_node()
        a, b = (c.add_pod(n, f"ns0/{x}", {"app": x}) for x in "ab")
        c.enforce(policy("ns0", "p", {"app": "b"}, ingress=[
            {"from": [{"podSelector": {"matchLabels": {"app": "nobody"}}}]}]))
        samples = []
        for _ in range(1 if opts.quick else 3):
            c.api.stop()
            c.api.start(bind="127.0.0.1")
            c.delete("NetworkPolicy", "p", "ns0")
            fill(c, 20 if opts.quick else 1000, 20, CHURN_POLICIES, 50)
            time.sleep(1 if opts.quick else 60)
            if tr.ask(a.ns, b.ns, tr.TCP, b.addr[4], 7001, timeout=0.3) != "silent":
                raise RuntimeError("a wrong verdict while the server was away")
            c.api.stop()
            c.api.start()
            at = time.monotonic()
            netns.wait_for("the change", lambda: tr.ask(
                a.ns, b.ns, tr.TCP, b.addr[4], 7001, timeout=0.05) == "open", 60)
            samples.append((time.monotonic() - at) * 1000)
            c.enforce(policy("ns0", "p", {"app": "b"}, ingress=[
                {"from": [{"podSelector": {"matchLabels": {"app": "nobody"}}}]}]))
        figures.add("api_back_ms", "ms", samples, value=max(samples))
    finally:
        c.close()


FIGURES = {
    big: ["api_ready_ms", "api_rss_mib"], event: ["api_event_ms"], churn: ["api_churn_cpu_percent"],
    back: ["api_back_ms"],
}


def parts(opts):
    return [(names, lambda figures, part=part: part(figures, opts))
            for part, names in FIGURES.items()]
