LIBS += libsluice
libsluice_SRCS := $(wildcard user/lib/*.c)
