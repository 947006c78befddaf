# What the tests need and Python is too slow for.
TESTS += selftests/lib/flood
selftests/lib/flood_SRCS := selftests/lib/flood.c
