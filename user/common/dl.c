// SPDX-License-Identifier: GPL-2.0
/* See dl.h. */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include "common/dl.h"
#include "common/log.h"

int dl_load(const char *soname, const char *const *names, void **funcs, size_t n)
{
	void *lib = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; lib && i < n; i++) {
		funcs[i] = dlsym(lib, names[i]);
		if (!funcs[i])
			break;
		if (i == n - 1)
			return 0;
	}
	log_error("%s", dlerror());
	memset(funcs, 0, n * sizeof(*funcs));
	if (lib)
		dlclose(lib);
	return -ENOENT;
}
