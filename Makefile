# SPDX-License-Identifier: GPL-2.0
#
# One non-recursive build. Every directory with code has a build.mk that adds
# to the lists below; everything built lies under $(O).
#
#   make DEBUG=1     -O0 -g3, assertions
#   make ASAN=1      AddressSanitizer and LeakSanitizer
#   make UBSAN=1     UndefinedBehaviorSanitizer
#   make V=1         show the commands

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
SHELL := /bin/bash

VERSION := 0.1.0

O       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
CNIDIR  ?= /opt/cni/bin
UNITDIR ?= /lib/systemd/system
T       ?=

CC         ?= gcc
ifeq ($(origin CC),default)
CC         := gcc
endif
AR         := ar
CLANG      ?= $(firstword $(foreach v,19 20 18 17 16,$(shell command -v clang-$(v))) clang)
BPFTOOL    ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool /sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s%s\n'
endif

# One stamp per variant, so that a changed variable rebuilds what it touches.
SAN :=
ifeq ($(ASAN),1)
SAN += -fsanitize=address
endif
ifeq ($(UBSAN),1)
SAN += -fsanitize=undefined -fno-sanitize-recover=undefined
endif
ifeq ($(DEBUG),1)
OPT := -O0 -g3
else
OPT := -O2 -g -DNDEBUG
endif

CFLAGS   ?= $(OPT)
CPPFLAGS += -D_GNU_SOURCE -DSLUICE_VERSION='"$(VERSION)"' -I. -Iuser -I$(O) -MMD -MP
ALL_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -fno-common -fstack-protector-strong -fPIC \
	$(CFLAGS) $(SAN)
LDFLAGS  += -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN)

BPF_CFLAGS := -std=gnu11 -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror \
	-Wno-unused-parameter -I. -I/usr/include/$(shell $(CC) -dumpmachine) -MMD -MP

PKGS := libbpf libnl-3.0 libnl-genl-3.0 libnl-route-3.0 yaml-0.1 jansson libuv
# Read only where something is compiled: `make deps` runs on a bare machine.
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PKGS))
pkg_libs   = $(if $(1),$(shell $(PKG_CONFIG) --libs $(1)))

# What the build.mk files fill in.
BPF_OBJS :=	# $(O)/bpf/X.bpf.o that become skeletons $(O)/bpf/X.skel.h
LIBS     :=	# static libraries: name; NAME_SRCS
PROGS    :=	# programs: name; NAME_SRCS NAME_LIBS NAME_PKGS NAME_DIR (install)
TESTS    :=	# programs built for tests only, same variables
TOOLS    :=	# programs that the build itself runs, same variables
BUILT    :=	# what else `all` makes, with rules in the build.mk
HELP_EXTRA :=
INSTALL_TARGETS :=
UNINSTALL_TARGETS :=

include $(wildcard bpf/build.mk kmod/build.mk) $(sort $(wildcard user/*/build.mk)) \
	$(sort $(wildcard scripts/build.mk scripts/*/build.mk)) \
	$(sort $(wildcard selftests/build.mk selftests/*/build.mk))

.PHONY: all deps install uninstall demo check bench fuzz clean help tests FORCE

all: $(PROGS:%=$(O)/%) $(LIBS:%=$(O)/%.a) $(BUILT) $(O)/compile_commands.json

tests: all $(TESTS:%=$(O)/%)

help:
	@echo 'sluice $(VERSION)'
	@echo
	@echo '  make all        build everything that is installed (default)'
	@echo '  make deps       install the Debian packages that building and testing need'
	@echo '  make install    into $$(DESTDIR)$$(PREFIX), unit and plugin beside'
	@echo '  make uninstall  take that away again'
	@echo '  make demo       a shop in eight pods, its policies and its traffic (HOLD=1 stays up)'
	@echo '  make check      every test (T=pattern: those whose name matches)'
	@echo '  make bench      measure, compare, and write $(O)/bench.json (T=pattern)'
	@echo '  make fuzz       run every fuzz target for a while (T=pattern, SECONDS_EACH=n)'
	@echo '  make clean      remove $(O)'
	@echo
	@echo '  Variables: O PREFIX DESTDIR DEBUG=1 ASAN=1 UBSAN=1 V=1'
	@$(if $(HELP_EXTRA),printf '%s\n' $(HELP_EXTRA))

deps:
	$(Q)scripts/deps.sh

# ------------------------------------------------------------------ BPF

# Flags are prerequisites: the file changes only when they do.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(CLANG) $(BPF_CFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(CLANG) $(BPF_CFLAGS)' >$@

$(O)/%.bpf.o: %.bpf.c $(O)/flags
	$(say) CLANG $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MF $(@:.o=.d) -c $< -o $@

# Linked by bpftool first, which leaves DWARF behind and BTF once: what is
# embedded is what is loaded.
$(O)/%.skel.h: $(O)/%.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen object $(@:.h=.o) $<
	$(Q)$(BPFTOOL) gen skeleton $(@:.h=.o) name $(subst .,_,$(subst -,_,$(*F)))_bpf >$@

SKELS := $(BPF_OBJS:.bpf.o=.skel.h)

# ----------------------------------------------------------------- user

# Skeletons are order-only for the first build; the .d files know the rest.
$(O)/%.o: %.c $(O)/flags | $(SKELS)
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(PKG_CFLAGS) -MF $(@:.o=.d) -c $< -o $@

define lib_rule
$(O)/$(1).a: $$($(1)_SRCS:%.c=$(O)/%.o)
	$$(say) AR $$@
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call lib_rule,$(l))))

# A group: libsluiced follows an API server by libk8s, which makes its objects.
define prog_rule
$(O)/$(1): $$($(1)_SRCS:%.c=$(O)/%.o) $$($(1)_LIBS:%=$(O)/%.a)
	$$(say) LD $$@
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) $$($(1)_LDFLAGS) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $$(call pkg_libs,$$($(1)_PKGS)) $$($(1)_LDLIBS)
endef
$(foreach p,$(PROGS) $(TESTS) $(TOOLS),$(eval $(call prog_rule,$(p))))

ALL_SRCS := $(sort $(foreach x,$(LIBS) $(PROGS) $(TESTS) $(TOOLS),$($(x)_SRCS)))
-include $(ALL_SRCS:%.c=$(O)/%.d) $(BPF_OBJS:.o=.d)

$(O)/compile_commands.json: $(O)/flags Makefile
	@{ sep='['; for f in $(ALL_SRCS); do \
		printf '%s\n{"directory":"%s","file":"%s","command":"%s"}' "$$sep" "$(CURDIR)" "$$f" \
		"$(CC) $(subst ",\\\",$(filter-out -MMD -MP,$(ALL_CFLAGS) $(subst ',,$(CPPFLAGS)) $(PKG_CFLAGS))) -c $$f"; sep=,; done; \
	for f in $(BPF_OBJS:$(O)/%.o=%.c); do \
		printf '%s\n{"directory":"%s","file":"%s","command":"%s"}' "$$sep" "$(CURDIR)" "$$f" \
		"$(CLANG) $(filter-out -MMD -MP,$(BPF_CFLAGS)) -c $$f"; sep=,; done; printf '\n]\n'; } >$@

# --------------------------------------------------------------- targets

demo: deps
	$(Q)$(MAKE) --no-print-directory tests
	$(Q)scripts/demo/run

check: deps
	$(Q)$(MAKE) --no-print-directory tests fuzz-build
	$(Q)selftests/k8s/with-programs '$(T)' selftests/run '$(T)'

bench: deps
	$(Q)$(MAKE) --no-print-directory tests
	$(Q)selftests/k8s/with-programs '$(if $(T),$(if $(findstring api,$(T))$(findstring rolling,$(T)),^k8s,^$$),^k8s)' \
		selftests/bench/run '$(T)'

# A build.mk adds targets of its own to INSTALL_TARGETS and UNINSTALL_TARGETS.
install: all $(INSTALL_TARGETS)
	$(Q)$(foreach p,$(PROGS),install -D -m 755 $(O)/$(p) '$(DESTDIR)$($(p)_DIR)/$(notdir $(p))' &&) :

uninstall: $(UNINSTALL_TARGETS)
	$(Q)$(foreach p,$(PROGS),rm -f '$(DESTDIR)$($(p)_DIR)/$(notdir $(p))' &&) :

clean:
	$(Q)rm -rf $(O)
