PROGS += sluice
sluice_SRCS := $(wildcard user/cli/*.c)
sluice_LIBS := libcommon libsluice
sluice_PKGS := libbpf libnl-3.0 jansson
sluice_DIR  := $(BINDIR)
