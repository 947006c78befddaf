# Everything but main.c is a library, so that tests and fuzz targets link it.
LIBS += libsluice-cni
libsluice-cni_SRCS := $(filter-out user/cni/main.c,$(wildcard user/cni/*.c))

PROGS += sluice-cni
sluice-cni_SRCS := user/cni/main.c
sluice-cni_LIBS := libsluice-cni libcommon libsluice
sluice-cni_PKGS := libnl-3.0 libnl-genl-3.0 jansson
# Static: it is copied to hosts that have none of its libraries, and started for
# every pod. What the linker warns of, protocol names by NSS, it doesn't use.
sluice-cni_LDFLAGS := $(if $(SAN),,-static-pie -Wl,--gc-sections,--no-warnings)
sluice-cni_DIR  := $(CNIDIR)
