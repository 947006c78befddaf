# SPDX-License-Identifier: GPL-2.0
"""Figures of the policy compiler: by its library, and end to end."""
import json
import os
import random
import tempfile
import time

import netns
from . import cluster
from .daemon import Probe, nothing_passes
from .node import NODE, OBJECTS, pair, pair_objects, policy_object
from .scope import Scope, built

NAMES = ["compile_full_ms", "compile_parse_ms", "compile_one_ms", "compile_one_local_ms",
         "whatif_one_ms", "whatif_all_ms"]
POD_NAMES = {"pod_bytes": "model", "pod_listed_bytes": "listed", "pod_dual_bytes": "dual",
             "pod_stateful_bytes": "stateful"}
SEED = 7


def write_changes(directory, pods):
    """For each of @pods a file in which it is of another app, and one that takes it back."""
    os.mkdir(directory)
    for i, pod in enumerate(pods):
        app = pod.labels["app"]
        other = cluster.APPS[(cluster.APPS.index(app) + 3) % len(cluster.APPS)]
        for k, label in enumerate((other, app)):
            pod.labels["app"] = label
            with open(os.path.join(directory, f"{2 * i + k:05d}.yaml"), "w") as f:
                f.write(pod.text())


def run_compile(directory, changes, times):
    return json.loads(netns.run(built("selftests/bench/compile"), "/sys/fs/bpf/compile", NODE,
                                os.path.join(directory, "manifests"),
                                os.path.join(directory, changes), times, timeout=300))


def check(result, opts):
    """What was timed must have been the work: everything known, classes moved, tables right."""
    want = {"pods": cluster.PODS, "policies": cluster.POLICIES, "differences": 0}
    for key, value in want.items():
        if result[key] != value:
            raise RuntimeError(f"{key}: {result[key]} instead of {value}")
    if not result["moved"] and not opts.quick:
        raise RuntimeError("no change of a label changed a class")


def compile_ms(figures, opts):
    """1,000 policies over 10,000 pods, 110 of them on this node."""
    with tempfile.TemporaryDirectory(prefix="compile-", dir="/run") as directory:
        manifests = os.path.join(directory, "manifests")
        os.mkdir(manifests)
        pods = cluster.write(manifests, NODE, cluster.PODS, cluster.POLICIES, others=True)
        any_pod = random.Random(SEED).sample(pods, opts.changes)
        local = [p for p in pods if p.local][:opts.changes]
        write_changes(os.path.join(directory, "any"), any_pod)
        write_changes(os.path.join(directory, "local"), local)
        result = run_compile(directory, "any", opts.compiles)
        check(result, opts)
        figures.add("compile_parse_ms", "ms", result["parse_ms"])
        figures.add("compile_full_ms", "ms", result["full_ms"])
        figures.add("compile_one_ms", "ms", result["one_ms"])
        for name in "whatif_one_ms", "whatif_all_ms":
            figures.add(name, "ms", result[name])
        if figures.wants("compile_one_local_ms"):
            result = run_compile(directory, "local", 1)
            check(result, opts)
            figures.add("compile_one_local_ms", "ms", result["one_ms"])


def policy_change_ms(figures, opts):
    """From a new file in the manifest directory to the first packet that it lets through."""
    samples = []
    with Scope() as scope:
        node, way = pair(scope, "change")
        open_ = pair_objects()
        shut = [policy_object("server-ingress", "bench", "server", "Ingress", "nobody")
                if o["metadata"]["name"] == "server-ingress" else o for o in open_]
        for _ in range(opts.changes // 4 + 1):
            node.write(OBJECTS, shut)
            netns.wait_for("the policy to refuse", lambda: nothing_passes(way))
            with Probe(way, 10000) as probe:
                netns.wait_for("datagrams", lambda: probe.ask()["sent"] > 100)
                if probe.ask()["received"]:
                    raise RuntimeError("a packet passed against policy")
                at = time.monotonic()
                node.write(OBJECTS, open_)
                netns.wait_for("the first packet", lambda: probe.ask()["first"])
                samples.append((probe.ask()["first"] - at) * 1000)
    figures.add("policy_change_ms", "ms", samples)


def pod_bytes(figures):
    """What one pod of many takes of the daemon's memory."""
    result = json.loads(netns.run(built("selftests/bench/podmem"), 20000, timeout=120))
    for name, key in POD_NAMES.items():
        figures.add(name, "B", [result[key]])


def parts(opts):
    return [(NAMES, lambda f: compile_ms(f, opts)),
            (list(POD_NAMES), pod_bytes),
            (["policy_change_ms"], lambda f: policy_change_ms(f, opts))]
