# What the programs share and libsluice has no business with.
LIBS += libcommon
libcommon_SRCS := $(wildcard user/common/*.c)
