# The Kubernetes API: its texts, and how they are fetched.
LIBS += libk8s
libk8s_SRCS := $(wildcard user/k8s/*.c)
