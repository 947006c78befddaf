# SPDX-License-Identifier: GPL-2.0
"""
The kernel module in a test. Only a machine of the tests' own loads it:
selftests/vm/boot sets SLUICE_KMOD. A test that uses it says "alone" in its
selftest line, since there is one module for the whole machine.

    tap.main(setup=kmod.require)

    with kmod.loaded():
        ...
"""
import contextlib
import os
import subprocess

import genl
import tap

NAME = "sluice"
SYSFS = f"/sys/module/{NAME}"


def require():
    """The module's path. Skips where no module is loaded, fails where it should be there."""
    path = os.environ.get("SLUICE_KMOD")
    if not path:
        raise tap.Skip("the module is loaded in virtual machines only: make check-vm")
    if not os.path.exists(path):
        raise tap.Failed(f"{path} was not built: make kmod-vm, or make kmod KDIR=")
    return path


def is_loaded():
    return os.path.isdir(SYSFS)


def _run(*argv):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    tap.check(p.returncode == 0, f"{' '.join(argv)}: {p.stdout.strip()}")


def load(**params):
    _run("insmod", require(), *(f"{k}={v}" for k, v in params.items()))


def unload():
    _run("rmmod", NAME)


def unload_if_loaded():
    if is_loaded():
        unload()


def pipeline(family):
    """What the module says of the pipeline that is bound to it in @family's namespace; None: none is."""
    try:
        return family.do("pipeline-get")
    except genl.Refused:
        return None


@contextlib.contextmanager
def loaded(**params):
    """Loaded inside the block, gone behind it, whatever happens in it."""
    load(**params)
    try:
        yield
    finally:
        unload()
