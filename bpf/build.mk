BPF_OBJS += $(O)/bpf/sluice.bpf.o $(O)/bpf/bind.bpf.o
