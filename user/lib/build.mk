LIBS += libsluice
libsluice_SRCS := $(wildcard user/lib/*.c) kmod/acl_check.c kmod/acl_compile.c kmod/acl_row.c kmod/acl_trie.c

# The library of other programs, which may be older or newer than it: what it
# exports is in libsluice.map, and nothing else is seen. Our own link the archive.
SOVERSION := 0
LIBSLUICE_SO := libsluice.so.$(VERSION)
BUILT += $(O)/$(LIBSLUICE_SO)

$(O)/$(LIBSLUICE_SO): $(libsluice_SRCS:%.c=$(O)/%.o) user/lib/libsluice.map
	$(say) LD $@
	$(Q)$(CC) -shared $(LDFLAGS) -Wl,-soname,libsluice.so.$(SOVERSION) -Wl,-z,defs \
		-Wl,--version-script=user/lib/libsluice.map -o $@ $(filter %.o,$^) \
		$(call pkg_libs,libbpf libnl-3.0 libnl-genl-3.0) -lpthread
	$(Q)ln -sf $(LIBSLUICE_SO) $(O)/libsluice.so.$(SOVERSION)

# The interface as it is, to be compared and, when it is meant to change, committed.
ABIDW := abidw --no-comp-dir-path --no-show-locs --no-corpus-path --drop-private-types \
	--exported-interfaces-only --header-file user/lib/sluice.h \
	--header-file user/lib/table_desc.h --header-file bpf/abi.h
ABI := user/lib/libsluice.abi
.PHONY: libsluice-abi
libsluice-abi: $(O)/$(LIBSLUICE_SO)
	$(Q)$(ABIDW) --out-file '$(ABI)' $<

HELP_EXTRA += '  make libsluice-abi    write down the interface of libsluice.so: it is meant to change'

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

install-libsluice: $(O)/libsluice.a $(O)/$(LIBSLUICE_SO) $(O)/libsluice.pc
	$(Q)install -D -m 755 $(O)/$(LIBSLUICE_SO) '$(DESTDIR)$(LIBDIR)/$(LIBSLUICE_SO)'
	$(Q)ln -sf $(LIBSLUICE_SO) '$(DESTDIR)$(LIBDIR)/libsluice.so.$(SOVERSION)'
	$(Q)ln -sf libsluice.so.$(SOVERSION) '$(DESTDIR)$(LIBDIR)/libsluice.so'
	$(Q)install -D -m 644 user/lib/libsluice.3 '$(DESTDIR)$(MANDIR)/man3/libsluice.3'
	$(Q)install -D -m 644 $(O)/libsluice.a '$(DESTDIR)$(LIBDIR)/libsluice.a'
	$(Q)install -D -m 644 $(O)/libsluice.pc '$(DESTDIR)$(LIBDIR)/pkgconfig/libsluice.pc'
	$(Q)install -D -m 644 user/lib/sluice.h '$(DESTDIR)$(INCLUDEDIR)/sluice/sluice.h'
	$(Q)install -D -m 644 user/lib/table_desc.h '$(DESTDIR)$(INCLUDEDIR)/sluice/table_desc.h'
	$(Q)install -D -m 644 bpf/abi.h '$(DESTDIR)$(INCLUDEDIR)/sluice/bpf/abi.h'

uninstall-libsluice:
	$(Q)rm -f '$(DESTDIR)$(MANDIR)/man3/libsluice.3' '$(DESTDIR)$(LIBDIR)/'libsluice.so*
	$(Q)rm -f '$(DESTDIR)$(LIBDIR)/libsluice.a' '$(DESTDIR)$(LIBDIR)/pkgconfig/libsluice.pc'
	$(Q)rm -rf '$(DESTDIR)$(INCLUDEDIR)/sluice'
