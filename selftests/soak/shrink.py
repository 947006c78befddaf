# SPDX-License-Identifier: GPL-2.0
"""
Makes a case that fails smaller, for as long as it goes on failing: fewer steps,
fewer writes, fewer objects, and less inside what is left of policies.
"""
import copy


def _without(items, fails):
    """The fewest of @items, in order, that still fail: halves, quarters, single ones."""
    size = max(1, len(items) // 2)
    while items:
        i, less = 0, False
        while i < len(items):
            rest = items[:i] + items[i + size:]
            if len(rest) < len(items) and fails(rest):
                items, less = rest, True
            else:
                i += size
        if size == 1 and not less:
            return items
        size = max(1, size // 2)
    return items


def _lists_in(value, path=()):
    """Paths to all lists in an object, the outermost first."""
    if isinstance(value, list):
        yield path
    for k, v in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _lists_in(v, (*path, k))


def _at(value, path):
    for k in path:
        value = value[k]
    return value


def _inside(obj, fails):
    """@obj with the lists of its spec as short as they can be."""
    at = 0
    while True:
        paths = list(_lists_in(obj["spec"]))
        if at >= len(paths):
            return obj
        path = paths[at]

        def still(items):
            if not items and path[-1] == "values":
                return False	# no selector any more
            other = copy.deepcopy(obj)
            _at(other["spec"], path)[:] = items
            return fails(other)
        _at(obj["spec"], path)[:] = _without(list(_at(obj["spec"], path)), still)
        at += 1


def smaller(case, fails):
    """@fails: does a case fail? It says no once there is no more time."""
    def start(items):
        return fails({**case, "start": items})

    def steps(items):
        return fails({**case, "steps": items})
    case = copy.deepcopy(case)
    case["steps"] = _without(case["steps"], steps)
    case["start"] = _without(case["start"], start)
    for n, step in enumerate(case["steps"]):
        def writes(items):
            return steps(case["steps"][:n] + [{**step, "writes": items}] + case["steps"][n + 1:])
        step["writes"] = _without(step["writes"], writes)
    for i, obj in enumerate(case["start"]):
        if "NetworkPolicy" in obj["kind"]:
            case["start"][i] = _inside(obj, lambda o: start(case["start"][:i] + [o] + case["start"][i + 1:]))
    for step in case["steps"]:
        for write in step["writes"]:
            if "NetworkPolicy" not in write.get("put", {}).get("kind", ""):
                continue

            def put(obj):
                old, write["put"] = write["put"], obj
                failed = fails(case)
                write["put"] = old
                return failed
            write["put"] = _inside(copy.deepcopy(write["put"]), put)
    return case
