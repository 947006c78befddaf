# The kernel of the virtual machine. Tests have no network, so it is fetched
# here; where it can't be had, selftests/vm/test_* say why they are skipped.
VM_KERNEL := $(O)/selftests/vm/kernel

tests: $(VM_KERNEL)/initrd
$(VM_KERNEL)/initrd: selftests/vm/get-kernel selftests/vm/init
	$(say) GET $@
	$(Q)selftests/vm/get-kernel $(VM_KERNEL)
