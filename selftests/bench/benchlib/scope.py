# SPDX-License-Identifier: GPL-2.0
"""
Everything a run makes on the machine (namespaces, processes, mounts,
directories), and its undoing in reverse order. Names carry the process id, so
that a later run finds and removes what a killed one left.
"""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile

PREFIX = "slbench"
NETNS = "/run/netns"
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


class Missing(Exception):
    """Something this machine or this build does not have; said as a skip."""


def built(name):
    """Path of a program under the build directory."""
    path = os.path.join(os.path.abspath(os.environ.get("O", os.path.join(TOP, "build"))), name)
    if not os.access(path, os.X_OK):
        raise Missing(f"{name} is not built")
    return path


def sh(*argv, stdin=None, **kw):
    """Runs a command to its end; its standard output. Complains with its error."""
    p = subprocess.run(argv, input=stdin, capture_output=True, text=True, **kw)
    if p.returncode:
        raise RuntimeError(f"{' '.join(argv[:6])}: exit {p.returncode}: {p.stderr.strip()[-2000:]}")
    return p.stdout


def inside(ns, *argv):
    """@argv as a command in namespace @ns; leaves mounts alone, as `ip netns exec` does not."""
    return ("nsenter", f"--net={NETNS}/{ns}", *argv)


class Scope(contextlib.ExitStack):
    """Namespaces and processes that end with it."""

    def __init__(self):
        super().__init__()
        self.name = f"{PREFIX}{os.getpid()}"
        self.dir = tempfile.mkdtemp(prefix=f"{self.name}-", dir="/run")
        self.callback(shutil.rmtree, self.dir, ignore_errors=True)

    def netns(self, name):
        ns = f"{self.name}-{name}"
        sh("ip", "netns", "add", ns)
        self.callback(netns_del, ns)
        sh("ip", "-n", ns, "link", "set", "lo", "up")
        return ns

    def spawn(self, *argv, **kw):
        p = subprocess.Popen(argv, **kw)
        self.callback(stop, p)
        return p

    def bpffs(self):
        """A bpffs of its own; gone, with all its pins, at the end."""
        path = os.path.join(self.dir, "bpf")
        os.mkdir(path, 0o700)
        sh("mount", "-t", "bpf", "bpf", path)
        self.callback(subprocess.run, ["umount", path], stderr=subprocess.DEVNULL)
        return path


def netns_del(ns):
    subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL)


def stop(p, grace=5):
    """Ends a process that we started: politely, then not."""
    for f in (p.stdin, p.stdout, p.stderr):
        if f:
            with contextlib.suppress(OSError):
                f.close()
    if p.poll() is None:
        p.terminate()
    try:
        p.wait(grace)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()


def sweep():
    """Removes what runs left that were killed: their process is gone, their names are not."""
    def orphan(name):
        m = re.match(rf"{PREFIX}(\d+)-", name)
        return m and not os.path.exists(f"/proc/{m[1]}")

    for ns in filter(orphan, os.listdir(NETNS) if os.path.isdir(NETNS) else []):
        netns_del(ns)
    for d in filter(orphan, os.listdir("/run")):
        path = os.path.join("/run", d)
        subprocess.run(["umount", os.path.join(path, "bpf")], stderr=subprocess.DEVNULL)
        shutil.rmtree(path, ignore_errors=True)


def interruptible():
    """Signals end the run as an exception does: with everything undone."""
    def handler(signo, _frame):
        raise SystemExit(128 + signo)

    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, handler)
