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

# Tests have no network, so the kernel's client is fetched here; without it
# test_ynl says why it is skipped.
YNL := $(O)/selftests/kmod/ynl
tests: $(YNL)/done
$(YNL)/done: selftests/kmod/get-ynl selftests/vm/get-source
	$(say) GET $@
	$(Q)selftests/kmod/get-ynl $(YNL)
