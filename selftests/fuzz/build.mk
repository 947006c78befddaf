# Each fuzz_X.c is a libFuzzer target, seeds in corpus/X/, words in X.dict
# where that helps. All libraries are built a second time, by clang with
# sanitizers; a target pulls out of them what it calls.
FUZZ_TARGETS := $(patsubst selftests/fuzz/%.c,$(O)/fuzz/%,$(wildcard selftests/fuzz/fuzz_*.c))
FUZZ_LIB_SRCS := $(foreach l,libsluice-cli libk8s libsluiced libsluice-cni libcommon libsluice,$($(l)_SRCS))
FUZZ_SAN := address,undefined
FUZZ_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -Wall -Wextra \
	-fsanitize=fuzzer-no-link,$(FUZZ_SAN) -fno-sanitize-recover=undefined
SECONDS_EACH ?= 60

$(O)/fuzz/obj/%.o: %.c $(O)/flags selftests/fuzz/build.mk | $(BPF_OBJS:.bpf.o=.skel.h)
	$(say) FUZZCC $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(CPPFLAGS) $(PKG_CFLAGS) -MF $(@:.o=.d) -c $< -o $@

# q, not r: files of different directories may have the same name
$(O)/fuzz/libtargets.a: $(FUZZ_LIB_SRCS:%.c=$(O)/fuzz/obj/%.o)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(O)/fuzz/fuzz_%: $(O)/fuzz/obj/selftests/fuzz/fuzz_%.o $(O)/fuzz/libtargets.a
	$(say) LD $@
	$(Q)$(CLANG) -fsanitize=fuzzer,$(FUZZ_SAN) -o $@ $^ $(call pkg_libs,$(PKGS))

.PHONY: fuzz-build
fuzz-build: $(FUZZ_TARGETS)

fuzz: deps
	$(Q)$(MAKE) --no-print-directory fuzz-build
	$(Q)O='$(O)' SECONDS_EACH='$(SECONDS_EACH)' selftests/fuzz/run $(T)

-include $(FUZZ_TARGETS:$(O)/fuzz/%=$(O)/fuzz/obj/selftests/fuzz/%.d) \
	$(FUZZ_LIB_SRCS:%.c=$(O)/fuzz/obj/%.d)
