# SPDX-License-Identifier: GPL-2.0
"""What the demo stands on: namespaces, the daemon, pods by the plugin, agents in them. All of it is taken away again."""

import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import threading
import time
import uuid

TREE = pathlib.Path(__file__).resolve().parents[2]
HERE = TREE / "scripts/demo"
PREFIX = "sluice-demo"
UPLINK = {"node": ("192.0.2.1/24", "2001:db8::1/64"), "outside": ("192.0.2.2/24", "2001:db8::2/64")}


def run(*command, **kwargs):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kwargs)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def wait_for(what, predicate, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


class Namespace:
    def __init__(self, name):
        self.name = f"{PREFIX}-{name}"
        self.path = f"/run/netns/{self.name}"
        run("ip", "netns", "add", self.name)

    def command(self, *command):
        # Not `ip netns exec`: it mounts /sys anew, and the pinned maps would be out of sight.
        return ["nsenter", f"--net={self.path}", *map(str, command)]

    def run(self, *command, **kwargs):
        return run(*self.command(*command), **kwargs)


class Agent:
    """A process in a namespace that serves and asks."""

    def __init__(self, namespace, name):
        self.process = subprocess.Popen(namespace.command("/usr/bin/python3", HERE / "agent.py", name),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answers = {0: queue.Queue()}
        self.count = 0
        threading.Thread(target=self.read, daemon=True).start()
        self.answers[0].get(timeout=10)

    def read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            self.answers[answer["id"]].put(answer)

    def ask(self, op, **request):
        self.count += 1
        self.answers[self.count] = queue.Queue()
        print(json.dumps({"id": self.count, "op": op, **request}), file=self.process.stdin, flush=True)
        return self.count

    def answer(self, number, timeout=30):
        return self.answers[number].get(timeout=timeout)

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Node:
    """One node, an outside host, and the daemon between them."""

    def __init__(self):
        self.dir = pathlib.Path("/run") / PREFIX
        self.namespaces, self.agents, self.pods = {}, {}, {}
        self.daemon = None

    def __enter__(self):
        self.clean()  # of a demo that was killed
        self.dir.mkdir(mode=0o700)
        (self.dir / "bpf").mkdir()
        run("mount", "-t", "bpf", "bpf", self.dir / "bpf")
        self.manifests = self.dir / "manifests"
        shutil.copytree(HERE / "manifests", self.manifests)
        self.environment = os.environ | {
            "SLUICE_PIN_ROOT": str(self.dir / "bpf/sluice"), "SLUICE_STATE_DIR": str(self.dir / "state"),
            "SLUICE_RUN_DIR": str(self.dir / "run"), "SLUICE_MANIFESTS": str(self.manifests),
            "SLUICE_NODE_NAME": "demo"}
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def build(self):
        node = self.namespaces["node"] = Namespace("node")
        outside = self.namespaces["outside"] = Namespace("outside")
        node.run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "uplink", "netns", outside.name)
        for name, (ipv4, ipv6) in UPLINK.items():
            namespace = self.namespaces[name]
            for device in ("lo", "uplink"):
                namespace.run("ip", "link", "set", device, "up")
            namespace.run("ip", "address", "add", ipv4, "dev", "uplink")
            namespace.run("ip", "address", "add", ipv6, "dev", "uplink", "nodad")
        for route in (("default", "via", UPLINK["outside"][0].split("/")[0]),
                      ("-6", "default", "via", UPLINK["outside"][1].split("/")[0])):
            family = ["-6"] if route[0] == "-6" else []
            node.run("ip", *family, "route", "add", *(r for r in route if r != "-6"))
        self.start_daemon()
        self.agents["outside"] = Agent(outside, "outside")
        self.agents["node"] = Agent(node, "node")

    def start_daemon(self):
        log = open(self.dir / "sluiced.log", "a")
        started = time.monotonic()
        self.daemon = subprocess.Popen(
            self.namespaces["node"].command(TREE / "build/sluiced", "--uplink", "uplink"),
            env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("the daemon", self.ready)
        return time.monotonic() - started

    def ready(self):
        if self.daemon.poll() is not None:
            raise RuntimeError("sluiced ended:\n" + (self.dir / "sluiced.log").read_text()[-2000:])
        try:
            return self.json("status").get("ready", True)
        except RuntimeError:
            return False

    def sluice(self, *arguments):
        return self.namespaces["node"].run(TREE / "build/sluice", *arguments, env=self.environment)

    def json(self, *arguments):
        return json.loads(self.sluice(*arguments, "-o", "json"))

    def add_pod(self, namespace, name):
        """By the plugin, as a container runtime would."""
        netns = Namespace(name)
        netns.run("ip", "link", "set", "lo", "up")
        config = {"cniVersion": "1.1.0", "name": "sluice", "type": "sluice-cni",
                  "socket": str(self.dir / "run/sluiced.sock"), "stateDir": str(self.dir / "state")}
        environment = self.environment | {
            "CNI_COMMAND": "ADD", "CNI_CONTAINERID": uuid.uuid4().hex, "CNI_NETNS": netns.path, "CNI_IFNAME": "eth0",
            "CNI_PATH": str(TREE / "build"),
            "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE={namespace};K8S_POD_NAME={name}"}
        result = json.loads(self.namespaces["node"].run(TREE / "build/sluice-cni", env=environment,
                                                        input=json.dumps(config)))
        key = f"{namespace}/{name}"
        self.namespaces[key] = netns
        self.pods[key] = [ip["address"].split("/")[0] for ip in result["ips"]]
        self.agents[key] = Agent(netns, name)

    def restart_daemon(self):
        """Without asking it: the way a crash would."""
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()
        return self.start_daemon()

    def __exit__(self, *_):
        for agent in self.agents.values():
            agent.stop()
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        self.clean()

    def clean(self):
        for path in pathlib.Path("/run/netns").glob(f"{PREFIX}-*"):
            subprocess.run(["ip", "netns", "delete", path.name], check=False)
        if os.path.ismount(self.dir / "bpf"):
            run("umount", self.dir / "bpf")
        shutil.rmtree(self.dir, ignore_errors=True)
