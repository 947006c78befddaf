# Tests of the module that are programs: cmocka, as in selftests/unit.
KMOD_TESTS := $(patsubst %.c,%,$(wildcard selftests/kmod/test_*.c))
TESTS += $(KMOD_TESTS)
$(foreach t,$(KMOD_TESTS),$(eval $(t)_SRCS := $(t).c))
$(foreach t,$(KMOD_TESTS),$(eval $(t)_LIBS := libsluice))
$(foreach t,$(KMOD_TESTS),$(eval $(t)_PKGS := $(PKGS) cmocka))
