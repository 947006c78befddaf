# SPDX-License-Identifier: GPL-2.0
"""
A node: a network namespace with an uplink and a sluiced of its own, all of
whose places (pins, state, sockets, manifests) lie under one directory; and
its pods, made by sluice-cni from the JSON a container runtime writes.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import linux
import netns

TOP = os.environ.get("SLUICE_TOP", os.path.realpath(os.path.join(os.path.dirname(__file__), "../..")))
BUILD = os.environ.get("SLUICE_BUILD", os.path.join(TOP, "build"))
ROOT = "/run/sl-tests"
LOG_TAIL = 40


def abi_version():
    """Of the tables: a part of the path that they are pinned under."""
    with open(os.path.join(TOP, "bpf/abi.h")) as f:
        return int(re.search(r"^#define SL_ABI_VERSION (\d+)$", f.read(), re.MULTILINE)[1])


class ControlError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class Control:
    """The daemon's socket: a line of JSON there, a line back."""

    def __init__(self, path, timeout=10):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.file = self.sock.makefile("r")

    def ask(self, op, **args):
        self.sock.sendall((json.dumps({"op": op, "args": args}) + "\n").encode())
        answer = self.line()
        if not answer["ok"]:
            raise ControlError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def line(self):
        text = self.file.readline()
        if not text:
            raise ConnectionError("the daemon closed the connection")
        return json.loads(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()


class Node:
    """
    @cluster: gives fabric, manifests and address plan; @index: from 1, the
    addresses follow from it. Options of the daemon as @options, words.
    """

    def __init__(self, cluster, index, options=(), mtu=1500):
        self.cluster, self.index, self.mtu = cluster, index, mtu
        self.name = f"n{index}"
        self.addr = {4: f"172.31.0.{index}", 6: f"fd31::{index}"}
        self.cidr = {4: f"10.244.{index}.0/24", 6: f"fd00:244:{index}::/64"}
        self.dir = f"{ROOT}/{self.name}"
        self.options = [*self._datapath(), *options]
        self.pods = []
        self.plugin = f"{BUILD}/sluice-cni"
        self.daemon = None
        self.ns = netns.Netns(self.name, forwarding=True)
        self._make_places()
        cluster.plug(self.ns, "uplink", self.addr, mtu)

    def _datapath(self):
        """What kind of devices pods get, by SLUICE_TEST_DATAPATH: one word, or one for each node."""
        kinds = os.environ.get("SLUICE_TEST_DATAPATH", "veth").split(",")
        return ["--datapath", kinds[(self.index - 1) % len(kinds)]]

    def _make_places(self):
        for d in ("bpf", "manifests", "state", "run"):
            os.makedirs(f"{self.dir}/{d}", mode=0o700)
        linux.mount("bpf", f"{self.dir}/bpf", "bpf", 0, "mode=0700")
        self.pins = f"{self.dir}/bpf/sluice"
        self.pin_dir = f"{self.pins}/v{abi_version()}"
        self.log = f"{self.dir}/sluiced.log"

    def environ(self, **more):
        return {**os.environ, "SLUICE_PIN_ROOT": self.pins, "SLUICE_STATE_DIR": f"{self.dir}/state",
                "SLUICE_RUN_DIR": f"{self.dir}/run", "SLUICE_MANIFESTS": f"{self.dir}/manifests",
                "SLUICE_NODE_NAME": self.name, "SLUICE_CGROUP": "none", **more}

    # ------------------------------------------------------------ daemon

    def start(self, *options):
        """Starts the daemon and waits until it says that it is ready."""
        self.spawn(*options)
        netns.wait_for(f"the daemon of {self.name}", self.ready)

    def spawn(self, *options):
        with open(self.log, "a") as log:
            self.daemon = self.ns.popen(
                [f"{BUILD}/sluiced", "--uplink", "uplink", *self.options, *options],
                env=self.environ(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ready(self):
        if self.daemon.poll() is not None:
            raise netns.Error(f"sluiced of {self.name} ended with {self.daemon.returncode}:\n"
                              + self.log_tail())
        try:
            return self.control("ready")["ready"]
        except (OSError, ControlError):
            return False

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, sig):
        if not self.daemon:
            return
        self.daemon.send_signal(sig)
        try:
            self.daemon.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
            raise netns.Error(f"sluiced of {self.name} did not end by {sig.name}")
        finally:
            self.daemon = None

    def log_tail(self):
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-LOG_TAIL:])

    def control(self, op, **args):
        with Control(f"{self.dir}/run/sluiced.sock") as c:
            return c.ask(op, **args)

    def sluice(self, *argv, **kwargs):
        return self.ns.run(f"{BUILD}/sluice", *argv, env=self.environ(), **kwargs)

    def settle(self):
        """
        Returns when everything written to the manifests so far is in force: a
        marker written after it is known to the daemon, and commits come in
        order.
        """
        if self.cluster.api:
            return self.settle_at(self.cluster.versions())
        name = self.cluster.marker(self)
        netns.wait_for(f"manifests to be known on {self.name}", lambda: any(
            p.get("name") == name for p in self.control("policies")))
        # the commit is in the turn of the loop that read them, so before this is answered
        netns.wait_for(f"manifests to be in force on {self.name}", self.ready)

    def knows(self, versions):
        """All of @versions, {kind: resourceVersion}; False also of a daemon that is not there."""
        try:
            kinds = {k["kind"]: k for k in self.control("status")["source"]["kinds"]}
        except (OSError, ControlError, ConnectionError):
            return False
        return all(int(kinds[k]["version"] or 0) >= v for k, v in versions.items())

    def settle_at(self, versions):
        """Returns when all of @versions, {kind: resourceVersion}, are known and in force."""
        netns.wait_for(f"{versions} to be known on {self.name}", lambda: self.knows(versions))
        # the commit is in the turn of the loop that read them, so before this is answered
        netns.wait_for(f"objects to be in force on {self.name}", self.ready)

    # ---------------------------------------------------------- counters

    def dump(self, name):
        text = netns.run("bpftool", "-j", "map", "dump", "pinned", f"{self.pin_dir}/maps/{name}")
        return json.loads(text)

    def _percpu(self, name, words):
        """{index: tuple of sums} of a per-CPU array of @words 64-bit words."""
        out = {}
        for entry in self.dump(name):
            key = int.from_bytes(bytes(int(b, 16) for b in entry["key"]), "little")
            sums = [0] * words
            for v in entry["values"]:
                raw = bytes(int(b, 16) for b in v["value"])
                for w in range(words):
                    sums[w] += int.from_bytes(raw[8 * w:8 * w + 8], "little")
            out[key] = tuple(sums)
        return out

    def drops(self):
        """{reason: packets}, straight from the map."""
        counters = self._percpu("sl_drop", 2)
        return {name: counters[i][0] for i, name in enumerate(abi_names("SL_DROP_REASONS"))}

    def counts(self):
        counters = self._percpu("sl_count", 1)
        return {name: counters[i][0] for i, name in enumerate(abi_names("SL_COUNTS"))}

    def close(self):
        for pod in list(self.pods):
            pod.ns.delete()
        if self.daemon:
            self.kill()
        self.ns.delete()
        linux.umount(f"{self.dir}/bpf", linux.MNT_DETACH)
        shutil.rmtree(self.dir)


_abi = {}


def abi_names(macro):
    """Names of an X-macro of the ABI header, in order: the indexes of its map."""
    if macro not in _abi:
        with open(f"{TOP}/bpf/abi.h") as f:
            text = f.read().split(f"#define {macro}(X)", 1)[1]
        body = []
        for line in text.splitlines():
            body.append(line)
            if not line.rstrip().endswith("\\"):
                break
        names = []
        for line in body:
            line = line.strip()
            if line.startswith("X("):
                names.append(line.split('"')[1])
        _abi[macro] = names
    return _abi[macro]


class Drops:
    """
    `with Drops(node, "source-address"):` — the body makes the node drop for
    that reason, @at_least times, and, with @only, for no other.
    """

    def __init__(self, node, reason, at_least=1, only=False):
        self.node, self.reason, self.at_least, self.only = node, reason, at_least, only

    def __enter__(self):
        self.before = self.node.drops()
        return self

    def difference(self):
        now = self.node.drops()
        return {r: now[r] - self.before[r] for r in now if now[r] != self.before[r]}

    def __exit__(self, kind, *_):
        if kind:
            return
        deadline = time.monotonic() + 1
        while (diff := self.difference()).get(self.reason, 0) < self.at_least:
            if time.monotonic() > deadline:
                raise netns.Error(f"no drop '{self.reason}' on {self.node.name}; drops: {diff}")
        if self.only and set(diff) != {self.reason}:
            raise netns.Error(f"drops on {self.node.name} beside '{self.reason}': {diff}")


class NoDrops(Drops):
    """The body makes the node drop nothing."""

    def __init__(self, node):
        super().__init__(node, None)

    def __exit__(self, kind, *_):
        diff = self.difference()
        if not kind and diff:
            raise netns.Error(f"drops on {self.node.name}: {diff}")


class CniError(Exception):
    def __init__(self, code, msg, details):
        super().__init__(f"CNI error {code}: {msg} {details}")
        self.code = code


class Pod:
    """A network namespace that the plugin attached to a node."""

    count = 0

    def __init__(self, node, ns, name):
        Pod.count += 1
        self.node, self.namespace, self.podname = node, ns, name
        self.name = f"{ns}/{name}"
        self.container = f"{os.getpid():x}-{Pod.count}"
        self.ns = netns.Netns(f"{node.name}-{ns}-{name}-{Pod.count}")
        self.addr = {}
        self.uid = None		# as the API server gave it
        node.pods.append(self)

    def _cni_popen(self, command, config):
        conf = {"cniVersion": "1.1.0", "name": "sluice", "type": "sluice-cni",
                "socket": f"{self.node.dir}/run/sluiced.sock",
                "stateDir": f"{self.node.dir}/state", **config}
        env = self.node.environ(
            CNI_COMMAND=command, CNI_CONTAINERID=self.container, CNI_NETNS=self.ns.path,
            CNI_IFNAME="eth0", CNI_PATH=BUILD,
            CNI_ARGS=f"IgnoreUnknown=1;K8S_POD_NAMESPACE={self.namespace};"
                     f"K8S_POD_NAME={self.podname}" +
                     (f";K8S_POD_UID={self.uid}" if self.uid else ""))
        p = self.node.ns.popen([self.node.plugin], env=env, text=True, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return p, json.dumps(conf)

    def cni_start(self, command, **config):
        """The plugin under way, for a test that does something to it."""
        p, conf = self._cni_popen(command, config)
        p.stdin.write(conf)
        p.stdin.close()
        p.stdin = None
        return p

    def cni(self, command, **config):
        p, conf = self._cni_popen(command, config)
        stdout, stderr = p.communicate(conf, timeout=30)
        out = json.loads(stdout) if stdout.strip() else {}
        if p.returncode:
            raise CniError(out.get("code"), out.get("msg", stderr), out.get("details", ""))
        return out

    def add(self, **config):
        result = self.cni("ADD", **config)
        for ip in result["ips"]:
            addr = ip["address"].split("/")[0]
            self.addr[6 if ":" in addr else 4] = addr
        self.host_dev = next(i["name"] for i in result["interfaces"] if not i.get("sandbox"))
        return result

    def delete(self):
        """DEL, and the namespace goes as the runtime would let it go."""
        self.cni("DEL")
        self.ns.delete()
        self.node.pods.remove(self)
