BENCH := selftests/bench

BPF_OBJS += $(O)/$(BENCH)/least.bpf.o $(O)/$(BENCH)/testrun.bpf.o $(O)/$(BENCH)/drop.bpf.o

TESTS += $(BENCH)/perf $(BENCH)/least $(BENCH)/probe $(BENCH)/testrun \
	$(BENCH)/compile $(BENCH)/podmem $(BENCH)/aclload
$(BENCH)/perf_SRCS := $(BENCH)/perf.c $(BENCH)/perf_mode.c
$(BENCH)/perf_LDLIBS := -pthread
$(BENCH)/least_SRCS := $(BENCH)/least.c
$(BENCH)/least_PKGS := libbpf libnl-3.0 libnl-genl-3.0
$(BENCH)/probe_SRCS := $(BENCH)/probe.c
$(BENCH)/testrun_SRCS := $(BENCH)/testrun.c
$(BENCH)/testrun_LIBS := libsluice
$(BENCH)/testrun_PKGS := libbpf libnl-3.0 libnl-genl-3.0
$(BENCH)/compile_SRCS := $(BENCH)/compile.c
$(BENCH)/compile_LIBS := libsluiced libk8s libcommon libsluice
$(BENCH)/compile_PKGS := libbpf libnl-3.0 libnl-genl-3.0 libnl-route-3.0 yaml-0.1 jansson libuv
$(BENCH)/podmem_SRCS := $(BENCH)/podmem.c
$(BENCH)/podmem_LIBS := libk8s libsluiced libcommon libsluice
$(BENCH)/podmem_PKGS := $($(BENCH)/compile_PKGS)
$(BENCH)/aclload_SRCS := $(BENCH)/aclload.c
$(BENCH)/aclload_LIBS := libsluice
$(BENCH)/aclload_PKGS := libbpf libnl-3.0 libnl-genl-3.0
