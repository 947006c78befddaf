# Everything but main.c is a library, so that tests link it too.
LIBS += libsluiced
libsluiced_SRCS := $(filter-out user/daemon/main.c,$(wildcard user/daemon/*.c))

PROGS += sluiced
sluiced_SRCS := user/daemon/main.c
sluiced_LIBS := libsluiced libcommon libsluice
sluiced_PKGS := libbpf libnl-3.0 libnl-route-3.0 yaml-0.1 jansson libuv
sluiced_DIR  := $(SBINDIR)
