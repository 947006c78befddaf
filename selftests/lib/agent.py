# SPDX-License-Identifier: GPL-2.0
"""
Sockets in a process of their own, which is in a cgroup: programs on a cgroup
go by the process that makes a socket, and the tests' own is in none of theirs.
"""
import json
import socket
import subprocess
import sys

import netns

_CODE = """
import errno, json, socket, sys
socks = []
for line in sys.stdin:
    n, method, args = json.loads(line)
    args = [tuple(a) if isinstance(a, list) else a.encode() if isinstance(a, str) else a for a in args]
    try:
        if n is None:
            socks.append(socket.socket(*args))
            socks[-1].settimeout(float(sys.argv[1]))
            out = len(socks) - 1
        else:
            out = getattr(socks[n], method)(*args)
    except TimeoutError:
        out = {"error": "ETIMEDOUT"}
    except OSError as e:
        out = {"error": errno.errorcode[e.errno]}
    print(json.dumps(out, default=bytes.decode), flush=True)
"""


class SockError(Exception):
    """@args[0]: the name of an errno."""


class Agent:
    """The process, in network namespace @ns and in @cgroup. Blocking calls give up after @timeout seconds."""

    def __init__(self, ns, cgroup, timeout=1.0 * netns.SLOW):
        self.proc = ns.popen([sys.executable, "-c", _CODE, str(timeout)], preexec_fn=cgroup.enter, text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def call(self, n, method, *args):
        self.proc.stdin.write(json.dumps([n, method, args]) + "\n")
        self.proc.stdin.flush()
        out = json.loads(self.proc.stdout.readline())
        if isinstance(out, dict):
            raise SockError(out["error"])
        return out

    def socket(self, family, kind):
        return Remote(self, self.call(None, None, int(family), int(kind)))

    def tcp(self, v):
        return self.socket(socket.AF_INET6 if v == 6 else socket.AF_INET, socket.SOCK_STREAM)

    def udp(self, v):
        return self.socket(socket.AF_INET6 if v == 6 else socket.AF_INET, socket.SOCK_DGRAM)

    def close(self):
        self.proc.stdin.close()
        self.proc.wait(timeout=10)
        self.proc.stdout.close()


class Remote:
    """A socket of the agent's: methods as of Python's, with text for bytes."""

    def __init__(self, agent, n):
        self.agent, self.n = agent, n

    def __getattr__(self, method):
        return lambda *args: self.agent.call(self.n, method, *args)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.agent.call(self.n, "close")
