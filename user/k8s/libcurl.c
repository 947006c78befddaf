// SPDX-License-Identifier: GPL-2.0
/* See libcurl.h. */
#include "common/dl.h"
#include "k8s/libcurl.h"

#define SONAME "libcurl.so.4"

DL_NOTE(SONAME, "kubernetes", "objects from an API server");

struct libcurl libcurl;

int libcurl_load(void)
{
#define X(name) "curl_" #name,
	static const char *const names[] = { LIBCURL_FUNCS(X) };
#undef X
	_Static_assert(sizeof(libcurl) == sizeof(names), "a function for each name");

	return libcurl.global_init ? 0 : dl_load(SONAME, names, (void **)&libcurl,
						 sizeof(names) / sizeof(names[0]));
}
