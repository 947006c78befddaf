# What tests put where sluice would be.
BPF_OBJS += $(O)/selftests/net/pass.bpf.o
