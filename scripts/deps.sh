#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs the Debian packages that building, the demo and the tests need.
# Idempotent; quick when nothing is missing. Debian 12 (bookworm) takes what
# is too old there from its own backports, and from trixie what it lacks, on the
# mirror that apt already uses.
set -euo pipefail

pkgs=(
	# build
	gcc make pkgconf clang-19 llvm-19 libclang-rt-19-dev libc6-dev linux-libc-dev
	libelf-dev zlib1g-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev
	libyaml-dev libjansson-dev libcurl4-openssl-dev libmicrohttpd-dev libuv1-dev
	# demo and tests
	curl python3 python3-yaml python3-jsonschema python3-pytest python3-tap python3-scapy python3-prometheus-client libcmocka-dev
	ca-certificates openssl libsctp-dev iputils-ping nftables iptables ethtool tcpdump procps
	zsh man-db groff-base abigail-tools containerd runc containernetworking-plugins
	bind9-dnsutils netcat-openbsd
	# the kernel module, its checkers, a kernel with checkers
	binutils dwarves kmod perl sparse xz-utils bc bison flex libssl-dev
	# tests in a virtual machine
	busybox-static udev virtme-ng
)
newer=(libbpf-dev bpftool iproute2 qemu-system-x86)	# bookworm: backports

# cnitool, the runtime of a test, wants Go 1.21; whichever one is there will do.
if ! [[ $(go env GOVERSION 2>/dev/null) =~ ^go1\.(2[1-9]|[3-9][0-9]) ]]; then
	newer+=(golang-go)
fi

version() {
	dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p'
}

# wanting PATTERN PACKAGE...: those not installed in a version that matches
wanting() {
	local pattern=$1 p
	shift
	for p in "$@"; do
		# shellcheck disable=SC2053 # a pattern is what it is
		[[ $(version "$p") == $pattern ]] || printf '%s\n' "$p"
	done
}

. /etc/os-release
bookworm=false
[ "${VERSION_CODENAME:-}" = bookworm ] && bookworm=true
# where Linux 7 comes from, and on bookworm what builds modules for it
suites=(trixie-backports)
$bookworm && suites=(bookworm-backports trixie trixie-backports) && pkgs+=(mmdebstrap)
known=$(apt-get indextargets --format '$(SUITE) $(CODENAME)' 'Created-By: Packages')
missing_suites=()
for suite in "${suites[@]}"; do
	[[ " ${known//$'\n'/ } " == *" $suite "* ]] || missing_suites+=("$suite")
done
mapfile -t missing < <(wanting '?*' "${pkgs[@]}")
if $bookworm; then
	mapfile -t missing_newer < <(wanting '*bpo12*' "${newer[@]}")
else
	mapfile -t missing_newer < <(wanting '?*' "${newer[@]}")
fi

[ $((${#missing[@]} + ${#missing_newer[@]} + ${#missing_suites[@]})) -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ]; then
	echo "deps: missing: ${missing[*]} ${missing_newer[*]}" >&2
	echo "deps: missing in apt's sources: ${missing_suites[*]}" >&2
	echo "deps: run 'make deps' as root to install them" >&2
	exit 1
fi

# add_suite SUITE: from the mirror that the host's own release comes from.
# Whatever is of another release comes only when it is asked for by name:
# nothing of the host's is upgraded to it, its libc least of all.
add_suite() {
	local uri
	uri=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $VERSION_CODENAME" \
		'Component: main' 'Created-By: Packages' | head -n 1)
	[ -n "$uri" ] || { echo "deps: apt knows no mirror for $VERSION_CODENAME" >&2; exit 1; }
	cat >"/etc/apt/sources.list.d/$1.sources" <<-END
	Types: deb
	URIs: $uri
	Suites: $1
	Components: main
	Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
	[ "$1" = bookworm-backports ] || cat >"/etc/apt/preferences.d/$1" <<-END
	Package: *
	Pin: release n=$1
	Pin-Priority: 50
	END
}

export DEBIAN_FRONTEND=noninteractive
apt_install() {
	apt-get -q install -y --no-install-recommends "$@"
}

apt-get -q update
for suite in "${missing_suites[@]}"; do
	add_suite "$suite"
done
[ ${#missing_suites[@]} -eq 0 ] || apt-get -q update
release=()
$bookworm && release=(-t bookworm-backports)
[ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
[ ${#missing_newer[@]} -eq 0 ] || apt_install "${release[@]}" "${missing_newer[@]}"
