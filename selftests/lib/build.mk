# What the tests need and Python is too slow for.
TESTS += selftests/lib/flood selftests/lib/churn
selftests/lib/flood_SRCS := selftests/lib/flood.c
selftests/lib/churn_SRCS := selftests/lib/churn.c
