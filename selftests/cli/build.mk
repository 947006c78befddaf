# A dataplane with known contents, without a daemon.
TESTS += selftests/cli/plane
selftests/cli/plane_SRCS := selftests/cli/plane.c
selftests/cli/plane_LIBS := libsluice
selftests/cli/plane_PKGS := libbpf libnl-3.0 libnl-genl-3.0
