# SPDX-License-Identifier: GPL-2.0
"""
A machine of a cluster: mount, uts, ipc, pid and cgroup namespaces of its own
beside a network namespace that there is already. Its /run is empty but for what
is shared, /etc, /opt and /var are the host's with a layer over them, what a node
keeps there is empty, and /sys, its bpffs and its cgroup hierarchies are its own:
programs that think of themselves as the only ones of a host find no others.
When its pid 1 ends, so does all of it, mounts included; close() removes the
cgroups, the only thing that is not in a namespace.

As a program, this file is that pid 1.
"""
import glob
import json
import os
import secrets
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import linux  # noqa: E402
import netns  # noqa: E402

CGROUPS = "/sys/fs/cgroup"
LAYERED = ("/etc", "/opt", "/var")
# what a node has one of: empty at first
EMPTY = ("/opt/cni", "/etc/cni", "/var/lib/sluice", "/var/lib/kubelet", "/var/lib/cni", "/var/lib/containerd",
         "/var/log/pods", "/var/log/containers")
PREFIX = "sluice-"	# of the cgroups
OLD_S = 60


class Hierarchies:
    """
    The host's cgroup hierarchies, {place of the mount: (type, options)}: one of
    version 2, or one for each controller of version 1, perhaps with an empty one
    of version 2 beside.
    """

    def __init__(self):
        self.mounts, self.links = {}, {}
        with open("/proc/self/mountinfo") as f:
            for line in f:
                left, right = line.split(" - ")
                kind, _, options = right.split()
                if kind in ("cgroup", "cgroup2") and left.split()[4].startswith(CGROUPS):
                    self.mounts[left.split()[4]] = (kind, self._wanted(kind, options))
        for name in os.listdir(CGROUPS):
            if os.path.islink(f"{CGROUPS}/{name}"):
                self.links[name] = os.readlink(f"{CGROUPS}/{name}")
        self.unified = CGROUPS in self.mounts

    @staticmethod
    def _wanted(kind, options):
        """What makes a mount of version 1 be of the same hierarchy."""
        if kind == "cgroup2":
            return None
        words = [w for w in options.split(",") if w != "rw" and
                 not w.startswith(("release_agent=", "clone_children", "xattr"))]
        return ",".join((["none"] if words[0].startswith("name=") else []) + words)

    def create(self, name):
        """A cgroup in each, below the root; returns where a process is put."""
        self._remove_old()
        places = []
        for at in self.mounts:
            os.mkdir(f"{at}/{name}")
            for f in ("cpuset.cpus", "cpuset.mems"):
                # version 1 gives a new one no CPU at all
                if os.path.exists(f"{at}/{f}") and not self.unified:
                    with open(f"{at}/{f}") as have, open(f"{at}/{name}/{f}", "w") as new:
                        new.write(have.read())
            places.append(f"{at}/{name}")
        return places

    def _remove_old(self):
        """Those of machines that were killed with all of their world: nobody is in them."""
        for at in self.mounts:
            for path in glob.glob(f"{at}/{PREFIX}*"):
                if time.time() - os.stat(path).st_mtime > OLD_S and not self._in_use(path):
                    self._remove_tree(path)

    @staticmethod
    def _in_use(top):
        try:
            for path, _, _ in os.walk(top):
                with open(f"{path}/cgroup.procs") as f:
                    if f.read(1):
                        return True
        except FileNotFoundError:
            return True		# it is being changed
        return False

    @staticmethod
    def _remove_tree(top):
        """Whether it is gone."""
        for path, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(path)
            except OSError:
                return False
        return True

    def remove(self, name):
        """All processes have ended, but the kernel may still be taking them apart."""
        netns.wait_for(f"the cgroups of {name} to be empty", lambda: all(
            [self._remove_tree(f"{at}/{name}") for at in self.mounts]))

    def mount(self):
        """In the machine: the same ones, with its own cgroup as their root."""
        if not self.unified:
            linux.mount("tmpfs", CGROUPS, "tmpfs", 0, "mode=755")
        for at, (kind, options) in sorted(self.mounts.items()):
            os.makedirs(at, exist_ok=True)
            linux.mount(kind, at, kind, linux.MS_NOSUID | linux.MS_NODEV, options)
        for name, to in self.links.items():
            os.symlink(to, f"{CGROUPS}/{name}")
        if self.unified:
            self._delegate()

    @staticmethod
    def _delegate():
        """Version 2 has no processes where a cgroup's controllers are for those below."""
        os.mkdir(f"{CGROUPS}/machine")
        move([f"{CGROUPS}/machine"])
        with open(f"{CGROUPS}/cgroup.controllers") as f:
            wanted = " ".join(f"+{c}" for c in f.read().split())
        with open(f"{CGROUPS}/cgroup.subtree_control", "w") as f:
            f.write(wanted)


def move(places):
    """Puts this process into cgroups."""
    for place in places:
        with open(f"{place}/cgroup.procs", "w") as f:
            f.write("0")


class Machine:
    """
    @ns: its network namespace, which stays the caller's. @directory: empty, for
    its layers. @shared: a directory that it sees where the caller does.
    """

    def __init__(self, ns, directory, shared):
        self.ns = ns
        self.hierarchies = Hierarchies()
        self.cgroup = f"{PREFIX}{ns.name}-{secrets.token_hex(4)}"
        self.places = self.hierarchies.create(self.cgroup)
        self.pid = None
        conf = {"name": ns.name, "directory": directory, "shared": shared}
        self.outer = ns.popen([sys.executable, __file__, json.dumps(conf)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, preexec_fn=self._join)
        self.pid = int(self.outer.stdout.readline() or 0)
        if not self.pid:
            self.close()
            raise netns.Error(f"{ns.name} did not start")
        if self.hierarchies.unified:
            self.places = [f"{p}/machine" for p in self.places]

    def unified(self):
        """Where its cgroup of version 2 is seen from outside; all its processes are in or below it."""
        for at, (kind, _) in self.hierarchies.mounts.items():
            if kind == "cgroup2":
                return f"{at}/{self.cgroup}"
        raise netns.Error("no cgroups of version 2 here")

    def _argv(self, argv):
        return ["nsenter", "-t", self.pid, "-m", "-u", "-i", "-n", "-p", "-C", "--", *argv]

    def popen(self, argv, **kwargs):
        """The process returned is nsenter, which ends as its child does."""
        return self.ns.popen(self._argv(argv), preexec_fn=self._join, **kwargs)

    def run(self, *argv, **kwargs):
        return self.ns.run(*self._argv(argv), preexec=self._join, **kwargs)

    def _join(self):
        move(self.places)

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        # pid 1 is gone when all the others are
        self.outer.wait()
        self.outer.stdout.close()
        self.hierarchies.remove(self.cgroup)


# ------------------------------------------------------------------ pid 1

def _furnish(conf):
    hierarchies = Hierarchies()
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    shared = os.open(conf["shared"], os.O_PATH)
    for path in LAYERED:
        upper, work = (f"{conf['directory']}{path}/{x}" for x in ("upper", "work"))
        os.makedirs(upper)
        os.makedirs(work)
        linux.mount("overlay", path, "overlay", 0, f"lowerdir={path},upperdir={upper},workdir={work}")
    for path in EMPTY:
        os.makedirs(path, exist_ok=True)
        linux.mount("tmpfs", path, "tmpfs", 0, "mode=755")
    linux.mount("tmpfs", "/run", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
    os.makedirs(conf["shared"], exist_ok=True)
    linux.mount(f"/proc/self/fd/{shared}", conf["shared"], None, linux.MS_BIND)
    os.close(shared)
    linux.mount("proc", "/proc", "proc")
    linux.mount("sysfs", "/sys", "sysfs")
    hierarchies.mount()
    linux.mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700")
    with open("/etc/hostname", "w") as f:
        f.write(conf["name"] + "\n")
    # as systemd leaves it: what a pod mounts for others may be seen by them
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_SHARED)


def _be_init(conf, parent, ready):
    linux.die_with_parent(parent)
    _furnish(conf)
    linux.sethostname(conf["name"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)	# the kernel reaps orphans
    os.write(ready, b".")
    os.close(ready)
    while True:
        time.sleep(1 << 20)


def main():
    conf = json.loads(sys.argv[1])
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWUTS | linux.CLONE_NEWIPC | linux.CLONE_NEWPID |
                  linux.CLONE_NEWCGROUP)
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        os.close(1)
        # the parent is outside the pid namespace: its pid reads 0 in here
        _be_init(conf, 0, w)
    os.close(w)
    if os.read(r, 1):
        print(pid, flush=True)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
