# SPDX-License-Identifier: GPL-2.0
"""
A client of a generic netlink family that knows of it what its specification
says (kmod/sluice.yaml) and nothing else.

    with genl.Family(node.ns) as f:
        f.do("table-get", name="route")         one reply, a dict
        f.dump("flow-get", port=80)             all of them
        f.join("flows"); f.event(5)             (operation, attributes) or None

Refusals raise Refused: errno, the kernel's text, the attribute it named as a
path ("item.key"), the one it missed, the cookie. Values: integers, bytes for binary,
text for strings, True for flags, dicts for nests, lists where an attribute may
come more than once; enums by name, flag enums as sets of names.
"""
import errno
import os
import socket
import struct
import time

import yaml

import netns

TOP = os.environ.get("SLUICE_TOP", os.path.realpath(os.path.join(os.path.dirname(__file__), "../..")))
SPEC = f"{TOP}/kmod/sluice.yaml"

# linux/netlink.h, linux/genetlink.h
NETLINK_GENERIC, SOL_NETLINK = 16, 270
NETLINK_ADD_MEMBERSHIP, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 1, 10, 11, 12
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_DUMP_INTR, NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x10, 0x100, 0x200
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED, NLA_TYPE_MASK = 1 << 15, 0x3fff
ERR_MSG, ERR_OFFS, ERR_COOKIE, ERR_MISS_TYPE, ERR_MISS_NEST = 1, 2, 3, 5, 6
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_FAMILY_ID, CTRL_FAMILY_NAME, CTRL_MCAST_GROUPS, CTRL_GRP_NAME, CTRL_GRP_ID = 1, 2, 7, 1, 2
HEADERS = 20		# struct nlmsghdr and struct genlmsghdr
BUFFER = 1 << 20

_INTS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "s8": "b", "s16": "h", "s32": "i", "s64": "q"}


def pad(data):
    return data + bytes(-len(data) % 4)


def nla(number, data, nested=False):
    """One attribute, padded."""
    return pad(struct.pack("=HH", len(data) + 4, number | (NLA_F_NESTED if nested else 0)) + data)


def split(data):
    """(offset, number, payload) of each attribute."""
    at = 0
    while at + 4 <= len(data):
        length, number = struct.unpack_from("=HH", data, at)
        if length < 4 or at + length > len(data):
            raise ValueError(f"attribute {number & NLA_TYPE_MASK} has {length} bytes")
        yield at, number & NLA_TYPE_MASK, data[at + 4:at + length]
        at += (length + 3) & ~3


# ------------------------------------------------------------ specification

class Attr:
    """An attribute of a set: its number, and what the specification says of it."""

    def __init__(self, spec, number, words):
        self.spec, self.number, self.words = spec, number, words
        self.name, self.type = words["name"], words["type"]
        self.enum = words.get("enum")
        self.as_flags = words.get("enum-as-flags", False)
        self.multi = words.get("multi-attr", False)
        self.nested = words.get("nested-attributes")
        self.big = words.get("byte-order") == "big-endian"
        self.checks = {k: spec.constants.get(v, v) for k, v in words.get("checks", {}).items()}

    def format(self):
        return (">" if self.big else "=") + _INTS[self.type]

    def payload(self, value):
        """The bytes of one value."""
        if self.type == "nest":
            return self.spec.encode(self.nested, value)
        if self.type == "flag":
            return b""
        if self.type == "string":
            return value.encode() + b"\0"
        if self.type == "binary":
            return bytes(value)
        if self.enum:
            value = self.spec.number_of(self.enum, value)
        if self.type == "uint":
            return struct.pack("=I" if value < 1 << 32 else "=Q", value)
        return struct.pack(self.format(), value)

    def encode(self, value):
        values = value if self.multi and isinstance(value, list) else [value]
        return b"".join(nla(self.number, self.payload(v), self.type == "nest") for v in values)

    def decode(self, data):
        if self.type == "nest":
            return self.spec.decode(self.nested, data)
        if self.type == "flag":
            return True
        if self.type == "string":
            return data.rstrip(b"\0").decode()
        if self.type == "binary":
            return data
        value = struct.unpack({4: "=I", 8: "=Q"}[len(data)] if self.type == "uint" else
                              self.format(), data)[0]
        return self.spec.name_of(self.enum, value, self.as_flags) if self.enum else value


class Operation:
    def __init__(self, number, words):
        self.number, self.words = number, words
        self.name, self.set = words["name"], words["attribute-set"]
        self.admin = "admin-perm" in words.get("flags", ())
        self.is_event = "event" in words

    def modes(self):
        return [m for m in ("do", "dump") if m in self.words]

    def request(self, mode):
        """Names of the attributes that a request may have."""
        return self.words[mode].get("request", {}).get("attributes", [])


class Spec:
    def __init__(self, path=SPEC):
        with open(path) as f:
            words = yaml.safe_load(f)
        self.name = words["name"]
        self.constants, self.enums = {}, {}
        for d in words["definitions"]:
            if d["type"] == "const":
                self.constants[d["name"]] = d["value"]
            else:
                self.enums[d["name"]] = [e if isinstance(e, str) else e["name"]
                                         for e in d["entries"]]
        self.sets = {}
        for s in words["attribute-sets"]:
            self.sets[s["name"]] = self._set(s)
        self.ops = {o["name"]: Operation(n, o)
                    for n, o in enumerate(words["operations"]["list"], 1)}
        self.by_number = {o.number: o for o in self.ops.values()}
        self.groups = [g["name"] for g in words["mcast-groups"]["list"]]

    def _set(self, words):
        """{name: Attr}; a subset has the numbers of the set it is a part of."""
        whole = words.get("subset-of")
        if whole:
            return {a["name"]: self.sets[whole][a["name"]] for a in words["attributes"]}
        return {a["name"]: Attr(self, n, a) for n, a in enumerate(words["attributes"], 1)}

    def number_of(self, enum, value):
        if isinstance(value, (set, frozenset)):
            return sum(1 << self.enums[enum].index(v) for v in value)
        return self.enums[enum].index(value) if isinstance(value, str) else value

    def name_of(self, enum, value, as_flags):
        names = self.enums[enum]
        if as_flags:
            return {n for i, n in enumerate(names) if value >> i & 1}
        return names[value] if value < len(names) else value

    def encode(self, which, values):
        return b"".join(self.sets[which][name].encode(v) for name, v in values.items()
                        if v is not None and v is not False)

    def decode(self, which, data):
        numbers = {a.number: a for a in self.sets[which].values()}
        out = {}
        for _, number, payload in split(data):
            if number not in numbers:
                raise ValueError(f"attribute {number} is none of {which}")
            a = numbers[number]
            if a.multi:
                out.setdefault(a.name, []).append(a.decode(payload))
            else:
                out[a.name] = a.decode(payload)
        return out

    def attr_name(self, which, number):
        return next((a.name for a in self.sets[which].values() if a.number == number), str(number))

    def path_at(self, which, data, offset, base=0):
        """Name of the attribute that begins at @offset of @data, with those around it."""
        try:
            for at, number, payload in split(data):
                name = self.attr_name(which, number)
                if base + at == offset:
                    return name
                inner = self.sets[which].get(name)
                if inner and inner.nested and base + at < offset < base + at + 4 + len(payload):
                    below = self.path_at(inner.nested, payload, offset, base + at + 4)
                    return f"{name}.{below}" if below else None
        except ValueError:
            pass
        return None


# ----------------------------------------------------------------- messages

class Refused(Exception):
    """@cookie: what the answer has of it, bytes."""

    def __init__(self, err, text, attr, missing, op, cookie=b""):
        self.errno, self.text, self.attr, self.missing, self.cookie = err, text, attr, missing, cookie
        where = f" at {attr}" if attr else ""
        without = f" without {missing}" if missing else ""
        super().__init__(f"{op}: {errno.errorcode.get(err, err)} \"{text}\"{where}{without}")


class Gone(Exception):
    """No such family."""


class Family:
    """
    A socket of the family, made in @ns (a netns.Netns, or None: where the
    thread is). Requests wait for their answer @timeout seconds at most.
    """

    def __init__(self, ns=None, spec=None, timeout=20, buffer=BUFFER):
        self.spec = spec or Spec()
        self.seq = 0
        make = ns.socket if ns else netns.Socket
        self.sock = make(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC)
        try:
            self.sock.bind((0, 0))
            self.sock.settimeout(timeout * netns.SLOW)
            for option in (NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK):
                self.sock.setsockopt(SOL_NETLINK, option, 1)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            self._resolve()
        except BaseException:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def _resolve(self):
        body = nla(CTRL_FAMILY_NAME, self.spec.name.encode() + b"\0")
        message = self._message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, body, NLM_F_REQUEST)
        self.sock.send(message)
        _, kind, _, _, data = next(self._parse(self.sock.recv(BUFFER)))
        if kind == NLMSG_ERROR:
            raise Gone(self.spec.name)
        self.groups = {}
        for _, number, payload in split(data[4:]):
            if number == CTRL_FAMILY_ID:
                self.id = struct.unpack("=H", payload)[0]
            if number == CTRL_MCAST_GROUPS:
                for _, _, group in split(payload):
                    of = {n: p for _, n, p in split(group)}
                    self.groups[of[CTRL_GRP_NAME].rstrip(b"\0").decode()] = \
                        struct.unpack("=I", of[CTRL_GRP_ID])[0]

    def _message(self, family, command, body, flags):
        self.seq += 1
        return struct.pack("=IHHII", HEADERS + len(body), family, flags, self.seq, 0) + \
            struct.pack("=BBH", command, 1, 0) + body

    @staticmethod
    def _parse(data):
        """(whole message, type, flags, seq, payload) of each."""
        at = 0
        while at + 16 <= len(data):
            length, kind, flags, seq, _ = struct.unpack_from("=IHHII", data, at)
            yield data[at:at + length], kind, flags, seq, data[at + 16:at + length]
            at += (length + 3) & ~3

    def _refused(self, request, payload, flags, op):
        err, tlvs = -struct.unpack_from("=i", payload)[0], {}
        if flags & NLM_F_ACK_TLVS:
            # behind the error its request's header, and all of it when it is not cut
            length = struct.unpack_from("=I", payload, 4)[0]
            rest = payload[20 if flags & NLM_F_CAPPED else 4 + ((length + 3) & ~3):]
            tlvs = {n: p for _, n, p in split(rest)}
        text = tlvs.get(ERR_MSG, b"").rstrip(b"\0").decode()
        attr = missing = None
        body = request[HEADERS:]
        if ERR_OFFS in tlvs:
            at = struct.unpack("=I", tlvs[ERR_OFFS])[0]
            attr = self.spec.path_at(op.set, body, at - HEADERS) or f"offset {at}"
        if ERR_MISS_TYPE in tlvs:
            which, around = op.set, ""
            if ERR_MISS_NEST in tlvs:
                nest = struct.unpack("=I", tlvs[ERR_MISS_NEST])[0]
                around = self.spec.path_at(op.set, body, nest - HEADERS)
                which = self.spec.sets[op.set][around].nested
            name = self.spec.attr_name(which, struct.unpack("=I", tlvs[ERR_MISS_TYPE])[0])
            missing = f"{around}.{name}" if around else name
        return Refused(err, text, attr, missing, op.name, tlvs.get(ERR_COOKIE, b""))

    # ------------------------------------------------------------ requests

    def send(self, name, body, flags=NLM_F_REQUEST | NLM_F_ACK):
        """Any bytes as the request of an operation; returns the message."""
        message = self._message(self.id, self.spec.ops[name].number, body, flags)
        self.sock.send(message)
        return message

    def answers(self, name, message):
        """Yields the dict of each reply to @message until its end; raises Refused."""
        op, seq = self.spec.ops[name], struct.unpack_from("=I", message, 8)[0]
        while True:
            for _, kind, flags, got, payload in self._parse(self.sock.recv(BUFFER)):
                if got != seq:
                    continue	# of an earlier one that nobody read to the end, or an event
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    if struct.unpack_from("=i", payload)[0]:
                        raise self._done_error(message, kind, flags, payload, op)
                    return
                if flags & NLM_F_DUMP_INTR:
                    raise RuntimeError(f"{name}: the dump is inconsistent")
                yield self.spec.decode(op.set, payload[4:])

    def _done_error(self, message, kind, flags, payload, op):
        if kind == NLMSG_ERROR:
            return self._refused(message, payload, flags, op)
        # the end of a dump has no request in it
        tlvs = {n: p for _, n, p in split(payload[4:])}
        return Refused(-struct.unpack_from("=i", payload)[0],
                       tlvs.get(ERR_MSG, b"").rstrip(b"\0").decode(), None, None, op.name)

    def raw(self, name, body, dump=False):
        """A request of any bytes; returns its replies."""
        flags = NLM_F_REQUEST | (NLM_F_DUMP if dump else NLM_F_ACK)
        return list(self.answers(name, self.send(name, body, flags)))

    def body(self, name, values):
        """@values: {"src_len": 8} or {"src-len": 8}."""
        return self.spec.encode(self.spec.ops[name].set,
                                {k.replace("_", "-"): v for k, v in values.items()})

    def do(self, name, /, **values):
        replies = self.raw(name, self.body(name, values))
        return replies[0] if replies else None

    def dump(self, name, /, **values):
        return self.raw(name, self.body(name, values), dump=True)

    # -------------------------------------------------------------- events

    def join(self, group):
        self.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, self.groups[group])

    def events(self, seconds):
        """
        Yields (operation, attributes) for @seconds. An overflow of the socket's
        buffer is told as ("overflow", {}).
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(BUFFER)
            except TimeoutError:
                return
            except OSError as e:
                if e.errno != errno.ENOBUFS:
                    raise
                yield "overflow", {}
                continue
            for _, kind, _, _, payload in self._parse(data):
                op = self.spec.by_number.get(payload[0]) if kind == self.id else None
                if op and op.is_event:
                    yield op.name, self.spec.decode(op.set, payload[4:])

    def event(self, wanted, seconds=10):
        """The next event for which @wanted(operation, attributes) is true, or None."""
        for name, values in self.events(seconds * netns.SLOW):
            if wanted(name, values):
                return values
        return None
