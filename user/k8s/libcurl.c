// SPDX-License-Identifier: GPL-2.0
/* See libcurl.h. */
#include <dlfcn.h>
#include <errno.h>
#include "common/log.h"
#include "k8s/libcurl.h"

#define SONAME "libcurl.so.4"

struct libcurl libcurl;

/* ELF has no word for "needed, but later": this note has, for whoever packs programs. */
__attribute__((used, section(".note.dlopen"), aligned(4)))
static const struct {
	unsigned int name_len, text_len, type;
	char name[4];
	_Alignas(4) char text[sizeof("[{\"soname\":[\"" SONAME "\"],\"feature\":\"kubernetes\","
				     "\"description\":\"objects from an API server\"}]")];
} note = {
	sizeof(note.name), sizeof(note.text), 0x407c0c0a, "FDO",
	"[{\"soname\":[\"" SONAME "\"],\"feature\":\"kubernetes\","
	"\"description\":\"objects from an API server\"}]",
};

int libcurl_load(void)
{
	void *lib;

	if (libcurl.global_init)
		return 0;
	lib = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		log_error("%s", dlerror());
		return -ENOENT;
	}
#define X(func)                                                        \
	libcurl.func = (__typeof__(libcurl.func))dlsym(lib, "curl_" #func); \
	if (!libcurl.func)                                             \
		goto missing;
	LIBCURL_FUNCS(X)
#undef X
	return 0;

missing:
	log_error("%s", dlerror());
	dlclose(lib);
	libcurl = (struct libcurl){};
	return -ENOENT;
}
