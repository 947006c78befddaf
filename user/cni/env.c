// SPDX-License-Identifier: GPL-2.0
/* The environment: CNI_ variables and what CNI_ARGS holds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cni/cni.h"
#include "common/record.h"

#define NEED(command) (1U << CNI_COMMAND_##command)

static const char *const commands[] = {
	[CNI_COMMAND_ADD]	= "ADD",
	[CNI_COMMAND_DEL]	= "DEL",
	[CNI_COMMAND_CHECK]	= "CHECK",
	[CNI_COMMAND_STATUS]	= "STATUS",
	[CNI_COMMAND_GC]	= "GC",
	[CNI_COMMAND_VERSION]	= "VERSION",
};

const char *cni_command_name(enum cni_command command)
{
	return commands[command];
}

static int bad(struct cni_error *err, const char *var, const char *value, const char *want)
{
	return cni_fail(err, CNI_CODE_ENVIRONMENT, "invalid environment variable",
			"%s: '%.64s': %s", var, value, want);
}

/* An empty variable is one that is not set: runtimes pass both. */
static const char *fetch(const char *(*get)(const char *), const char *name)
{
	const char *v = get(name);

	return v && *v ? v : NULL;
}

static int parse_command(struct cni_env *env, const char *text, struct cni_error *err)
{
	if (!text)
		return cni_fail(err, CNI_CODE_ENVIRONMENT, "missing environment variable",
				"CNI_COMMAND: must be ADD, DEL, CHECK, STATUS, GC or VERSION");
	for (int i = 0; i < __CNI_COMMAND_MAX; i++)
		if (!strcmp(text, commands[i])) {
			env->command = i;
			return 0;
		}
	return bad(err, "CNI_COMMAND", text, "must be ADD, DEL, CHECK, STATUS, GC or VERSION");
}

/* Paths end up in JSON: records, requests, results. */
static bool is_utf8(const char *text)
{
	json_t *s = json_string(text);

	json_decref(s);
	return s;
}

static int check_values(const struct cni_env *env, unsigned int needed, struct cni_error *err)
{
	const struct {
		const char *name, *value;
		unsigned int needed;
	} vars[] = {
		{"CNI_CONTAINERID", env->container_id, NEED(ADD) | NEED(DEL) | NEED(CHECK)},
		{"CNI_IFNAME", env->ifname, NEED(ADD) | NEED(DEL) | NEED(CHECK)},
		{"CNI_NETNS", env->netns, NEED(ADD) | NEED(CHECK)},
	};

	for (size_t i = 0; i < sizeof(vars) / sizeof(*vars); i++)
		if (vars[i].needed & needed && !vars[i].value)
			return cni_fail(err, CNI_CODE_ENVIRONMENT, "missing environment variable",
					"%s: %s needs it", vars[i].name, commands[env->command]);
	if (!(needed & vars[0].needed))
		return 0;
	if (!record_id_valid(env->container_id))
		return bad(err, "CNI_CONTAINERID", env->container_id,
			   "must be a letter or digit, then letters, digits, '_', '.' or '-', "
			   "200 at most");
	if (!record_ifname_valid(env->ifname))
		return bad(err, "CNI_IFNAME", env->ifname,
			   "must be 1 to 15 characters without '/', ':' and white space, not '.' "
			   "or '..'");
	if (env->netns && (env->netns[0] != '/' || strlen(env->netns) >= PATH_MAX ||
			   !is_utf8(env->netns)))
		return bad(err, "CNI_NETNS", env->netns, "must be an absolute path");
	return 0;
}

/* -------------------------------------------------------------- CNI_ARGS */

static int parse_ip(struct cni_env *env, const char *value, struct cni_error *err)
{
	union sl_addr a;
	int family;

	if (sluice_addr_parse(value, &a))
		return bad(err, "CNI_ARGS: IP", value, "must be an address");
	family = sluice_addr_is_v4(&a) ? SL_FAMILY_V4 : SL_FAMILY_V6;
	env->want[family] = a;
	return 0;
}

static bool is_true(const char *value)
{
	return !strcmp(value, "1") || !strcasecmp(value, "true");
}

/* @pair is "KEY=value", writable. Unknown keys are counted. */
static int parse_arg(struct cni_env *env, char *pair, bool *ignore, const char **unknown,
		     struct cni_error *err)
{
	const struct {
		const char *key;
		char **value;
	} strings[] = {
		{"K8S_POD_NAMESPACE", &env->pod_namespace},
		{"K8S_POD_NAME", &env->pod_name},
		{"K8S_POD_UID", &env->pod_uid},
	};
	char *value = strchr(pair, '=');

	if (!value || value == pair)
		return bad(err, "CNI_ARGS", pair, "must be KEY=value pairs with ';' between");
	*value++ = 0;
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
		if (strcmp(pair, strings[i].key))
			continue;
		if (strlen(value) > 253 || !is_utf8(value))
			return bad(err, pair, value, "too long, or not UTF-8");
		free(*strings[i].value);
		*strings[i].value = strdup(value);
		return *strings[i].value ? 0 : cni_fail_errno(err, CNI_CODE_INTERNAL, pair, -ENOMEM);
	}
	if (!strcmp(pair, "IP"))
		return parse_ip(env, value, err);
	if (!strcmp(pair, "IgnoreUnknown"))
		*ignore = is_true(value);
	else if (strcmp(pair, "K8S_POD_INFRA_CONTAINER_ID") && !*unknown)
		*unknown = pair;
	return 0;
}

/* CONVENTIONS.md, "CNI_ARGS": unknown keys are an error without IgnoreUnknown. */
static int parse_args(struct cni_env *env, const char *text, struct cni_error *err)
{
	char *copy = strdup(text), *save = NULL;
	const char *unknown = NULL;
	bool ignore = false;
	int ret = 0;

	if (!copy)
		return cni_fail_errno(err, CNI_CODE_INTERNAL, "CNI_ARGS", -ENOMEM);
	for (char *pair = strtok_r(copy, ";", &save); pair && !ret;
	     pair = strtok_r(NULL, ";", &save))
		ret = parse_arg(env, pair, &ignore, &unknown, err);
	if (!ret && unknown && !ignore)
		ret = bad(err, "CNI_ARGS", unknown, "unknown key, and no IgnoreUnknown=1");
	free(copy);
	return ret;
}

int cni_env_parse(struct cni_env *env, const char *(*get)(const char *name), struct cni_error *err)
{
	const char *args;
	int ret;

	memset(env, 0, sizeof(*env));
	ret = parse_command(env, fetch(get, "CNI_COMMAND"), err);
	if (ret)
		return ret;
	env->container_id = fetch(get, "CNI_CONTAINERID");
	env->ifname = fetch(get, "CNI_IFNAME");
	env->netns = fetch(get, "CNI_NETNS");
	ret = check_values(env, 1U << env->command, err);
	if (ret)
		return ret;
	env->pod_namespace = strdup("");
	env->pod_name = strdup("");
	env->pod_uid = strdup("");
	if (!env->pod_namespace || !env->pod_name || !env->pod_uid)
		return cni_fail_errno(err, CNI_CODE_INTERNAL, "environment", -ENOMEM);
	/* The others have no use for it, and DEL must not fail of it. */
	args = fetch(get, "CNI_ARGS");
	if (args && (env->command == CNI_COMMAND_ADD || env->command == CNI_COMMAND_CHECK))
		return parse_args(env, args, err);
	return 0;
}

void cni_env_clear(struct cni_env *env)
{
	free(env->pod_namespace);
	free(env->pod_name);
	free(env->pod_uid);
	memset(env, 0, sizeof(*env));
}
