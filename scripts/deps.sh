#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs the Debian packages that building, the demo and the tests need.
# Idempotent; quick when nothing is missing. Debian 12 (bookworm) takes what
# is too old there from its own backports, on the mirror that apt already uses.
set -euo pipefail

pkgs=(
	# build
	gcc make pkgconf clang-19 llvm-19 libclang-rt-19-dev libc6-dev linux-libc-dev
	libelf-dev zlib1g-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev
	libyaml-dev libjansson-dev libuv1-dev
	# demo and tests
	curl python3 python3-yaml python3-pytest python3-tap python3-scapy libcmocka-dev
	ca-certificates libsctp-dev iputils-ping nftables iptables ethtool tcpdump procps
	zsh man-db groff-base
	# tests in a virtual machine
	busybox-static kmod xz-utils
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
mapfile -t missing < <(wanting '?*' "${pkgs[@]}")
if $bookworm; then
	mapfile -t missing_newer < <(wanting '*bpo12*' "${newer[@]}")
else
	mapfile -t missing_newer < <(wanting '?*' "${newer[@]}")
fi

[ $((${#missing[@]} + ${#missing_newer[@]})) -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ]; then
	echo "deps: missing: ${missing[*]} ${missing_newer[*]}" >&2
	echo "deps: run 'make deps' as root to install them" >&2
	exit 1
fi

# add_suite SUITE: beside bookworm, from the mirror that bookworm comes from
add_suite() {
	local uri
	apt-get indextargets --format '$(SUITE) $(CODENAME)' 'Created-By: Packages' |
		grep -qw -- "$1" && return
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' \
		'Component: main' 'Created-By: Packages' | head -n 1)
	[ -n "$uri" ] || { echo "deps: apt knows no mirror for bookworm" >&2; exit 1; }
	cat >"/etc/apt/sources.list.d/$1.sources" <<-END
	Types: deb
	URIs: $uri
	Suites: $1
	Components: main
	Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
}

export DEBIAN_FRONTEND=noninteractive
apt_install() {
	apt-get -q install -y --no-install-recommends "$@"
}

apt-get -q update
release=()
if $bookworm; then
	add_suite bookworm-backports
	apt-get -q update
	release=(-t bookworm-backports)
fi
[ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
[ ${#missing_newer[@]} -eq 0 ] || apt_install "${release[@]}" "${missing_newer[@]}"
