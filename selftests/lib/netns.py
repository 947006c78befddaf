# SPDX-License-Identifier: GPL-2.0
"""
Network namespaces and what is plugged into them. Entered by setns() of the
calling thread, never by `ip netns exec`, which mounts /sys anew and hides the
pins. A socket belongs for its life to the namespace it was made in, so one
process speaks for every end of a topology.
"""
import errno
import fcntl
import os
import socket
import struct
import subprocess
import threading
import time

import linux

_here = threading.local()

# How many times slower than usual this machine is: what waits, waits so much longer.
SLOW = int(os.environ.get("SLUICE_TEST_SLOW", 1))


class Error(Exception):
    pass


def run(*argv, stdin=None, check=True, env=None, timeout=30, preexec=None):
    """Runs a program in the namespace the thread is in; returns its output. @preexec: in its process, before."""
    p = subprocess.run([str(a) for a in argv], input=stdin, env=env, timeout=timeout, text=True,
                       preexec_fn=preexec, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))
    if check and p.returncode:
        raise Error(f"{' '.join(map(str, argv))}: exit {p.returncode}: "
                    f"{(p.stderr or p.stdout).strip()}")
    return p.stdout


def wait_for(what, cond, seconds=10):
    """Polls until @cond returns something true, and returns it."""
    seconds *= SLOW
    deadline = time.monotonic() + seconds
    while True:
        value = cond()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Error(f"waited {seconds} s for {what}")
        time.sleep(0.01)


class Socket(socket.socket):
    """
    A netkit device tells its sender that its program dropped the packet, a veth
    does not. To a test both are a packet that was sent.
    """

    def _sent(self, func, data, *args):
        try:
            return func(data, *args)
        except OSError as e:
            if e.errno != errno.ENOBUFS:
                raise
            return len(data)

    def send(self, data, *args):
        return self._sent(super().send, data, *args)

    def sendto(self, data, *args):
        return self._sent(super().sendto, data, *args)


class Netns:
    """
    A network namespace under /run/netns, loopback up, IPv6 addresses usable
    at once. `with ns:` puts the thread into it.
    """
    all = []

    def __init__(self, name, forwarding=False):
        self.name = name
        self.path = f"/run/netns/{name}"
        run("ip", "netns", "add", name)
        Netns.all.append(self)
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self.sysctl("ipv6/conf/all/accept_dad", 0)
        self.sysctl("ipv6/conf/default/accept_dad", 0)
        # nothing is sent that the test did not ask for: drops are counted exactly
        self.sysctl("ipv6/conf/default/router_solicitations", 0)
        self.sysctl("ipv4/ping_group_range", "0 0")
        if forwarding:
            self.sysctl("ipv4/ip_forward", 1)
            self.sysctl("ipv6/conf/all/forwarding", 1)
        self.ip("link set lo up")

    def __enter__(self):
        stack = _here.__dict__.setdefault("stack", [])
        stack.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        linux.setns(self.fd, linux.CLONE_NEWNET)
        return self

    def __exit__(self, *_):
        fd = _here.stack.pop()
        linux.setns(fd, linux.CLONE_NEWNET)
        os.close(fd)

    def run(self, *argv, **kwargs):
        with self:
            return run(*argv, **kwargs)

    def popen(self, argv, **kwargs):
        with self:
            return subprocess.Popen([str(a) for a in argv], **kwargs)

    def ip(self, *lines):
        """Lines for `ip -batch`, all of them in one process."""
        self.run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")

    def sysctl(self, key, value):
        with self, open(f"/proc/sys/net/{key}", "w") as f:
            f.write(str(value))

    def socket(self, family, kind, proto=0):
        with self:
            return Socket(family, kind, proto)

    def packet_socket(self, dev, proto=3):
        """AF_PACKET on @dev; @proto 3: everything (ETH_P_ALL), 0: for sending only."""
        with self:
            s = Socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(proto))
            s.bind((dev, proto))
            return s

    def ifindex(self, dev):
        with self:
            return socket.if_nametoindex(dev)

    def mac(self, dev):
        with self:
            return mac_of(dev)

    def delete(self):
        if self in Netns.all:
            Netns.all.remove(self)
            os.close(self.fd)
            run("ip", "netns", "del", self.name)


def mac_of(dev):
    """MAC address of a device of the thread's namespace; /sys shows another one's devices."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        SIOCGIFHWADDR = 0x8927
        ifr = fcntl.ioctl(s, SIOCGIFHWADDR, struct.pack("16s24x", dev.encode()))
    return ifr[18:24].hex(":")


def veth(a, dev_a, b, dev_b, mtu=1500):
    """A veth pair, one end in each namespace, both up."""
    a.ip(f"link add {dev_a} mtu {mtu} type veth peer name {dev_b} mtu {mtu} netns {b.name}",
         f"link set {dev_a} up")
    b.ip(f"link set {dev_b} up")


def delete_all():
    for ns in list(Netns.all):
        ns.delete()
