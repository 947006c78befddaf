# SPDX-License-Identifier: GPL-2.0
"""
What the kernel complains about while tests run: for a machine of the tests'
own, whose log is theirs alone (selftests/vm).
"""
import errno
import os
import re
import time

_COMPLAINT = re.compile(
    r"WARNING: |BUG: |Oops|general protection fault|refcount_t|UBSAN: |"
    r"possible recursive locking|circular locking dependency|inconsistent lock state|"
    r"suspicious RCU usage|held lock freed|lock held when returning|ODEBUG: |"
    r"kmemleak: \d+ new suspected|unregister_netdevice: waiting|DMA-API: ")
# A stall is the emulator's or a busy host's, all else is a fault.
_PATIENCE = re.compile(r"stall|soft lockup|hrtimer: interrupt took")
CONTEXT_LINES = 40
KMEMLEAK = "/sys/kernel/debug/kmemleak"


class KernelLog:
    """Reads /dev/kmsg from now on. A record is "priority,number,time,flags;text"."""

    def __init__(self, path="/dev/kmsg"):
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.lseek(self.fd, 0, os.SEEK_END)
        except OSError as e:	# a test gives a pipe
            if e.errno != errno.ESPIPE:
                raise

    def _lines(self):
        while True:
            try:
                record = os.read(self.fd, 8192)
            except BlockingIOError:
                return
            except BrokenPipeError:
                yield "BUG: the log was overwritten before it was read"
                continue
            if not record:
                return
            head, _, text = record.decode(errors="replace").partition(";")
            yield text.split("\n", 1)[0]

    def news(self):
        """What is new: (complaints, the lines round them)."""
        lines = list(self._lines())
        at = [n for n, l in enumerate(lines) if _COMPLAINT.search(l) and not _PATIENCE.search(l)]
        if not at:
            return [], []
        return [lines[n] for n in at], lines[max(0, at[0] - 5):at[0] + CONTEXT_LINES]


def leaks(path=KMEMLEAK, pause_s=6):
    """
    Memory that nothing points to, as kmemleak prints it; None without kmemleak.
    It believes in a leak that two scans saw and that is older than five seconds.
    """
    if not os.path.exists(path):
        return None
    for _ in range(2):
        time.sleep(pause_s)
        with open(path, "w") as f:
            f.write("scan")
    with open(path) as f:
        return f.read().splitlines()
