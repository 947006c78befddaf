# Random policies without end, against a real API server: soak.py. SEED= is where
# it begins, CASE= one file that it has kept.
TESTS += selftests/soak/stepper
selftests/soak/stepper_SRCS := selftests/soak/stepper.c

MINUTES ?= 10

.PHONY: soak
soak: deps
	$(Q)$(MAKE) --no-print-directory tests
	$(Q)SLUICE_TEST_MINUTES='$(MINUTES)' SLUICE_SEED='$(or $(SEED),$(shell date +%s))' \
		SLUICE_TEST_CASE='$(if $(CASE),$(abspath $(CASE)))' selftests/k8s/with-programs '^k8s/test_soak' \
		selftests/run --timeout $$(($(MINUTES) * 60 + 600)) --raw selftests/k8s/test_soak

HELP_EXTRA += '' \
	'  make soak             random policies against an API server (MINUTES=n SEED=s, CASE=file)'
