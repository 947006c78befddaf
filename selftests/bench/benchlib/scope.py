# SPDX-License-Identifier: GPL-2.0
"""
What the parts of a run are made in: namespaces and processes that end with a
`with`, and what to say when something is missing. The whole run lies in a
sandbox (../../lib/sandbox.py), so nothing here can outlive it.
"""
import contextlib
import os
import subprocess

import netns

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
BUILD = os.path.abspath(os.environ.get("SLUICE_BUILD", os.path.join(TOP, "build")))


class Missing(Exception):
    """Something this machine or this build does not have: figures are skipped, in words."""


def built(name):
    """Path of what is built."""
    path = os.path.join(BUILD, name)
    if not os.access(path, os.R_OK):
        raise Missing(f"{name} is not built")
    return path


def cpus():
    """Two CPUs, for those who give and those who take; the same one twice if there is one."""
    have = sorted(os.sched_getaffinity(0))
    return have[0], have[min(1, len(have) - 1)]


class Scope(contextlib.ExitStack):
    """Namespaces and processes, taken away in reverse order."""

    def netns(self, name, **kw):
        ns = netns.Netns(name, **kw)
        self.callback(ns.delete)
        return ns

    def spawn(self, ns, argv, **kw):
        p = ns.popen(argv, **kw)
        self.callback(stop, p)
        return p


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
