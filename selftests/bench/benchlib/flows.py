# SPDX-License-Identifier: GPL-2.0
"""
Nanoseconds of the pipeline for a packet, by BPF_PROG_TEST_RUN on the tables of
live nodes: pods by the plugin, policies by the daemon, flows by packets that
went through the same programs.
"""
import json
import statistics

import netns
from . import cluster
from .figure import show
from .node import NODE, PORT, Node, allow_all, node_object, outside_objects, pair_objects
from .scope import Scope, built

OUTSIDE = "198.51.100.7"
REMOTE_POD = "10.245.0.7"

HITS = {"flow_hit_ns": "v4 tcp, pod to pod", "flow_hit_udp_ns": "v4 udp, pod to pod",
        "flow_hit_v6_ns": "v6 tcp, pod to pod", "flow_hit_from_node_ns": "node to pod",
        "flow_hit_from_uplink_ns": "pod of another node to pod",
        "flow_hit_masquerade_ns": "pod to outside"}
MISSES = {"flow_miss_ns": "v4", "flow_miss_v6_ns": "v6"}
RATIO = "flow_hit_10k_policies_ratio"
ACL_LOOKUP, ACL_LAST = "acl_lookup_ns", "acl_lookup_last_ns"
ACL_COMPILE, ACL_COMMIT = "acl_compile_ms", "acl_commit_ms"
ACL_NAMES = [ACL_LOOKUP, ACL_LAST, ACL_COMPILE, ACL_COMMIT]
ACL_RULES = 10000
NAMES = [*HITS, *MISSES, RATIO, *ACL_NAMES]


class Live:
    """A started node with a client, a server and some pods of the cluster."""

    def __init__(self, scope, name, objects, opts, npolicies):
        self.node = Node(scope, name, objects)
        pods = []
        if npolicies > 1:
            pods = cluster.write(self.node.manifests, NODE, cluster.PODS, npolicies)
        self.node.start(wait=120)
        self.client_ns, self.client = self.node.add("bench/client")
        self.server_ns, self.server = self.node.add("bench/server")
        for pod in [p for p in pods if p.local][:opts.local]:
            self.node.add(f"{pod.namespace}/{pod.name}")

    def case(self, name, kind, proto, src, dst):
        return f"{name}={self.node.pin_root},{self.node.ns.path},{kind},{proto},{src},{dst},{PORT}"


def run_cases(live, rounds, repeat, cases):
    return json.loads(live.node.ns.run(built("selftests/bench/testrun"), rounds, repeat, *cases,
                                       timeout=300 * netns.SLOW))


def hits_and_misses(figures, opts):
    """On a node of a cluster with 1,000 policies, both pods isolated both ways by policies."""
    with Scope() as scope:
        live = Live(scope, "thousand", pair_objects() + outside_objects(REMOTE_POD, OUTSIDE), opts,
                    cluster.POLICIES)
        c4, s4 = live.client[4], live.server[4]
        c6, s6 = live.client[6], live.server[6]
        hits = [live.case("flow_hit_ns", "hit", "tcp", c4, s4),
                live.case("flow_hit_udp_ns", "hit", "udp", c4, s4),
                live.case("flow_hit_v6_ns", "hit", "tcp", c6, s6),
                live.case("flow_hit_from_node_ns", "hit", "tcp", live.node.address, s4),
                live.case("flow_hit_from_uplink_ns", "hit", "tcp", REMOTE_POD, s4),
                live.case("flow_hit_masquerade_ns", "hit", "tcp", c4, OUTSIDE)]
        misses = [live.case("flow_miss_ns", "miss", "udp", c4, s4),
                  live.case("flow_miss_v6_ns", "miss", "udp", c6, s6)]
        for cases, repeat in ((hits, opts.repeat), (misses, opts.repeat // 2)):
            cases = [c for c in cases if figures.wants(c.split("=")[0])]
            if cases:
                for name, samples in run_cases(live, opts.runs, repeat, cases).items():
                    figures.add(name, "ns", samples)


def by_policies(figures, opts):
    """The same packet on two nodes at once: one policy, and ten thousand."""
    with Scope() as scope:
        few = Live(scope, "one", allow_all(), opts, 1)
        many = Live(scope, "tenk", allow_all(), opts, 9999)
        samples = run_cases(few, opts.runs * 4, opts.repeat,
                            [live.case(name, "hit", "tcp", live.client[4], live.server[4])
                             for name, live in (("few", few), ("many", many))])
        show(f"  an established packet: {statistics.median(samples['few']):.1f} ns at 1 policy, "
             f"{statistics.median(samples['many']):.1f} ns at 10,000")
        figures.ratio(RATIO, samples["many"], samples["few"], "the same at one policy")


def load_rules(live, count, which="any"):
    return json.loads(live.node.ns.run(built("selftests/bench/aclload"), live.node.pin_root, count,
                                       which, live.client[4], live.server[4]))


def with_rules(figures, opts):
    """
    The first packet of a flow with so many rules and without, by turns, on one
    node: where one of the first rules matches, and where none but the last does.
    """
    with Scope() as scope:
        live = Live(scope, "rules", allow_all(), opts, 1)
        case = live.case("miss", "miss", "tcp", live.client[4], live.server[4])
        lookup, commit, compiled = {"any": [], "last": []}, [], []
        for _ in range(max(2, opts.runs // 10)):
            load_rules(live, 0)
            bare = run_cases(live, 5, opts.repeat // 2, [case])["miss"]
            for which, samples in lookup.items():
                took = load_rules(live, ACL_RULES, which)
                ruled = run_cases(live, 5, opts.repeat // 2, [case])["miss"]
                samples += [r - b for r, b in zip(ruled, bare)]
                commit.append(took["commit_ms"])
                compiled.append(took["compile_ms"])
        figures.add(ACL_LOOKUP, "ns", lookup["any"])
        figures.add(ACL_LAST, "ns", lookup["last"])
        figures.add(ACL_COMPILE, "ms", compiled)
        figures.add(ACL_COMMIT, "ms", commit)


def parts(opts):
    return [([*HITS, *MISSES], lambda f: hits_and_misses(f, opts)),
            ([RATIO], lambda f: by_policies(f, opts)),
            (ACL_NAMES, lambda f: with_rules(f, opts))]
