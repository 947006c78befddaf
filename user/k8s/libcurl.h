/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libcurl, loaded when an API server is to be followed. With what it brings
 * along (thirty libraries) it is larger than the daemon, and a daemon that
 * reads a directory shall not pay for it.
 */
#ifndef SLUICE_K8S_LIBCURL_H
#define SLUICE_K8S_LIBCURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

/* What is used of it. */
#define LIBCURL_FUNCS(X)                                                              \
	X(global_init) X(easy_init) X(easy_setopt) X(easy_getinfo) X(easy_cleanup)       \
	X(easy_strerror) X(multi_init) X(multi_setopt) X(multi_add_handle)               \
	X(multi_remove_handle) X(multi_assign) X(multi_socket_action) X(multi_info_read) \
	X(multi_cleanup) X(slist_append) X(slist_free_all)

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

struct libcurl {
#define X(name) __typeof__(curl_##name) *name;
	LIBCURL_FUNCS(X)
#undef X
};

/* Valid once libcurl_load() has returned 0. */
extern struct libcurl libcurl;

/* -ENOENT: it is not installed, or lacks something; logged. Once is enough. */
int libcurl_load(void);

#endif
