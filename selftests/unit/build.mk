# Each test_X.c is a program of its own, linked with everything but the main.c
# of the programs.
UNIT_TESTS := $(patsubst %.c,%,$(wildcard selftests/unit/test_*.c))
TESTS += $(UNIT_TESTS)

define unit_test
$(1)_SRCS := $(1).c
$(1)_LIBS := libsluice-cli libk8s libsluiced libsluice-cni libcommon libsluice
$(1)_PKGS := $(PKGS) cmocka
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_test,$(t))))
