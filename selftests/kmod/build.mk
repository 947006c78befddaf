# Tests of the module that are programs: cmocka, as in selftests/unit.
KMOD_TESTS := $(patsubst %.c,%,$(wildcard selftests/kmod/test_*.c))
TESTS += $(KMOD_TESTS)
$(foreach t,$(KMOD_TESTS),$(eval $(t)_SRCS := $(t).c))
$(foreach t,$(KMOD_TESTS),$(eval $(t)_LIBS := libsluice))
$(foreach t,$(KMOD_TESTS),$(eval $(t)_PKGS := $(PKGS) cmocka))

# What they need and Python is too slow for.
TESTS += selftests/kmod/flows
selftests/kmod/flows_SRCS := selftests/kmod/flows.c
selftests/kmod/flows_PKGS := libbpf

# Tests have no network, so what they need of the kernel's tree is fetched here:
# test_ynl the client of 6.12, test_regen the generator of 7; without it they
# say why they are skipped.
YNL := $(O)/selftests/kmod/ynl
tests: $(YNL)/6.12/done $(YNL)/7/done
$(YNL)/%/done: selftests/kmod/get-ynl selftests/vm/get-source
	$(say) GET $@
	$(Q)selftests/kmod/get-ynl $(@D) $*
