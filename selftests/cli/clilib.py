# SPDX-License-Identifier: GPL-2.0
"""
What the tests of the command line share: the table of commands as the build
wrote it, ways to run `sluice` (plain, and on a terminal of a given size), a
dataplane with known contents, and a daemon that answers what it is told to.
"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("O", "build"))
SLUICE = os.path.join(BUILD, "sluice")
PLANE = os.path.join(BUILD, "selftests/cli/plane")

sys.path.insert(0, os.path.join(TOP, "selftests/lib"))
import tap  # noqa: E402

with open(os.path.join(BUILD, "cli/commands.json")) as f:
    ROOT = json.load(f)


class Command:
    """One command that does something: its words, and its part of the table."""

    def __init__(self, words, table):
        self.words = words
        self.table = table
        self.name = " ".join(words)
        self.args = table["args"]
        self.options = table["options"]
        self.globals = [o for o in table["globals"] if o["applies"]]
        self.shape = table["shape"]
        self.hidden = table["hidden"]

    def __str__(self):
        return self.name


def walk(table=ROOT, words=()):
    """Every leaf of the table."""
    if not table["sub"]:
        yield Command(list(words), table)
    for sub in table["sub"]:
        yield from walk(sub, words + (sub["name"],))


def groups(table=ROOT, words=()):
    if table["sub"]:
        yield list(words), table
    for sub in table["sub"]:
        yield from groups(sub, words + (sub["name"],))


COMMANDS = list(walk())
VISIBLE = [c for c in COMMANDS if not c.hidden]

# For each type of value one that is right and some that are wrong.
GOOD = {
    "choice": None, "count": "3", "seconds": "0.5", "dir": "/nonexistent", "pod": "shop/web-1",
    "policy": "shop/db", "service-name": "shop/db", "prefix": "10.0.0.0/8", "proto": "tcp", "port": "80",
    "service": "5432/tcp", "peer": "10.244.0.5", "endpoint": "2", "table": "rule", "word": "pods",
    "number": "0x2a", "file": "/dev/null",
}
BAD = {
    "choice": ["", "purple"],
    "count": ["", "0", "-1", "1x", "99999999999999999999"],
    "seconds": ["", "0", "-1", "1e3", "inf", "99999", "1.2.3"],
    "dir": [""],
    "pod": ["", "web-1", "shop/", "/web-1", "shop/web/1", "shop/WEB", "shop/we b"],
    "policy": ["", "d b", "shop/", "shop/d\nb"],
    "service-name": ["", "db", "shop/", "/db", "shop/d b", "shop/DB"],
    "prefix": ["", "10.0.0", "10.0.0.0/33", "fd00::/129", "shop/web-1"],
    "proto": ["", "tcpp", "256", "-1"],
    "port": ["", "0", "65536", "http", "80/tcp", " 80"],
    "service": ["", "0/tcp", "80/", "80/icmp", "http", "65536", "80/tcp/udp"],
    "peer": ["", "web-1", "10.0.0.0/8", "shop/"],
    "endpoint": ["", "0", "4096", "web-1", "10.0.0.0/8"],
    "table": ["", "rul", "sl_rule"],
    "word": [""],
    "number": ["", "+1", "4294967296", "0x", "0x100000000", "1x", " 1"],
    "file": [""],
}


# Commands that change the dataplane, or show what was changed: test_edit has them.
EDITS = {"table insert", "table modify", "table set", "table delete", "transaction", "rule add",
         "rule del", "rule show"}


def good(thing):
    return thing["values"][0] if thing["type"] == "choice" else GOOD[thing["type"]]


def good_args(command):
    return [good(a) for a in command.args if not a["optional"]]


class Run:
    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    def __str__(self):
        return (f"sluice {' '.join(self.argv)}: exit {self.code}\nstdout: {self.out[:2000]}\n"
                f"stderr: {self.err[:2000]}")


def environment(**extra):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("SLUICE_", "LC_", "LANG", "NO_COLOR", "COLUMNS"))}
    env.update({"LC_ALL": "C.UTF-8", "TERM": "xterm"})
    env.update({k: v for k, v in extra.items() if v is not None})
    return env


def sluice(*argv, env=None, timeout=30, text="", **kwargs):
    """Runs to its end with @text as its input, output captured as text."""
    p = subprocess.run([SLUICE, *argv], env=environment(**(env or {})), timeout=timeout,
                       input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       **kwargs)
    return Run(argv, p.returncode, p.stdout.decode("utf-8", "surrogateescape"),
               p.stderr.decode("utf-8", "surrogateescape"))


class Terminal:
    """`sluice` with a terminal for its standard output; stderr is apart unless @both."""

    def __init__(self, *argv, env=None, columns=100, rows=30, both=False):
        self.argv = argv
        self.master, slave = pty.openpty()
        self.resize(columns, rows, slave)
        attrs = termios.tcgetattr(slave)
        attrs[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, attrs)
        self.proc = subprocess.Popen([SLUICE, *argv], env=environment(**(env or {})),
                                     stdin=slave, stdout=slave,
                                     stderr=slave if both else subprocess.PIPE,
                                     start_new_session=True)
        os.close(slave)
        self.text = b""

    def resize(self, columns, rows, fd=None):
        fcntl.ioctl(self.master if fd is None else fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, until=None, seconds=10):
        """What was printed so far; waits until @until, bytes or a function, is true of it."""
        deadline = time.monotonic() + seconds
        while True:
            if until and (until(self.text) if callable(until) else until in self.text):
                return self.text
            left = deadline - time.monotonic()
            if left <= 0:
                raise tap.Failed(f"waited {seconds} s for {until!r}, got {self.text[-2000:]!r}")
            if not select.select([self.master], [], [], left)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                if until:
                    raise tap.Failed(f"ended before {until!r}: {self.text[-2000:]!r}")
                return self.text
            self.text += data

    def finish(self, sig=None, seconds=10):
        """Ends it (by @sig), and returns its exit status."""
        if sig:
            self.proc.send_signal(sig)
        self.read(seconds=seconds)
        code = self.proc.wait(seconds)
        self.err = self.proc.stderr.read().decode() if self.proc.stderr else ""
        return code

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        if self.proc.stderr:
            self.proc.stderr.close()
        os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def on_terminal(*argv, **kwargs):
    """Runs to its end on a terminal; returns (exit status, output as text)."""
    with Terminal(*argv, **kwargs) as t:
        code = t.finish()
        return code, t.text.decode()


class Plane:
    """A dataplane with known contents, loaded under a pin root of its own."""

    def __init__(self, root="/sys/fs/bpf/cli"):
        self.root = root

    def __enter__(self):
        if os.geteuid():
            raise tap.Skip("needs root to load a dataplane")
        subprocess.run([PLANE, self.root], check=True, timeout=60)
        return self

    def __exit__(self, *_):
        subprocess.run([PLANE, "-d", self.root], check=True, timeout=60)


class Daemon:
    """
    Listens as the daemon does. @answers: op to result, or to a function of
    the arguments that returns one or raises Refusal; @events: sent after
    drops.watch was answered.
    """

    def __init__(self, answers, run_dir="/run/cli", events=()):
        self.answers, self.run_dir, self.events = answers, run_dir, list(events)
        self.requests = []
        self.garbage = []		# lines that were no request
        self.hold = threading.Event()

    def __enter__(self):
        os.makedirs(self.run_dir, exist_ok=True)
        self.path = os.path.join(self.run_dir, "sluiced.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.hold.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        os.unlink(self.path)
        os.rmdir(self.run_dir)

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        with conn:
            try:
                for line in conn.makefile("rb"):
                    self._answer(conn, json.loads(line))
            except OSError:
                pass
            except ValueError:
                self.garbage.append(line)

    def _answer(self, conn, request):
        op = request["op"]
        self.requests.append(request)
        try:
            if op not in self.answers:
                raise Refusal("bad-request", f"no op {op}")
            result = self.answers[op]
            if isinstance(result, bytes):
                conn.sendall(result)
                return
            if callable(result):
                result = result(request.get("args") or {})
            answer = {"ok": True, "result": result}
        except Refusal as e:
            answer = {"ok": False, "error": {"code": e.code, "message": e.message}}
        conn.sendall(json.dumps(answer).encode() + b"\n")
        if op == "drops.watch" and answer["ok"]:
            for event in self.events:
                conn.sendall(json.dumps(event).encode() + b"\n")
            self.hold.wait()
            conn.shutdown(socket.SHUT_RDWR)


class Refusal(Exception):
    def __init__(self, code, message):
        self.code, self.message = code, message


# ------------------------------------------------------------- what is told

def decider(rule, policy="db", name="ingress[0]", direction="ingress"):
    return {"rule": rule, "tier": "netpol", "namespace": "shop", "policy": policy,
            "direction": direction, "ruleName": name}


NODE = {"name": "node-a", "addresses": ["192.0.2.1"], "podCIDRs": ["10.244.0.0/24"],
        "uplink": "eth0", "encap": "direct", "mtu": 1450, "datapath": "veth", "attach": "tcx",
        "masquerade": True}
STATUS = {
    "version": "9.9.9", "abi": 1, "pid": 812, "uptimeSeconds": 63.2, "ready": True, "reason": None,
    "node": NODE, "endpoints": {"total": 3, "closed": 1},
    "policy": {"namespaces": 3, "pods": 8, "nodes": 1, "services": 4, "endpointSlices": 6,
               "policies": 5, "rejected": 1, "classes": 4, "ruleSets": 3, "rules": 9, "portSets": 2,
               "commits": 12, "compileSeconds": 0.0002, "commitSeconds": 0.0011},
    "refused": [{"kind": "NetworkPolicy", "namespace": "shop", "name": "cache",
                 "file": "/etc/sluice/manifests/cache.yaml", "line": 12, "column": 9,
                 "field": "spec.ingress[0].ports[0].port", "text": "must be 1 to 65535"},
                {"kind": "NetworkPolicy", "namespace": "shop", "name": "fresh", "file": "/m/f.yaml",
                 "line": 3, "column": 1, "field": "spec", "text": "is missing"},
                {"kind": "Pod", "namespace": "shop", "name": "p", "file": "/m/p.yaml", "line": 1,
                 "column": 1, "field": "", "text": "must be an object"}],
    "warnings": [{"kind": "ClusterNetworkPolicy", "namespace": None, "name": "x",
                  "text": "read, but not yet in force"}],
}
NAMES = {
    "rules": {"17": {k: v for k, v in decider(17).items() if k != "rule"}},
    "endpoints": {"1": "shop/web-1", "2": "shop/db-0", "3": "shop/new-0"},
    "addresses": {"10.244.0.5": "shop/web-1", "fd00:244::5": "shop/web-1",
                  "10.244.0.7": "shop/db-0", "fd00:244::7": "shop/db-0",
                  "192.0.2.53": "kube-system/dns-0"},
    "services": {"7": "shop/db", "8": "shop/db"},
}
ENDPOINTS = [
    {"id": n, "pod": NAMES["endpoints"][str(n)], "version": 1, "containerID": f"c{n}",
     "ifname": "eth0", "netns": f"/run/netns/p{n}", "closed": n == 3, "isolatedIngress": True,
     "isolatedEgress": False, "ruleSet": 5, "generation": 7, "column": 0,
     "classes": {"ipv4": 4, "ipv6": 4}, "drops": {"packets": 2, "bytes": 120}}
    for n in (1, 2, 3)]
NODES = [{"name": "node-a", "addresses": ["192.0.2.1"], "podCIDRs": ["10.244.0.0/24"],
          "route": "local", "via": None, "interface": None},
         {"name": "node-b", "addresses": ["192.0.2.2", "2001:db8::2"],
          "podCIDRs": ["10.244.1.0/24"], "route": "direct", "via": "192.0.2.2",
          "interface": "eth0"}]
POLICIES = [{"tier": "admin", "priority": 10, "namespace": None, "name": "no-metadata",
             "types": ["Egress"], "pods": 8, "ingressRules": 0, "egressRules": 1,
             "file": "/m/cluster.yaml", "refused": None},
            {"tier": "netpol", "priority": None, "namespace": "shop", "name": "db", "types": ["Ingress"], "pods": 1,
             "ingressRules": 1, "egressRules": 0, "file": "/m/db.yaml", "refused": None},
            {"tier": "netpol", "priority": None, "namespace": "shop", "name": "cache", "types": ["Ingress", "Egress"], "pods": 2,
             "ingressRules": 2, "egressRules": 1, "file": "/m/cache.yaml",
             "refused": "/m/cache.yaml:12:9: spec.ingress[0].ports[0].port: must be 1 to 65535"}]
POLICY = {"tier": "netpol", "priority": None, "namespace": "shop", "name": "db", "file": "/m/db.yaml", "refused": None,
          "types": ["Ingress"], "namespaceSelector": None, "podSelector": "app=db", "pods": ["shop/db-0"],
          "rules": [{"rule": 17, "direction": "ingress", "ruleName": "ingress[0]", "name": None,
                     "action": "Accept", "never": False, "peers": ["pods app=web"], "ports": ["tcp/5432"]},
                    {"rule": 18, "direction": "ingress", "ruleName": "ingress[1]", "name": None,
                     "action": "Accept", "never": False, "peers": [],
                     "ports": []}]}
CLASSES = [{"id": 0, "pods": [], "prefixes": [], "addresses": 0, "peers": []},
           {"id": 4, "pods": ["shop/web-1"], "prefixes": ["10.0.0.0/8"], "addresses": 3,
            "peers": ["pods app=web"]}]
EVENT = {"time": 1735689600.25, "reason": "policy-ingress", "hook": "from-pod",
         "interface": "sl0123456789ab", "endpoint": 2, "pod": "shop/db-0", "protocol": "tcp",
         "length": 60, "tcpFlags": "S",
         "source": {"address": "10.244.0.5", "port": 40312, "pod": "shop/web-1"},
         "destination": {"address": "10.244.0.7", "port": 5432, "pod": "shop/db-0"},
         "decider": decider(17)}


def _backend(addr, id_, state, pod, here, used=("cluster",)):
    return {"address": addr, "port": 5432, "id": id_, "state": state, "usedFor": list(used),
            "local": here, "pod": pod, "node": "node-a" if here else "node-b"}


SERVICES = [
    {"namespace": "ops", "name": "mail", "type": "ExternalName", "notServed": "a name for DNS",
     "refused": None, "warnings": [], "clusterIPs": [], "externalIPs": [], "loadBalancerIPs": [],
     "ports": [], "backends": {"ready": 0, "total": 0}},
    {"namespace": "shop", "name": "db", "type": "NodePort", "notServed": None, "refused": None,
     "warnings": ["port 5432/TCP: address 192.0.2.1 is already used by Service ops/proxy"],
     "clusterIPs": ["10.96.0.9", "fd00:96::9"], "externalIPs": ["192.0.2.1"],
     "loadBalancerIPs": [], "backends": {"ready": 2, "total": 3},
     "ports": [{"name": "sql", "protocol": "tcp", "port": 5432, "nodePort": 30432},
               {"name": "dns", "protocol": "udp", "port": 53, "nodePort": None}]}]
SERVICE = {
    **{k: v for k, v in SERVICES[1].items() if k != "backends"},
    "internalTrafficPolicy": "Cluster", "externalTrafficPolicy": "Local", "affinitySeconds": 10800,
    "balance": "default", "forwarding": "snat", "healthCheckNodePort": None, "sourceRanges": [],
    "ports": [
        {"name": "sql", "protocol": "tcp", "port": 5432, "nodePort": 30432,
         "ids": {"ipv4": 7, "ipv6": 8},
         "maglev": {"ipv4": {"cluster": None, "local": 251}, "ipv6": None},
         "frontends": [
             {"address": "10.96.0.9", "family": "ipv4", "port": 5432, "inside": "cluster",
              "outside": "cluster", "served": True, "why": None},
             {"address": "node", "family": "ipv4", "port": 30432, "inside": "cluster",
              "outside": "local", "served": True, "why": None},
             {"address": "192.0.2.1", "family": "ipv4", "port": 5432, "inside": "cluster",
              "outside": "local", "served": False, "why": "already used by Service ops/proxy"}],
         "backends": [_backend("10.244.0.7", 21, "ready", "shop/db-0", True, ("cluster", "local")),
                      _backend("10.244.1.8", 22, "terminating", "shop/db-1", False, ()),
                      _backend("fd00:244::7", 23, "ready", None, True)]},
        {"name": "dns", "protocol": "udp", "port": 53, "nodePort": None,
         "ids": {"ipv4": None, "ipv6": None}, "maglev": {"ipv4": None, "ipv6": None},
         "frontends": [], "backends": []}]}


def explanation(args, verdict="allow", agree=True, **more):
    def side(v):
        return {"verdict": v, "egress": {"verdict": "allow", "decider": None},
                "ingress": {"verdict": v, "decider": decider(17)}}
    other = {"allow": "deny", "deny": "allow"}[verdict]
    return {"from": {"pod": "shop/web-1", "address": "10.244.0.5", "class": 4},
            "to": {"pod": "shop/db-0", "address": "10.244.0.7", "class": 5},
            "protocol": args["protocol"], "port": args["port"], "verdict": verdict,
            "agree": agree, "model": side(verdict), "kernel": side(verdict if agree else other),
            **more}


def _end(pod=None, node=None, address=None):
    return {"pod": pod, "node": node, "address": address}


WHATIF = {
    "objects": [{"kind": "NetworkPolicy", "namespace": "shop", "name": "lock", "change": "created"},
                {"kind": "ClusterNetworkPolicy", "namespace": None, "name": "old",
                 "change": "unchanged"}],
    "refused": [], "pairs": 4, "complete": True,
    "flips": [{"from": [_end(pod="shop/web-1"), _end(node="node-a", address="192.0.2.1"),
                        _end(address="10.0.0.0/8")], "fromCount": 3,
               "to": [_end(pod=f"shop/db-{i}") for i in range(6)], "toCount": 7, "family": "ipv6",
               "ports": ["tcp/0-5431", "udp"],
               "before": {"verdict": "allow", "egress": {"verdict": "allow", "decider": None},
                          "ingress": {"verdict": "allow", "decider": decider(17)}},
               "after": {"verdict": "deny", "egress": None,
                         "ingress": {"verdict": "deny",
                                     "decider": decider(18, policy="lock", name=None)}}}],
    "flowsCut": 1,
    "flows": [{"protocol": "tcp", "direction": "ingress",
               "source": {"address": "10.244.0.5", "port": 40312, "pod": "shop/web-1"},
               "destination": {"address": "10.244.0.7", "port": 80, "pod": "shop/db-0"},
               "decider": decider(18, policy="lock", name=None)}],
}


def answers(**other):
    return {"status": STATUS, "names": NAMES, "endpoints": ENDPOINTS, "nodes": NODES,
            "policies": POLICIES, "policy.show": POLICY, "policy.explain": explanation,
            "classes": CLASSES, "services": SERVICES, "service.show": SERVICE, "drops.watch": None, "whatif": WHATIF, **other}


# ------------------------------------------------------------------ keys

KINDS = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "object": lambda v: isinstance(v, dict),
    "null": lambda v: v is None,
    "array of strings": lambda v: isinstance(v, list) and all(isinstance(e, str) for e in v),
    "array of objects": lambda v: isinstance(v, list) and all(isinstance(e, dict) for e in v),
}


def check_value(keys, path, kind, value):
    kinds = kind.split(" or ")
    tap.check(any(KINDS[k](value) for k in kinds), f"{path}: {value!r} is no {kind}")
    if isinstance(value, dict):
        check_keys(keys, path + ".", value)
    if isinstance(value, list):
        for element in value:
            if isinstance(element, dict):
                check_keys(keys, path + "[].", element)


def check_keys(keys, prefix, obj):
    """@obj has exactly the keys that are documented below @prefix, of the documented kinds."""
    below = {k["path"][len(prefix):]: k["type"] for k in keys if k["path"].startswith(prefix)}
    want = {name: kind for name, kind in below.items() if "." not in name and "[" not in name}
    if "*" in want:
        for name, value in obj.items():
            check_value(keys, prefix + "*", want["*"], value)
        return
    tap.equal(sorted(obj), sorted(want), f"keys of {prefix or 'the document'}")
    for name, kind in want.items():
        check_value(keys, prefix + name, kind, obj[name])


def check_document(command, doc):
    if command.shape == "list":
        tap.check(isinstance(doc, list), f"{command}: no array")
        for row in doc:
            check_keys(command.table["keys"], "", row)
    else:
        tap.check(isinstance(doc, dict), f"{command}: no object")
        check_keys(command.table["keys"], "", doc)


ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def plain(data):
    """@data, bytes, without the escapes that a terminal acts on."""
    return ESCAPES.sub(b"", data)


def stop(proc, sig=signal.SIGINT, seconds=10):
    proc.send_signal(sig)
    return proc.wait(seconds)


class Shell(Terminal):
    """An interactive shell on a terminal, for what a user types."""

    def __init__(self, argv, env, columns=150, rows=50):
        self.argv = argv
        self.master, slave = pty.openpty()
        self.resize(columns, rows, slave)
        self.proc = subprocess.Popen(argv, env=env, stdin=slave, stdout=slave, stderr=slave,
                                     start_new_session=True, preexec_fn=self._own)
        os.close(slave)
        self.text = b""

    @staticmethod
    def _own():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def clear(self):
        self.settle()
        self.text = b""

    def settle(self, quiet=0.15, seconds=10):
        """Reads until nothing has come for a while; returns the plain text."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and select.select([self.master], [], [], quiet)[0]:
            try:
                self.text += os.read(self.master, 65536)
            except OSError:
                break
        return plain(self.text).decode(errors="replace")

    def screen_has(self, text, seconds=10):
        """Waits until the line being typed reads @text, however the shell repaints it."""
        self.read(until=lambda b: text in typed(b), seconds=seconds)


def typed(data):
    """What a line editor's output leaves on its line: backspaces and returns applied."""
    line, at = [], 0
    for c in plain(data).decode(errors="replace"):
        if c == "\b":
            at = max(at - 1, 0)
        elif c == "\r":
            at = 0
        elif c == "\n":
            line, at = [], 0
        elif c.isprintable():
            line[at:at + 1] = [c]
            at += 1
    return "".join(line)
