# Tests in virtual machines. Tests have no network, so the kernels are fetched
# here; where one can't be had, selftests/vm/test_* say why they are skipped.
.PHONY: check-vm bench-vm

tests: $(VM_SERIES:%=$(VM)/%/release)
$(VM)/%/release: selftests/vm/get-kernel selftests/vm/get-tools
	$(say) GET $@
	$(Q)selftests/vm/get-kernel $* $(@D)

# The kernel with checkers that is built from Debian's source.
$(VM)/debug/release: selftests/vm/get-debug-kernel selftests/vm/debug.config selftests/vm/get-source
	$(say) BUILD $@
	$(Q)selftests/vm/get-debug-kernel $(@D)

# DEBUG=1 is the kernel's here, not the programs'.
VM_KERNELS := $(or $(KERNEL),$(if $(filter 1,$(DEBUG)),debug,$(VM_SERIES)))

check-vm: deps
	$(Q)$(MAKE) --no-print-directory DEBUG= tests
	$(Q)$(if $(filter debug,$(VM_KERNELS)),$(MAKE) --no-print-directory DEBUG= $(O)/kmod/debug.built)
	$(Q)$(if $(and $(KERNEL),$(filter command,$(origin KDIR))),$(MAKE) --no-print-directory kmod)
	$(Q)selftests/vm/check $(if $(MODULE),--module) '$(T)' $(VM_KERNELS)

# Whatever waits has to wait longer under emulation: see guest.
bench-vm: deps
	$(Q)$(MAKE) --no-print-directory tests
	$(Q)for k in $(or $(KERNEL),$(VM_SERIES)); do echo "=== Linux $$k"; \
		selftests/vm/boot -k $$k -- env SLUICE_TEST_SLOW=5 selftests/bench/run \
			-o /run/vm/files/bench.json '$(or $(T),^module)' && \
		mv $(VM)/files/bench.json $(O)/bench-$$(basename $$k).json || exit; \
	done

HELP_EXTRA += '' \
	'  make check-vm         tests in virtual machines with Linux 6.12 and 7 (T=pattern)' \
	'                        MODULE=1: all others, with the module loaded' \
	'                        KERNEL=/path/to/vmlinuz: yours (KDIR=: and the module for it)' \
	'                        DEBUG=1: a kernel with KASAN, lockdep, kmemleak; builds it first' \
	'  make bench-vm         the figures of the kernel module, in virtual machines (KERNEL=)'
