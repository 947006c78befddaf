# SPDX-License-Identifier: GPL-2.0
"""
The plugin as a container runtime runs it: environment, JSON on stdin, JSON
from stdout, an exit status. Nothing is filled in that a test does not say,
but for where this node has its socket and its state.
"""
import json
import os
import socket
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import netns  # noqa: E402
import tap  # noqa: E402
from cluster import Cluster  # noqa: E402
from node import BUILD  # noqa: E402

PLUGIN = f"{BUILD}/sluice-cni"
VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]


class Answer:
    def __init__(self, status, stdout, stderr):
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.json = json.loads(stdout) if stdout.strip() else None

    def __str__(self):
        return f"exit {self.status}, stdout {self.stdout.strip()!r}, stderr {self.stderr.strip()!r}"

    def ok(self):
        tap.check(self.status == 0, f"want success: {self}")
        return self

    def fails(self, code, *texts, version="1.1.0"):
        """The specification's error: exit 1, and an object with exactly its fields."""
        tap.check(self.status == 1 and isinstance(self.json, dict), f"want error {code}: {self}")
        tap.equal(sorted(self.json), ["cniVersion", "code", "details", "msg"], "fields of the error")
        tap.equal(self.json["code"], code, f"code of {self.json}")
        tap.equal(self.json["cniVersion"], version, "cniVersion of the error")
        for text in texts:
            tap.check(text in self.json["msg"] + self.json["details"], f"no {text!r} in {self.json}")
        return self


class Runtime:
    """One node's runtime. @node may be without a daemon."""

    def __init__(self, node):
        self.node = node
        self.records = f"{node.dir}/state/endpoints"

    def conf(self, version="1.1.0", **more):
        c = {"cniVersion": version, "name": "sluice", "type": "sluice-cni",
             "socket": f"{self.node.dir}/run/sluiced.sock", "stateDir": f"{self.node.dir}/state"}
        c.update({k: v for k, v in more.items() if v is not None})
        for k in [k for k, v in more.items() if v is None]:
            c.pop(k, None)
        return c

    def env(self, command, container=None, ifname="eth0", ns=None, args=None):
        e = {"CNI_COMMAND": command, "CNI_CONTAINERID": container, "CNI_IFNAME": ifname,
             "CNI_NETNS": ns.path if isinstance(ns, netns.Netns) else ns, "CNI_ARGS": args,
             "CNI_PATH": BUILD}
        return {k: v for k, v in e.items() if v is not None}

    def popen(self, env, stdout=subprocess.PIPE):
        return self.node.ns.popen([PLUGIN], env=env, stdin=subprocess.PIPE, stdout=stdout,
                                  stderr=subprocess.PIPE, text=True)

    def raw(self, env, stdin):
        """@stdin: text, or bytes for what is no text."""
        p = self.node.ns.popen([PLUGIN], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        out, err = p.communicate(data, timeout=60)
        return Answer(p.returncode, out.decode(), err.decode(errors="replace"))

    def call(self, command, container="c1", ns=None, version="1.1.0", ifname="eth0", args=None,
             **conf):
        return self.raw(self.env(command, container, ifname, ns, args),
                        json.dumps(self.conf(version, **conf)))

    def gc(self, *valid, **kwargs):
        """@valid: containers whose eth0 stays."""
        return self.call("GC", None, ifname=None, **{"cni.dev/valid-attachments": [
            {"containerID": c, "ifname": "eth0"} for c in valid]}, **kwargs)

    # ------------------------------------------------------- what there is

    def record_files(self):
        """Everything below the records' directory but its lock, temporary files too."""
        if not os.path.isdir(self.records):
            return []
        return sorted(f for f in os.listdir(self.records) if f != ".lock")

    def record(self, container, ifname="eth0"):
        with open(f"{self.records}/{container}:{ifname}.json") as f:
            return json.load(f)

    def addresses(self):
        """Every address that is given away, by the records."""
        out = []
        for f in self.record_files():
            if not f.startswith("."):
                with open(f"{self.records}/{f}") as r:
                    out += json.load(r)["addresses"]
        return out

    def links(self):
        """Devices of pods on the node."""
        links = json.loads(self.node.ns.run("ip", "-j", "link", "show") or "[]")
        return sorted(l["ifname"] for l in links if l["ifname"].startswith("sl") and
                      len(l["ifname"]) == 15)

    def routes(self):
        """Destinations of routes to pods."""
        out = []
        for family in "-4", "-6":
            out += [r["dst"] for r in json.loads(self.node.ns.run("ip", "-j", family, "route") or
                                                 "[]") if len(r.get("dev", "")) == 15]
        return sorted(out)

    def neighbours(self):
        return [n["dst"] for n in json.loads(self.node.ns.run(
            "ip", "-j", "neigh", "show", "nud", "permanent") or "[]") if len(n["dev"]) == 15]

    def pins(self):
        """What is pinned for pods' devices."""
        links = f"{self.node.pin_dir}/links"
        return [p for p in (os.listdir(links) if os.path.isdir(links) else [])
                if p.startswith(("veth-", "netkit-"))]

    def empty(self, daemon=True):
        """Nothing of any pod is left on the node. Pins go when the daemon hears of the device."""
        tap.equal(self.record_files(), [], "endpoint records")
        tap.equal(self.links(), [], "devices of pods")
        tap.equal(self.routes(), [], "routes to pods")
        tap.equal(self.neighbours(), [], "neighbour entries for pods")
        if daemon:
            tap.equal(self.node.control("endpoints"), [], "endpoints of the daemon")
            netns.wait_for("pins of pods to go", lambda: not self.pins())


CONFIG = {"podCIDRs": ["10.244.1.0/24", "fd00:244:1::/64"], "mtu": 1500, "datapath": "veth",
          "gateway": ["169.254.1.1", "fe80::1"]}


class Impostor:
    """
    A stand-in for the daemon that answers as it is told: a dict is an answer,
    bytes are sent as they stand, a tuple of bytes likewise before it hangs
    up, None hangs up at once; a function of the arguments gives one of these.
    """

    def __init__(self, rt, answers=None, conf=CONFIG):
        self.path = f"{rt.node.dir}/run/sluiced.sock"
        self.asked = []
        self.answers = {"cni.config": {**conf, "stateDir": f"{rt.node.dir}/state"},
                        "ready": {"ready": True}, "endpoint.add": {"id": 1}, "endpoint.del": {},
                        "endpoint.check": {}, **(answers or {})}
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(self.path)
        self.sock.listen(128)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(conn,), daemon=True).start()

    def talk(self, conn):
        try:
            with conn, conn.makefile("rw") as f:
                for line in f:
                    if not self.answer(f, json.loads(line)):
                        break
        except OSError:
            pass	# who asked has gone

    def answer(self, f, request):
        op = request["op"]
        self.asked.append(op)
        a = self.answers[op]
        if callable(a):
            a = a(request.get("args"))
        if a is None:
            return False
        if isinstance(a, (bytes, tuple)):
            f.buffer.write(a if isinstance(a, bytes) else a[0])
        else:
            f.write(json.dumps(a if "ok" in a else {"ok": True, "result": a}) + "\n")
        f.flush()
        return not isinstance(a, tuple)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.thread.join()
        os.unlink(self.path)


def one_node(*options, start=True):
    """A cluster of one node, and its runtime."""
    cluster = Cluster()
    node = cluster.add_node(*options, start=start)
    return cluster, Runtime(node)
