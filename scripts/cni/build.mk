# An example: the runtime takes the node for ready as soon as it lies in
# /etc/cni/net.d, so putting it there is the administrator's step, after the
# daemon runs (Documentation/cni.md).
SHAREDIR ?= $(PREFIX)/share/sluice
INSTALL_TARGETS += install-conflist
UNINSTALL_TARGETS += uninstall-conflist

.PHONY: install-conflist uninstall-conflist
install-conflist:
	$(Q)install -D -m 644 scripts/cni/10-sluice.conflist '$(DESTDIR)$(SHAREDIR)/10-sluice.conflist'
uninstall-conflist:
	$(Q)rm -f '$(DESTDIR)$(SHAREDIR)/10-sluice.conflist'
