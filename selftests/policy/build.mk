TESTS += selftests/policy/verdict
selftests/policy/verdict_SRCS := selftests/policy/verdict.c selftests/bpf/packet.c
selftests/policy/verdict_LIBS := libsluiced libk8s libcommon libsluice
selftests/policy/verdict_PKGS := libbpf libnl-3.0 libnl-genl-3.0 libnl-route-3.0 yaml-0.1 jansson libuv
TESTS += selftests/policy/compile_dump
selftests/policy/compile_dump_SRCS := selftests/policy/compile_dump.c
selftests/policy/compile_dump_LIBS := libsluiced libk8s libcommon libsluice
selftests/policy/compile_dump_PKGS := $(PKGS)
