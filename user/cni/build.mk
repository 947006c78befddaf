# Everything but main.c is a library, so that tests and fuzz targets link it.
LIBS += libsluice-cni
libsluice-cni_SRCS := $(filter-out user/cni/main.c,$(wildcard user/cni/*.c))

PROGS += sluice-cni
sluice-cni_SRCS := user/cni/main.c
sluice-cni_LIBS := libsluice-cni libcommon libsluice
sluice-cni_PKGS := libbpf libnl-3.0 libnl-genl-3.0 jansson
sluice-cni_DIR  := $(CNIDIR)
