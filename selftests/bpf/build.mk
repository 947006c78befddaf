BPFTEST := selftests/bpf

BPF_OBJS += $(patsubst %,$(O)/$(BPFTEST)/%.bpf.o,bench counted tunnel)

BPF_TESTS := $(patsubst $(BPFTEST)/%.c,%,$(filter-out %.bpf.c,$(wildcard $(BPFTEST)/test_*.c)))
TESTS += $(BPF_TESTS:%=$(BPFTEST)/%) $(BPFTEST)/stage_ns
$(foreach t,$(BPF_TESTS),$(eval $(BPFTEST)/$(t)_SRCS := $(BPFTEST)/$(t).c $(BPFTEST)/env.c $(BPFTEST)/packet.c))
$(foreach t,$(BPF_TESTS),$(eval $(BPFTEST)/$(t)_PKGS := libbpf libnl-3.0 libnl-genl-3.0 cmocka))
$(foreach t,test_cost test_netkit,$(eval $(BPFTEST)/$(t)_SRCS += $(BPFTEST)/counted.c))
$(BPFTEST)/stage_ns_SRCS := $(BPFTEST)/stage_ns.c $(BPFTEST)/packet.c
$(BPFTEST)/stage_ns_PKGS := libbpf libnl-3.0 libnl-genl-3.0
$(BPFTEST)/test_acl_SRCS += kmod/acl_check.c kmod/acl_compile.c kmod/acl_row.c kmod/acl_trie.c
