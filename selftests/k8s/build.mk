# Tests against Kubernetes' own programs, which the Go module proxy has; they are
# built when a test that is asked for needs them, and kept in the user's cache.
.PHONY: check-k8s

# the programs of lib/services.py
tests: $(O)/selftests/k8s/service.bpf.o

check-k8s: deps
	$(Q)$(MAKE) --no-print-directory tests
	$(Q)$(if $(ALL),SLUICE_TEST_ALL=1) selftests/k8s/with-programs '^k8s/.*(?:$(T))' selftests/run '^k8s/.*(?:$(T))'

HELP_EXTRA += '' \
	'  make check-k8s        the tests that need a real API server (T=pattern, ALL=1: whole suites)'
