BPF_OBJS += $(O)/bpf/sluice.bpf.o
