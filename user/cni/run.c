// SPDX-License-Identifier: GPL-2.0
/* One process of the plugin: what is asked, and the answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cni/result.h"

static int read_stdin(int fd, char **text, size_t *len, struct cni_error *err)
{
	size_t size = 0;
	ssize_t n;

	*text = NULL;
	*len = 0;
	for (;;) {
		if (*len == size) {
			char *more = realloc(*text, size ? size *= 2 : (size = 8192));

			if (!more)
				return cni_fail_errno(err, CNI_CODE_INTERNAL, "stdin", -ENOMEM);
			*text = more;
		}
		n = read(fd, *text + *len, size - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cni_fail_errno(err, CNI_CODE_IO, "cannot read stdin", -errno);
		if (!n)
			return 0;
		*len += n;
		if (*len > CNI_STDIN_MAX)
			return cni_fail(err, CNI_CODE_IO, "cannot read stdin",
					"stdin: longer than %d bytes", CNI_STDIN_MAX);
	}
}

static int run(struct cni *cni, int in, FILE *out)
{
	char *text;
	size_t len;
	int ret;

	ret = read_stdin(in, &text, &len, &cni->err);
	if (!ret)
		ret = cni_conf_parse(&cni->conf, cni->env.command, text, len, &cni->err);
	free(text);
	if (ret)
		return ret;
	log_set_level(cni->conf.log_level);
	switch (cni->env.command) {
	case CNI_COMMAND_ADD:
		return cni_add(cni, out);
	case CNI_COMMAND_DEL:
		return cni_del(cni);
	case CNI_COMMAND_CHECK:
		return cni_check(cni);
	case CNI_COMMAND_STATUS:
		return cni_status(cni);
	case CNI_COMMAND_GC:
		return cni_gc(cni);
	case CNI_COMMAND_VERSION:
		ret = cni_print(out, cni_version_result(&cni->conf));
		return ret ? cni_fail_errno(&cni->err, CNI_CODE_IO, "stdout", ret) : 0;
	default:
		return -1;
	}
}

int cni_run(const char *(*get)(const char *name), int in, FILE *out)
{
	struct cni cni = {.conf.version = CNI_VERSION_1_1_0};
	int ret;

	ret = cni_env_parse(&cni.env, get, &cni.err);
	if (!ret)
		ret = run(&cni, in, out);
	if (ret) {
		log_error("%s: %s (code %d)", cni.err.msg, cni.err.details, cni.err.code);
		cni_print(out, cni_error_result(&cni.conf, &cni.err));
	}
	cni_conf_clear(&cni.conf);
	cni_env_clear(&cni.env);
	return ret ? 1 : 0;
}
