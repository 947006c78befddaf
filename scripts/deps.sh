#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs the Debian packages that building, the demo and the tests need.
# Idempotent; quick when nothing is missing. Debian 12 (bookworm) takes
# libbpf, bpftool and iproute2 from its own backports, at the mirror that
# apt already uses.
set -euo pipefail

. /etc/os-release
backports_pkgs=(libbpf-dev bpftool iproute2)
pkgs=(
	# build
	gcc make pkgconf clang-19 llvm-19 libclang-rt-19-dev libc6-dev linux-libc-dev
	libelf-dev zlib1g-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev
	libyaml-dev libjansson-dev libuv1-dev
	# demo and tests
	curl python3 python3-yaml python3-pytest python3-tap python3-scapy libcmocka-dev
	libsctp-dev iputils-ping nftables iptables ethtool tcpdump procps
)

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for p in "${pkgs[@]}"; do
	installed "$p" || missing+=("$p")
done

missing_backports=()
case ${VERSION_CODENAME:-} in
bookworm)
	for p in "${backports_pkgs[@]}"; do
		v=$(dpkg-query -W -f '${Version}' "$p" 2>/dev/null || true)
		[[ $v == *bpo12* ]] || missing_backports+=("$p")
	done
	;;
*)
	for p in "${backports_pkgs[@]}"; do
		installed "$p" || missing+=("$p")
	done
	;;
esac

[ ${#missing[@]} -eq 0 ] && [ ${#missing_backports[@]} -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ]; then
	echo "deps: missing: ${missing[*]} ${missing_backports[*]}" >&2
	echo "deps: run 'make deps' as root to install them" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
if [ ${#missing_backports[@]} -gt 0 ] &&
   ! apt-get indextargets --format '$(CODENAME)' 'Created-By: Packages' | grep -qx bookworm-backports; then
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' \
		'Component: main' 'Created-By: Packages' | head -n 1)
	[ -n "$uri" ] || { echo "deps: apt knows no mirror for bookworm" >&2; exit 1; }
	cat >/etc/apt/sources.list.d/bookworm-backports.sources <<-END
	Types: deb
	URIs: $uri
	Suites: bookworm-backports
	Components: main
	Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
fi
apt-get -q update
[ ${#missing[@]} -eq 0 ] || apt-get -q install -y --no-install-recommends "${missing[@]}"
[ ${#missing_backports[@]} -eq 0 ] ||
	apt-get -q install -y --no-install-recommends -t bookworm-backports "${missing_backports[@]}"
