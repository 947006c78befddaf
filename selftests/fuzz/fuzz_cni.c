// SPDX-License-Identifier: GPL-2.0
/*
 * What the CNI plugin reads: the configuration on stdin, CNI_ARGS and the
 * other variables, the daemon's configuration, endpoint records. An input is
 * lines of "NAME=value" (environment), an empty line, and a document, which is
 * read as each of the three kinds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "cni/agent.h"
#include "cni/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *lines;		/* NUL-separated, an empty one ends them */

static const char *get(const char *name)
{
	size_t len = strlen(name);

	for (const char *l = lines; *l; l += strlen(l) + 1)
		if (!strncmp(l, name, len) && l[len] == '=')
			return l + len + 1;
	return NULL;
}

/* A failure has a code of the specification or ours, and can be printed. */
static void check_error(const struct cni_conf *conf, const struct cni_error *err)
{
	json_t *doc = cni_error_result(conf, err);

	if (err->code <= 0 || !err->msg[0] || !doc)
		abort();
	json_decref(doc);
}

static void check_record(const json_t *doc)
{
	struct record a, b;
	char why[256] = "";
	json_t *again, *third;

	if (record_parse(doc, &a, why, sizeof(why))) {
		if (!*why)
			abort();
		return;
	}
	again = record_json(&a);
	if (!again || record_parse(again, &b, why, sizeof(why)))
		abort();
	third = record_json(&b);
	if (!json_equal(again, third))
		abort();
	json_decref(again);
	json_decref(third);
	record_clear(&a);
	record_clear(&b);
}

static void check_result(const struct cni_conf *conf)
{
	struct agent_config node = {};
	struct record rec = {
		.netns = (char *)"/run/netns/x", .ifname = "eth0", .host_ifname = "sl0", .mtu = 1500,
	};
	json_t *doc;

	memset(rec.addr, 1, sizeof(rec.addr));
	doc = cni_result(conf, &rec, node.gateway);
	if (!doc || strcmp(json_string_value(json_object_get(doc, "cniVersion")),
			   cni_version_name(conf->version)))
		abort();
	json_decref(doc);
}

static void check_conf(enum cni_command command, const char *text, size_t len)
{
	struct agent_config node;
	struct cni_error err = {};
	struct cni_conf conf;

	if (cni_conf_parse(&conf, command, text, len, &err)) {
		check_error(&conf, &err);
	} else {
		if (err.code || (command != CNI_COMMAND_VERSION && (!conf.name || !conf.socket)))
			abort();
		if (command == CNI_COMMAND_ADD)
			check_result(&conf);
	}
	if (conf.doc) {
		memset(&err, 0, sizeof(err));
		if (agent_parse_config(conf.doc, &node, &err))
			check_error(&conf, &err);
		check_record(conf.doc);
	}
	cni_conf_clear(&conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *gap = memmem(data, size, "\n\n", 2);
	size_t head = gap ? (size_t)(gap - data) : 0;
	const char *text = (const char *)(gap ? gap + 2 : data);
	size_t len = size - (text - (const char *)data);
	struct cni_error err = {};
	struct cni_conf conf = {.version = CNI_VERSION_1_1_0};
	struct cni_env env;

	log_set_level(LOG_LEVEL_ERROR);
	lines = calloc(1, head + 2);
	if (!lines)
		return 0;
	memcpy(lines, data, head);
	for (size_t i = 0; i < head; i++)
		if (lines[i] == '\n')
			lines[i] = 0;
	if (cni_env_parse(&env, get, &err))
		check_error(&conf, &err);
	check_conf(env.command, text, len);
	cni_env_clear(&env);
	free(lines);
	return 0;
}
