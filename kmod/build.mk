# The kernel module. kbuild writes beside its sources, so each kernel has a
# folder of links of its own, $(O)/kmod/RELEASE/obj; the module to load is
# $(O)/kmod/RELEASE/sluice.ko.
#
# KDIR: kbuild of the kernel to build for. KMOD_SIGN_KEY and KMOD_SIGN_CERT
# (files; or a PKCS#11 URI for the key): what the module is signed with.

KDIR ?= /lib/modules/$(shell uname -r)/build
KMOD_SIGN_KEY  ?=
KMOD_SIGN_CERT ?=

# The kernels of the virtual machines; selftests/vm gets them.
VM := $(O)/selftests/vm
VM_SERIES := 6.12 7

KMOD_SRCS := Kbuild $(shell find kmod -path kmod/ynl -prune -o -name '*.[ch]' -print) $(wildcard bpf/*.h) \
	$(wildcard user/lib/table_*.[ch])
KMOD_BUILD := scripts/kmod/build
KMOD_VM := $(VM_SERIES:%=$(O)/kmod/%.built)
DKMS_SRC = $(DESTDIR)/usr/src/sluice-$(VERSION)
kmod_release = $(shell cat '$(KDIR)/include/config/kernel.release' 2>/dev/null)

.PHONY: kmod kmod-vm kmod-tests kmod-check
.PHONY: modules_install modules_uninstall dkms-install dkms-uninstall

kmod:
	$(Q)[ -e '$(KDIR)/include/config/kernel.release' ] || { \
		echo 'kmod: no headers in $(KDIR): install linux-headers, or say KDIR=' >&2; exit 1; }
	$(Q)KMOD_SIGN_KEY='$(KMOD_SIGN_KEY)' KMOD_SIGN_CERT='$(KMOD_SIGN_CERT)' \
		$(KMOD_BUILD) '$(KDIR)' '$(O)/kmod/$(kmod_release)'

kmod-vm: $(KMOD_VM)

# $(call vm_kernel,SERIES,COMMAND): with KMOD_TOOLS, headers and release set.
# Without the kernel there is nothing to do: get-kernel said why.
vm_kernel = [ ! -e $(VM)/$(1)/release ] || { headers=$(VM)/$(1)/headers; \
	release=$$(cat $(VM)/$(1)/release); export KMOD_TOOLS=$$(readlink -e $(VM)/$(1)/tools); $(2); }

$(O)/kmod/%.built: $(VM)/%/release $(KMOD_SRCS) $(KMOD_BUILD)
	$(say) KMOD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(call vm_kernel,$*,$(KMOD_BUILD) $$headers $(O)/kmod/$$release >$(@:.built=.log) 2>&1 && \
		touch $@ || { cat $(@:.built=.log) >&2; exit 1; })

# One that does not build fails the tests that want it, not all others too.
kmod-tests:
	$(Q)$(MAKE) --no-print-directory kmod-vm || echo 'kmod: not built: its tests will fail' >&2

tests: $(if $(shell grep -s '^obj-m' Kbuild),kmod-tests)

kmod-check: $(VM_SERIES:%=$(VM)/%/release)
	$(Q)$(foreach s,$(VM_SERIES),$(call vm_kernel,$(s),scripts/kmod/check $$headers $(O)/kmod/$$release) &&) :
	$(Q)scripts/kmod/checkpatch

# Below updates/, which modprobe prefers. A package (DESTDIR) runs depmod in its
# maintainer scripts.
modules_install: kmod
	$(Q)install -D -m 644 '$(O)/kmod/$(kmod_release)/sluice.ko' \
		'$(DESTDIR)/lib/modules/$(kmod_release)/updates/sluice.ko'
	$(Q)[ -n '$(DESTDIR)' ] || depmod '$(kmod_release)'

modules_uninstall:
	$(Q)rm -f '$(DESTDIR)/lib/modules/$(kmod_release)/updates/sluice.ko'
	$(Q)[ -n '$(DESTDIR)' ] || depmod '$(kmod_release)'

# Sources for DKMS, which builds, signs and installs for each kernel; a package
# registers them in its maintainer scripts.
dkms-install:
	$(Q)rm -rf '$(DKMS_SRC)'
	$(Q)for f in $(KMOD_SRCS); do install -D -m 644 "$$f" '$(DKMS_SRC)'/"$$f" || exit; done
	$(Q)sed 's/@version@/$(VERSION)/' kmod/dkms.conf.in >'$(DKMS_SRC)/dkms.conf'
	$(Q)[ -n '$(DESTDIR)' ] || dkms install sluice/$(VERSION)

dkms-uninstall:
	$(Q)[ -n '$(DESTDIR)' ] || dkms remove sluice/$(VERSION) --all
	$(Q)rm -rf '$(DKMS_SRC)'

HELP_EXTRA += '' \
	'  make kmod             build the kernel module (KDIR=/lib/modules/RELEASE/build)' \
	'  make kmod-vm          build it for the kernels of the virtual machines' \
	'  make kmod-check       W=1, sparse and checkpatch' \
	'  make modules_install  into $$(DESTDIR)/lib/modules (KMOD_SIGN_KEY= KMOD_SIGN_CERT=: signed)' \
	'  make dkms-install     its sources into $$(DESTDIR)/usr/src and, without DESTDIR, into DKMS'
