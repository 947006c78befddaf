# cnitool, the reference's own runtime, from the Go module proxy. Tests have no
# network, so it is fetched here; without Go or network its test says why it
# is skipped.
CNITOOL_VERSION := v1.3.0
CNITOOL := $(O)/selftests/cni/cnitool-$(CNITOOL_VERSION)

tests: $(CNITOOL)
$(CNITOOL): selftests/cni/get-cnitool
	$(say) GET $@
	$(Q)selftests/cni/get-cnitool $(CNITOOL_VERSION) $@
