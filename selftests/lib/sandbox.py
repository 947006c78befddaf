# SPDX-License-Identifier: GPL-2.0
"""
One test in a world of its own: private mount, pid and network namespaces,
fresh /run, /tmp, /dev/shm and /sys/fs/bpf. Whatever the test left there when
its process ends is found and named; then the namespaces die, and with them
everything that was in them, also when the runner itself is killed.

    runner ── A: unshares, waits ── B: pid 1 of the sandbox ── C: the test

Without the privilege to unshare (no root), the test runs in the open as a
process group under a subreaper, and only processes are looked after.
"""
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import time

import linux

# How long what a test tore down may take to be gone: the kernel takes network
# namespaces apart, and with them the peers of their veths, in a work queue.
SETTLE_S = 4
# After SIGTERM, time for a test to clean up before everything is killed.
GRACE_S = 4

FRESH = ("/run", "/tmp", "/dev/shm")
# What tools of the system put there and nobody removes.
TOLERATED = {"/run/netns", "/run/xtables.lock", "/run/lock", "/run/sandbox"}
# Default places of sluice on a node: a test that forgets an option hits these.
DEFAULT_PLACES = ("/var/lib/sluice", "/etc/sluice", "/opt/cni/bin/sluice-cni")


def _mount_fresh(target, keep):
    """A tmpfs over @target; @keep: directory that stays reachable if it lies below."""
    fd = os.open(keep, os.O_PATH) if keep.startswith(target + "/") else -1
    linux.mount("tmpfs", target, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=1777")
    if fd >= 0:
        os.makedirs(keep)
        linux.mount(f"/proc/self/fd/{fd}", keep, None, linux.MS_BIND | linux.MS_REC)
        os.close(fd)


def _loopback_up():
    SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        ifr = fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0))
        flags = struct.unpack("16sH14x", ifr)[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def furnish(top):
    """A new mount and pid namespace becomes a world; @top: a tree that stays reachable in it."""
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    for d in FRESH:
        if os.path.isdir(d):
            _mount_fresh(d, top)
    linux.mount("proc", "/proc", "proc")
    if os.path.isdir("/sys/fs/bpf"):
        linux.mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700")
    os.mkdir("/run/netns")
    os.mkdir("/run/sandbox")
    _loopback_up()


def _tree(root, keep):
    found = set()
    for path, dirs, files in os.walk(root):
        if path == keep:
            dirs.clear()
            continue
        found.update(os.path.join(path, n) for n in files)
        # a directory on the way to the tree under test is ours
        found.update(p for p in (os.path.join(path, n) for n in dirs)
                     if not (keep + "/").startswith(p + "/"))
        dirs[:] = [d for d in dirs if not os.path.ismount(os.path.join(path, d)) or
                   (keep + "/").startswith(os.path.join(path, d) + "/")]
    return found


def _is_tolerated(path):
    return any(path == t or path.startswith(t + "/") for t in TOLERATED)


def _mounts():
    with open("/proc/self/mountinfo") as f:
        return {l.split()[4] for l in f}


class World:
    """What a sandbox contains, so that two looks can be compared."""

    def __init__(self, top):
        self.top = top
        self.before = self._look()

    def _look(self):
        seen = {}
        for d in FRESH + ("/sys/fs/bpf",):
            kind = "pin" if d == "/sys/fs/bpf" else "file"
            seen.update({p: kind for p in _tree(d, self.top) if not _is_tolerated(p)})
        seen.update({p: "mount" for p in _mounts() if not _is_tolerated(p)})
        seen.update({p: "default place" for p in DEFAULT_PLACES if os.path.lexists(p)})
        seen.update({n: "device" for _, n in socket.if_nameindex()})
        seen.update({n: "network namespace" for n in os.listdir("/run/netns")})
        return seen

    def left(self):
        now = self._look()
        new = {n: k for n, k in now.items() if n not in self.before}
        # name the top of what was left, not every file below
        return [f"{k} {n}" for n, k in sorted(new.items())
                if k in ("mount", "pin") or os.path.dirname(n) not in new]


class NoWorld:
    def left(self):
        return []


def _processes(me):
    """Processes of the sandbox, or below @me outside one; zombies are nobody."""
    parent, name = {}, {}
    for pid in (int(p) for p in os.listdir("/proc") if p.isdigit()):
        try:
            with open(f"/proc/{pid}/stat") as f:
                stat = f.read().rsplit(")", 1)[1].split()
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                cmd = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if stat[0] in "ZX":
            continue
        parent[pid], name[pid] = int(stat[1]), cmd

    def below(pid):
        while pid in parent and pid != me:
            pid = parent[pid]
        return pid == me

    return {p: f"process {p}: {name[p]}" for p in parent if p != me and (me == 1 or below(p))}


def _reap(test):
    """Collects every ended child; returns the status of @test if it was among them."""
    status = None
    while True:
        try:
            pid, st = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == test:
            status = st


def _signal_group(pid, sig):
    try:
        os.killpg(pid, sig)
    except ProcessLookupError:
        pass


def _wait_test(pid, timeout):
    """Returns (wait status, why it was stopped or None); SIGTERM to us ends the test."""
    deadline = time.monotonic() + timeout
    why = None
    while True:
        left = max(0, deadline - time.monotonic())
        info = signal.sigtimedwait({signal.SIGCHLD, signal.SIGTERM}, left)
        status = _reap(pid)
        if status is not None:
            return status, why
        if info is not None and (info.si_signo == signal.SIGCHLD or why):
            continue
        _signal_group(pid, signal.SIGKILL if why else signal.SIGTERM)
        why = why or ("interrupted" if info else "timeout")
        deadline = time.monotonic() + GRACE_S


def _find_left(world, me):
    deadline = time.monotonic() + SETTLE_S
    while True:
        _reap(0)
        left = sorted(_processes(me).values()) + world.left()
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


def _start(job):
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for fd, path in ((1, job["stdout"]), (2, job["stderr"])):
            if path:
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), fd)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.chdir(job["top"])
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(s, signal.SIG_DFL)
        os.execve(job["argv"][0], job["argv"], job["env"])
    except BaseException as e:  # the child must never return into the runner
        os.write(2, f"{job['argv'][0]}: {e}\n".encode())
    os._exit(127)


def _supervise(job, private):
    if private:
        furnish(job["top"])
        world = World(job["top"])
    else:
        linux.set_subreaper()
        world = NoWorld()
    start = time.monotonic()
    test = _start(job)
    status, why = _wait_test(test, job["timeout"])
    seconds = time.monotonic() - start
    me = 1 if private else os.getpid()
    # nobody reads the result of an interrupted test
    left = _find_left(world, me) if why != "interrupted" else []
    for pid in _processes(me):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass	# the pid 1 of its namespace was killed before
    return {"status": status, "timeout": why == "timeout", "seconds": seconds, "left": left}


def _report(job, fd, private):
    try:
        result = _supervise(job, private)
    except BaseException as e:
        result = {"error": f"sandbox: {type(e).__name__}: {e}"}
    os.write(fd, json.dumps(result).encode())
    os._exit(0)


def _outer(job, fd, parent):
    linux.die_with_parent(parent)
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    private = True
    try:
        linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWNET)
    except OSError:
        private = False
    if not private:
        _report(job, fd, False)
    pid = os.fork()
    if pid == 0:
        # The parent is outside the pid namespace: its pid reads 0 in here.
        linux.die_with_parent(0)
        _report(job, fd, True)
    os.waitpid(pid, 0)
    os._exit(0)


def start(job):
    """
    Starts @job (argv, env, top, timeout, stdout and stderr: paths or None);
    returns (pid, fd). @fd reads one JSON object and then end of file; the
    caller waits for @pid. SIGTERM to the process group of @pid ends the test
    politely, SIGKILL to @pid ends everything at once.
    """
    r, w = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(r)
            _outer(job, w, parent)
        finally:
            os._exit(1)
    os.close(w)
    return pid, r
