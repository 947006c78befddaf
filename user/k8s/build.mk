# What is known of the Kubernetes API: its texts, and nothing of sockets yet.
LIBS += libk8s
libk8s_SRCS := $(wildcard user/k8s/*.c)
