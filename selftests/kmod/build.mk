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
TESTS += selftests/kmod/refused
selftests/kmod/refused_SRCS := selftests/kmod/refused.c

# Tests have no network, so what they need of the kernel's tree is fetched here:
# test_ynl the client of 6.12, test_regen the generator of 7; without it they
# say why they are skipped.
YNL := $(O)/selftests/kmod/ynl
tests: $(YNL)/6.12/done $(YNL)/7/done
$(YNL)/%/done: selftests/kmod/get-ynl selftests/vm/get-source
	$(say) GET $@
	$(Q)selftests/kmod/get-ynl $(@D) $*

# The generated C client, on the kernel tree's own library; where that could not
# be had there is no program, and test_ynl says why.
YNL_CLIENT := $(O)/selftests/kmod/ynl_client
tests: $(YNL_CLIENT).done
$(YNL_CLIENT).done: selftests/kmod/ynl_client.c $(wildcard kmod/ynl/*) $(YNL)/7/done
	$(say) CC $(YNL_CLIENT)
	$(Q)rm -f $(YNL_CLIENT)
	$(Q)[ -e $(YNL)/7/why ] || $(CC) -O2 -Wall -o $(YNL_CLIENT) -Ikmod/include/uapi -Ikmod/ynl \
		-I$(YNL)/7/tools/net/ynl/lib selftests/kmod/ynl_client.c kmod/ynl/sluice-user.c \
		$(YNL)/7/tools/net/ynl/lib/ynl.c
	$(Q)touch $@
