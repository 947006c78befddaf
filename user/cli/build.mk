# Everything but main.c is a library, so that tests link it too.
LIBS += libsluice-cli
libsluice-cli_SRCS := $(filter-out user/cli/main.c,$(wildcard user/cli/*.c))

PROGS += sluice
sluice_SRCS := user/cli/main.c
sluice_LIBS := libsluice-cli libcommon libsluice
sluice_PKGS := libbpf libnl-3.0 libnl-genl-3.0 jansson
sluice_DIR  := $(BINDIR)

# Completions and manual pages, from the tables inside the programs.
TOOLS += cli/gen
cli/gen_SRCS := $(wildcard user/cli/gen/*.c)
cli/gen_LIBS := libsluice-cli libsluiced libsluice-cni libcommon libsluice
cli/gen_PKGS := $(PKGS)

CLI_GEN := $(O)/cli/gen.stamp
BUILT += $(CLI_GEN)

# From nothing each time: what is no longer made must not be installed.
$(CLI_GEN): $(O)/cli/gen
	$(say) GEN $(@D)
	$(Q)rm -rf $(@D)/bash $(@D)/zsh $(@D)/man
	$(Q)$(O)/cli/gen $(@D)
	@touch $@

BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR  ?= $(PREFIX)/share/zsh/site-functions

INSTALL_TARGETS += install-cli
UNINSTALL_TARGETS += uninstall-cli
.PHONY: install-cli uninstall-cli

install-cli: $(CLI_GEN)
	$(Q)install -D -m 644 $(O)/cli/bash/sluice '$(DESTDIR)$(BASHCOMPDIR)/sluice'
	$(Q)install -D -m 644 $(O)/cli/zsh/_sluice '$(DESTDIR)$(ZSHCOMPDIR)/_sluice'
	$(Q)cd $(O)/cli/man && for page in */*; do \
		install -D -m 644 "$$page" '$(DESTDIR)$(MANDIR)'/"$$page" || exit; done

# The names are fixed by sluice-*, so that nothing has to be built to take them away.
uninstall-cli:
	$(Q)rm -f '$(DESTDIR)$(BASHCOMPDIR)/sluice' '$(DESTDIR)$(ZSHCOMPDIR)/_sluice' \
		'$(DESTDIR)$(MANDIR)/man1/sluice.1' '$(DESTDIR)$(MANDIR)'/man1/sluice-*.1 \
		'$(DESTDIR)$(MANDIR)/man8/sluiced.8' '$(DESTDIR)$(MANDIR)/man8/sluice-cni.8'
