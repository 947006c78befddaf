# Everything but main.c is a library, so that tests link it too.
LIBS += libsluiced
libsluiced_SRCS := $(filter-out user/daemon/main.c,$(wildcard user/daemon/*.c))

PROGS += sluiced
sluiced_SRCS := user/daemon/main.c
sluiced_LIBS := libsluiced libk8s libcommon libsluice
sluiced_PKGS := libbpf libnl-3.0 libnl-genl-3.0 yaml-0.1 jansson libuv
sluiced_DIR  := $(SBINDIR)

SYSCONFDIR ?= /etc

INSTALL_TARGETS += install-sluiced
UNINSTALL_TARGETS += uninstall-sluiced
.PHONY: install-sluiced uninstall-sluiced

$(O)/sluiced.service: user/daemon/sluiced.service.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@sbindir@|$(SBINDIR)|' $< >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# The administrator's options and manifests are theirs: never written over.
install-sluiced: $(O)/sluiced.service
	$(Q)install -D -m 644 $(O)/sluiced.service '$(DESTDIR)$(UNITDIR)/sluiced.service'
	$(Q)install -d -m 755 '$(DESTDIR)$(SYSCONFDIR)/sluice/manifests'
	$(Q)[ -e '$(DESTDIR)$(SYSCONFDIR)/sluice/sluiced.yaml' ] || \
		install -m 644 user/daemon/sluiced.yaml '$(DESTDIR)$(SYSCONFDIR)/sluice/sluiced.yaml'

uninstall-sluiced:
	$(Q)rm -f '$(DESTDIR)$(UNITDIR)/sluiced.service'
	$(Q)! cmp -s user/daemon/sluiced.yaml '$(DESTDIR)$(SYSCONFDIR)/sluice/sluiced.yaml' || \
		rm -f '$(DESTDIR)$(SYSCONFDIR)/sluice/sluiced.yaml'
	$(Q)for d in sluice/manifests sluice; do \
		rmdir '$(DESTDIR)$(SYSCONFDIR)'/"$$d" 2>/dev/null || :; done
