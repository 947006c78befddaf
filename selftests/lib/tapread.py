# SPDX-License-Identifier: GPL-2.0
"""
A strict reader of TAP 13 and 14. Whatever a test did not say is a failure:
no plan, a number out of turn, fewer or more results than planned.
"""
import re

_PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*(?i:skip)\S*\s*(.*))?$")
_POINT = re.compile(r"(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*)$")
_DIRECTIVE = re.compile(r"(?:^|\s)#\s*(SKIP|TODO)\b\S*\s*(.*)$", re.I)


class Point:
    def __init__(self, ok, name, skip=None, todo=None):
        self.ok, self.name, self.skip, self.todo = ok, name, skip, todo
        self.output = []	# diagnostics printed before it


class Result:
    def __init__(self):
        self.points = []
        self.errors = []	# what is wrong with the stream itself
        self.plan = None
        self.plan_skip = None

    def failed(self):
        return [p for p in self.points if not p.ok and p.skip is None and p.todo is None]

    def skipped(self):
        return [p for p in self.points if p.skip is not None]

    def passed(self):
        return [p for p in self.points if p.skip is None and (p.ok or p.todo is not None)]


def _point(m, res):
    number, rest = m.group(2), m.group(3)
    want = len(res.points) + 1
    if number is not None and int(number) != want:
        res.errors.append(f"result {number} where {want} was due")
    skip = todo = None
    d = _DIRECTIVE.search(rest)
    if d:
        name = rest[:d.start()].strip()
        if d.group(1).upper() == "SKIP":
            skip = d.group(2).strip() or "no reason given"
        else:
            todo = d.group(2).strip()
    else:
        name = rest.strip()
    return Point(m.group(1) is None, name or f"test {want}", skip, todo)


def _cmocka_skip(p, before):
    """cmocka has the test's name where a reason belongs: unit.h says it a line before."""
    for line in before:
        if p.skip is not None and line.startswith("# SKIP: "):
            p.name, p.skip = p.skip, line[len("# SKIP: "):]


def read(text):
    res = Result()
    pending, explained = [], None
    for line in text.splitlines():
        if line.startswith("Bail out!"):
            res.errors.append(line)
        elif m := _PLAN.match(line):
            if res.plan is not None:
                res.errors.append("a second plan")
            res.plan, res.plan_skip = int(m.group(1)), m.group(2)
        elif m := _POINT.match(line):
            p = _point(m, res)
            _cmocka_skip(p, pending)
            p.output, pending = pending, []
            explained = p if p.output else None
            res.points.append(p)
        elif not line.startswith("TAP version"):
            pending.append(line)
            # some explain a failure before they tell it, some behind (cmocka, YAML blocks)
            last = res.points[-1] if res.points else None
            if last and not last.ok and (explained is not last or line.startswith("  ")):
                last.output.append(line)
                pending.pop()
    if res.plan is None:
        res.errors.append("no plan")
    elif res.plan == 0 and res.plan_skip is not None and not res.points:
        p = Point(True, "all of it", skip=res.plan_skip or "no reason given")
        res.points.append(p)
    elif res.plan != len(res.points):
        res.errors.append(f"planned {res.plan} results, gave {len(res.points)}")
    elif res.plan == 0:
        res.errors.append("planned nothing")
    return res
