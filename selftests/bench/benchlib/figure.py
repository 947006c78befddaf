# SPDX-License-Identifier: GPL-2.0
"""
Figures: what bench.json holds of each, and the table. A figure without a
target is for information; it counts as met.
"""
import os
import re
import statistics
import sys

# name: (operator, target), the figures that the project has promised
TARGETS = {
    "flow_hit_ns": ("<=", 80), "flow_miss_ns": ("<=", 1000),
    "tcp_rr_vs_least_bpf": (">=", 0.97), "tcp_crr_vs_least_bpf": (">=", 0.97),
    "tcp_stream_vs_least_bpf": (">=", 0.97), "pps_vs_least_bpf": (">=", 0.97),
    "tcp_rr_vs_kernel": (">=", 1.12), "tcp_crr_vs_kernel": (">=", 1.12),
    "tcp_stream_vs_kernel": (">=", 1.0), "pps_vs_kernel": (">=", 1.3),
    "edge_hit_ns": ("<=", 90), "edge_pps_vs_nftables": (">=", 2.5),
    "flow_hit_10k_policies_ratio": ("<=", 1.02),
    "service_tcp_crr_connect_vs_pod": (">=", 0.97),
    "service_tcp_crr_vs_kubeproxy_1k": (">=", 1.3), "service_tcp_crr_vs_kubeproxy_10k": (">=", 1.3),
    "services_10k_ready_ms": ("<=", 1000), "services_10k_one_ms": ("<=", 2),
    "services_10k_mib": ("<=", 96),
    "service_rolling_failed": ("<=", 0), "service_rolling_packet_failed": ("<=", 0),
    "service_rolling_saved": (">=", 1),
    "acl_lookup_ns": ("<=", 300),
    "compile_full_ms": ("<=", 1000), "compile_one_ms": ("<=", 5),
    "pod_bytes": ("<=", 200), "rss_idle_mib": ("<=", 8), "rss_10k_mib": ("<=", 48),
    "start_ms": ("<=", 300), "restart_lost_packets": ("<=", 0),
    "cni_add_ms": ("<=", 25),
    "api_ready_ms": ("<=", 3000), "api_rss_mib": ("<=", 64), "api_event_ms": ("<=", 50),
    "api_churn_cpu_percent": ("<=", 5), "api_back_ms": ("<=", 2000),
    "module_flow_hit_ratio": ("<=", 1.02), "module_flow_miss_ratio": ("<=", 1.02),
    "module_tcp_rr_ratio": (">=", 0.98), "module_txn_ratio": ("<=", 2),
}


def quartiles(samples):
    if len(samples) < 2:
        return samples[0], samples[0]
    q = statistics.quantiles(samples, n=4, method="inclusive")
    return q[0], q[2]


class Figures:
    """
    What was measured so far, each shown as soon as it is known. @pattern:
    names wanted.
    """

    def __init__(self, pattern=""):
        self.wanted = re.compile(pattern)
        self.list = []
        self.skips = []
        self.errors = []

    def wants(self, *names):
        return any(self.wanted.search(n) for n in names)

    def add(self, name, unit, samples, *, against=None, value=None, shown=True):
        """@value: the median of @samples unless it is given. @shown: has a row in the table."""
        if not self.wants(name):
            return
        value = statistics.median(samples) if value is None else value
        op, target = TARGETS.get(name, (None, None))
        met = {"<=": lambda: value <= target, ">=": lambda: value >= target,
               None: lambda: True}[op]()
        fig = {"name": name, "value": rounded(value), "unit": unit, "target": target, "op": op,
               "met": met, "samples": [rounded(s) for s in samples]}
        if against:
            fig["against"] = against
        self.list.append(fig)
        if shown:
            show(row(fig))

    def ratio(self, name, ours, theirs, against):
        """Median of the ratios of each round: what disturbed a round disturbed both."""
        self.add(name, "x", [a / b for a, b in zip(ours, theirs) if b], against=against)

    def skip(self, names, why):
        names = [n for n in names if self.wants(n)]
        if names:
            self.skips.append((names, why))
            show(f"  {listed(names)} skipped: {why}")

    def error(self, names, why):
        names = [n for n in names if self.wants(n)]
        self.errors.append((names, why))
        show(f"  {listed(names)} {paint('1;31', 'FAILED')}: {why}")


def listed(names):
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def rounded(v):
    return int(v) if float(v).is_integer() else float(f"{v:.6g}")


def human(v):
    if v == 0:
        return "0"
    if abs(v) >= 10000:
        return f"{v:,.0f}"
    return f"{v:.3f}" if abs(v) < 10 else f"{v:.1f}"


HEAD = f"  {'figure':<32} {'value':>11} {'unit':<10} {'quartiles':>21}  {'target':>9}"


def paint(code, text):
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\033[{code}m{text}\033[0m"


def row(fig):
    low, high = quartiles(fig["samples"])
    target = verdict = ""
    if fig["target"] is not None:
        target = f"{'≤' if fig['op'] == '<=' else '≥'} {fig['target']:g}"
        verdict = paint(32, "met") if fig["met"] else paint("1;31", "MISSED")
    spread = f"{human(low)} – {human(high)}"
    return (f"  {fig['name']:<32} {human(fig['value']):>11} {fig['unit']:<10} {spread:>21}  "
            f"{target:>9}  {verdict}").rstrip()


def show(line=""):
    print(line, flush=True)
