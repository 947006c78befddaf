# SPDX-License-Identifier: GPL-2.0
"""Cgroups of the tests' own: what is put on one concerns nobody else."""
import os
import secrets

import netns


class Cgroup:
    """A directory of the host's cgroup2 hierarchy, which nobody is in but whom it is made for."""

    def __init__(self, name):
        with open("/proc/self/mounts") as f:
            mounts = [line.split()[1] for line in f if line.split()[2] == "cgroup2"]
        if not mounts:
            raise netns.Error("no cgroup2 is mounted")
        self.path = f"{mounts[0]}/sluice-{name}-{secrets.token_hex(4)}"
        os.mkdir(self.path)

    def enter(self):
        with open(f"{self.path}/cgroup.procs", "w") as f:
            f.write("0")

    def attached(self):
        """Names of the programs on it."""
        text = netns.run("bpftool", "cgroup", "show", self.path)
        return sorted(line.split()[-1] for line in text.splitlines()[1:])

    def empty(self):
        with open(f"{self.path}/cgroup.procs") as f:
            return not f.read()

    def delete(self):
        netns.wait_for(f"{self.path} to be empty", self.empty)
        os.rmdir(self.path)
