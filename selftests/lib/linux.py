# SPDX-License-Identifier: GPL-2.0
"""
The few system calls that Python 3.11's os module lacks: namespaces, mounts,
prctl. Numbers are those of the kernel's uapi headers.
"""
import ctypes
import os
import signal

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 2
MS_NODEV = 4
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SHARED = 1 << 20
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name, *args):
    if getattr(_libc, name)(*args) == -1:
        err = ctypes.get_errno()
        raise OSError(err, f"{name}: {os.strerror(err)}")


def unshare(flags):
    _call("unshare", ctypes.c_int(flags))


def setns(fd, nstype):
    _call("setns", ctypes.c_int(fd), ctypes.c_int(nstype))


def mount(source, target, fstype, flags=0, data=None):
    _call("mount", source.encode(), target.encode(), fstype.encode() if fstype else None,
          ctypes.c_ulong(flags), data.encode() if data else None)


def umount(target, flags=0):
    _call("umount2", target.encode(), ctypes.c_int(flags))


def sethostname(name):
    _call("sethostname", name.encode(), ctypes.c_size_t(len(name.encode())))


def die_with_parent(parent):
    """SIGKILL when the parent process ends; @parent: its pid, against the race with its end."""
    _call("prctl", PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def set_subreaper():
    _call("prctl", PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)
