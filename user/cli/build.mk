# Everything but main.c is a library, so that tests link it too.
LIBS += libsluice-cli
libsluice-cli_SRCS := $(filter-out user/cli/main.c,$(wildcard user/cli/*.c))

PROGS += sluice
sluice_SRCS := user/cli/main.c
sluice_LIBS := libsluice-cli libcommon libsluice
sluice_PKGS := libbpf libnl-3.0 jansson
sluice_DIR  := $(BINDIR)
