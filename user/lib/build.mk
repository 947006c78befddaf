LIBS += libsluice
libsluice_SRCS := $(wildcard user/lib/*.c) kmod/acl_check.c kmod/acl_compile.c

# For other programs: #include <sluice/sluice.h>, pkg-config libsluice.
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include

INSTALL_TARGETS += install-libsluice
UNINSTALL_TARGETS += uninstall-libsluice
.PHONY: install-libsluice uninstall-libsluice

$(O)/libsluice.pc: user/lib/libsluice.pc.in Makefile FORCE
	@sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(LIBDIR)|' \
		-e 's|@includedir@|$(INCLUDEDIR)|' -e 's|@version@|$(VERSION)|' $< >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

install-libsluice: $(O)/libsluice.a $(O)/libsluice.pc
	$(Q)install -D -m 644 $(O)/libsluice.a '$(DESTDIR)$(LIBDIR)/libsluice.a'
	$(Q)install -D -m 644 $(O)/libsluice.pc '$(DESTDIR)$(LIBDIR)/pkgconfig/libsluice.pc'
	$(Q)install -D -m 644 user/lib/sluice.h '$(DESTDIR)$(INCLUDEDIR)/sluice/sluice.h'
	$(Q)install -D -m 644 user/lib/table_desc.h '$(DESTDIR)$(INCLUDEDIR)/sluice/table_desc.h'
	$(Q)install -D -m 644 bpf/abi.h '$(DESTDIR)$(INCLUDEDIR)/sluice/bpf/abi.h'

uninstall-libsluice:
	$(Q)rm -f '$(DESTDIR)$(LIBDIR)/libsluice.a' '$(DESTDIR)$(LIBDIR)/pkgconfig/libsluice.pc'
	$(Q)rm -rf '$(DESTDIR)$(INCLUDEDIR)/sluice'
