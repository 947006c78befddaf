# SPDX-License-Identifier: GPL-2.0
"""Asking a service: which of several servers answers, and whom it sees."""
import contextlib
import random

import tap
import traffic as tr
from objects import PROTOS, TARGET


@contextlib.contextmanager
def servers(proto, v, *backends):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(tr.Server(b.ns, proto, b.addr[v], TARGET)) for b in backends]


async def one(ns, proto, all_servers, addr, port):
    """(outcome, which of them answered, whom it saw)"""
    for s in all_servers:
        s.answer()
    try:
        sock = await tr.connect(ns, proto, addr, port)
    except (TimeoutError, tr.asyncio.TimeoutError):
        return "silent", None, None
    except OSError:
        return "refused", None, None
    with sock:
        token = random.randbytes(tr.TOKEN)
        loop = tr.asyncio.get_running_loop()
        try:
            await loop.sock_sendall(sock, token)
            got = await tr.asyncio.wait_for(loop.sock_recv(sock, 64), tr.SILENCE_S)
        except (TimeoutError, tr.asyncio.TimeoutError):
            return "silent", None, None
        except OSError:
            return "refused", None, None
    tap.equal(got, token[::-1], "answer")
    for i, s in enumerate(all_servers):
        if token in s.seen:
            return "open", i, s.seen.pop(token)
    raise RuntimeError("nobody saw it")


def asked(ns, proto, all_servers, addr, port, times=1):
    return [tr.go(one(ns, proto, all_servers, addr, port))[0] for _ in range(times)]


def each(ns):
    """Protocols and families that @ns has."""
    for proto in PROTOS:
        if proto == tr.SCTP and not tr.have_sctp(ns):
            continue
        for v in (4, 6):
            yield proto, v
