# SPDX-License-Identifier: GPL-2.0
"""
The rules that kube-proxy keeps on a node for a number of ClusterIP services,
in its nftables and its iptables mode: the same tables, chains, maps, hooks,
priorities and order of matches, so that a packet meets what it meets there.
Services have endpoints that nobody listens on; the pods measured talk to each
other directly, as pods behind a resolved service do.
"""
import hashlib
import ipaddress

CLUSTER_CIDR = "10.0.0.0/8"
SERVICE_NET = ipaddress.ip_network("172.20.0.0/16")
ENDPOINT_NET = ipaddress.ip_network("10.180.0.0/14")


def services(count, endpoints=3):
    """[(namespace/name, cluster address, [endpoint addresses])]; always the same."""
    out = []
    for i in range(count):
        eps = [str(ENDPOINT_NET[1 + i * endpoints + k]) for k in range(endpoints)]
        out.append((f"ns{i % 40}/svc{i}", str(SERVICE_NET[1 + i]), eps))
    return out


def tag(*parts):
    """Eight characters that stand for a service or an endpoint in names of chains."""
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8].upper()


# ------------------------------------------------------------------ nftables

NFT_HEAD = """
table ip kube-proxy {
	set cluster-ips { type ipv4_addr; elements = { %(cluster_ips)s } }
	set nodeport-ips { type ipv4_addr; elements = { 192.0.2.1 } }
	map firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
	map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }
	map no-endpoint-nodeports { type inet_proto . inet_service : verdict; }
	map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
	map service-nodeports { type inet_proto . inet_service : verdict; }

	chain mark-for-masquerade { meta mark set meta mark | 0x4000; }
	chain reject-chain { reject; }
	chain firewall-check { ip daddr . meta l4proto . th dport vmap @firewall-ips; }
	chain cluster-ips-check {
		ip daddr @cluster-ips reject
		ip daddr %(service_net)s drop
	}
	chain service-endpoints-check {
		ip daddr . meta l4proto . th dport vmap @no-endpoint-services
	}
	chain nodeport-endpoints-check {
		ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
	}
	chain services {
		ip daddr . meta l4proto . th dport vmap @service-ips
		ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
	}
	chain masquerading {
		meta mark & 0x4000 == 0 return
		meta mark set meta mark ^ 0x4000
		masquerade fully-random
	}

	chain filter-prerouting {
		type filter hook prerouting priority -110; policy accept;
		ct state new jump firewall-check
	}
	chain filter-input {
		type filter hook input priority -110; policy accept;
		ct state new jump nodeport-endpoints-check
		ct state new jump service-endpoints-check
	}
	chain filter-forward {
		type filter hook forward priority -110; policy accept;
		ct state new jump service-endpoints-check
		ct state new jump cluster-ips-check
	}
	chain filter-output {
		type filter hook output priority -110; policy accept;
		ct state new jump service-endpoints-check
		ct state new jump firewall-check
	}
	chain filter-output-post-dnat {
		type filter hook output priority -90; policy accept;
		ct state new jump cluster-ips-check
	}
	chain nat-prerouting { type nat hook prerouting priority -100; policy accept; jump services; }
	chain nat-output { type nat hook output priority -100; policy accept; jump services; }
	chain nat-postrouting { type nat hook postrouting priority 100; policy accept; jump masquerading; }
}
"""


def nft(count, more=()):
    """Input of `nft -f`. @more: services as services() has them, with their port and their endpoints'."""
    svcs = services(count) + list(more)
    out = [NFT_HEAD % {"cluster_ips": ", ".join(s[1] for s in svcs), "service_net": SERVICE_NET}]
    out.append("table ip kube-proxy {")
    verdicts = []
    for name, addr, eps, *ports in svcs:
        port, target = ports or (80, 8080)
        svc_chain = f"service-{tag(name)}-{name}/tcp/p{port}"
        picks = []
        for i, ep in enumerate(eps):
            chain = f"endpoint-{tag(name, ep)}-{name}/tcp/p{port}__{ep}/{target}"
            out += [f"chain {chain} {{",
                    f"\tip saddr {ep} jump mark-for-masquerade",
                    f"\tmeta l4proto tcp dnat to {ep}:{target}", "}"]
            picks.append(f"{i} : goto {chain}")
        out += [f"chain {svc_chain} {{",
                f"\tip daddr {addr} tcp dport {port} ip saddr != {CLUSTER_CIDR} jump mark-for-masquerade",
                f"\tnumgen random mod {len(eps)} vmap {{ {', '.join(picks)} }}", "}"]
        verdicts.append(f"{addr} . tcp . {port} : goto {svc_chain}")
    out.append("}")
    out.append(f"add element ip kube-proxy service-ips {{ {', '.join(verdicts)} }}")
    return "\n".join(out) + "\n"


# ------------------------------------------------------------------ iptables

def filter_table():
    chains = ["KUBE-EXTERNAL-SERVICES", "KUBE-FIREWALL", "KUBE-FORWARD", "KUBE-NODEPORTS",
              "KUBE-PROXY-CANARY", "KUBE-PROXY-FIREWALL", "KUBE-SERVICES"]
    new = "-m conntrack --ctstate NEW"
    return ["*filter", ":INPUT ACCEPT", ":FORWARD ACCEPT", ":OUTPUT ACCEPT",
            *(f":{c} -" for c in chains),
            f"-A INPUT {new} -j KUBE-PROXY-FIREWALL",
            "-A INPUT -j KUBE-NODEPORTS",
            f"-A INPUT {new} -j KUBE-EXTERNAL-SERVICES",
            "-A INPUT -j KUBE-FIREWALL",
            f"-A FORWARD {new} -j KUBE-PROXY-FIREWALL",
            "-A FORWARD -j KUBE-FORWARD",
            f"-A FORWARD {new} -j KUBE-SERVICES",
            f"-A FORWARD {new} -j KUBE-EXTERNAL-SERVICES",
            f"-A OUTPUT {new} -j KUBE-PROXY-FIREWALL",
            f"-A OUTPUT {new} -j KUBE-SERVICES",
            "-A OUTPUT -j KUBE-FIREWALL",
            "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack "
            "! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
            "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
            "-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT",
            "-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "COMMIT"]


def nat_service(name, addr, eps):
    """(chains, rules) of one service."""
    svc = f"KUBE-SVC-{tag(name)}"
    chains, rules = [svc], []
    rules.append(f"-A KUBE-SERVICES -d {addr}/32 -p tcp -m tcp --dport 80 -j {svc}")
    rules.append(f"-A {svc} ! -s {CLUSTER_CIDR} -d {addr}/32 -p tcp -m tcp --dport 80 "
                 "-j KUBE-MARK-MASQ")
    for i, ep in enumerate(eps):
        sep = f"KUBE-SEP-{tag(name, ep)}"
        left = len(eps) - i
        pick = f"-m statistic --mode random --probability {1 / left:.10f} " if left > 1 else ""
        chains.append(sep)
        rules.append(f"-A {svc} {pick}-j {sep}")
        rules.append(f"-A {sep} -s {ep}/32 -j KUBE-MARK-MASQ")
        rules.append(f"-A {sep} -p tcp -m tcp -j DNAT --to-destination {ep}:8080")
    return chains, rules


def iptables(count):
    """Input of `iptables-restore`."""
    chains = ["KUBE-KUBELET-CANARY", "KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING",
              "KUBE-SERVICES"]
    rules = ["-A PREROUTING -j KUBE-SERVICES", "-A OUTPUT -j KUBE-SERVICES",
             "-A POSTROUTING -j KUBE-POSTROUTING",
             "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
             "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
             "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
             "-A KUBE-POSTROUTING -j MASQUERADE --random-fully"]
    for name, addr, eps in services(count):
        c, r = nat_service(name, addr, eps)
        chains += c
        rules += r
    rules.append("-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS")
    return "\n".join(["*nat", ":PREROUTING ACCEPT", ":INPUT ACCEPT", ":OUTPUT ACCEPT",
                      ":POSTROUTING ACCEPT", *(f":{c} -" for c in chains), *rules, "COMMIT",
                      *filter_table()]) + "\n"
