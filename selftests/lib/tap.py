# SPDX-License-Identifier: GPL-2.0
"""
TAP out of a Python test. A test is a function; it passes when it returns,
fails when it raises, and is skipped when it raises Skip.

    @tap.test("pods of a node reach each other")
    def pods():
        tap.equal(reply, b"pong")

    tap.main()
"""
import faulthandler
import os
import signal
import sys
import time
import traceback

_tests = []


class Skip(Exception):
    pass


class Failed(Exception):
    """An expectation that was not met; its text says what was seen."""


def test(name, *args):
    """Registers a function; @args are passed to it, so that one can serve many cases."""
    def register(func):
        _tests.append((name, func, args))
        return func
    return register


def add(name, func, *args):
    _tests.append((name, func, args))


def diag(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def check(cond, text):
    if not cond:
        raise Failed(text)


def equal(got, want, what="value"):
    if got != want:
        raise Failed(f"{what}: got {got!r}, want {want!r}")


def explain(e):
    """Where in the tests, and what; the depths of the library are of no interest."""
    here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    for f in traceback.extract_tb(e.__traceback__):
        name = os.path.realpath(f.filename)
        if name.startswith(here) and name != os.path.realpath(__file__):
            diag(f"at {os.path.relpath(name, here)}:{f.lineno}: {f.line}")
    diag(f"failed: {e}" if isinstance(e, Failed) else f"{type(e).__name__}: {e}")


def _run(func, args):
    """Returns (ok, directive)."""
    try:
        func(*args)
        return True, ""
    except Skip as e:
        return True, f" # SKIP {e}"
    except Exception as e:
        explain(e)
    return False, ""


def main(setup=None, on_failure=None):
    """
    Runs what was registered, in order, and exits. @setup: called first; if it
    raises Skip, everything is skipped. @on_failure: called after each failed
    test, to print state. A pattern as argument limits which tests run.
    """
    if os.environ.get("SLUICE_SELFTEST") is None:
        run = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "run")
        os.execv(run, [run, "--raw", os.path.realpath(sys.argv[0]), *sys.argv[1:]])
    # the runner's time-out: say where it hung
    faulthandler.register(signal.SIGTERM, chain=True)
    tests = [t for t in _tests if len(sys.argv) < 2 or sys.argv[1] in t[0]]
    print("TAP version 13", flush=True)
    if setup:
        try:
            setup()
        except Skip as e:
            print(f"1..0 # SKIP {e}", flush=True)
            sys.exit(0)
        except Exception as e:
            explain(e)
            print("1..1\nnot ok 1 - set up", flush=True)
            sys.exit(1)
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for n, (name, func, args) in enumerate(tests, 1):
        start = time.monotonic()
        ok, directive = _run(func, args)
        if not ok and on_failure:
            try:
                on_failure()
            except Exception as e:
                explain(e)
        failed += not ok
        took = time.monotonic() - start
        if took > 1:
            diag(f"{name}: {took:.1f} s")
        print(f"{'ok' if ok else 'not ok'} {n} - {name}{directive}", flush=True)
    sys.exit(1 if failed else 0)
