// SPDX-License-Identifier: GPL-2.0
/*
 * The network configuration on stdin. Keys that the plugin does not know pass,
 * as the specification wants; a key that it knows and can't honour is refused,
 * so that nobody is given less than was asked for.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cni/cni.h"
#include "common/control.h"
#include "common/record.h"

static const char *const versions[] = {
	[CNI_VERSION_0_1_0] = "0.1.0",
	[CNI_VERSION_0_2_0] = "0.2.0",
	[CNI_VERSION_0_3_0] = "0.3.0",
	[CNI_VERSION_0_3_1] = "0.3.1",
	[CNI_VERSION_0_4_0] = "0.4.0",
	[CNI_VERSION_1_0_0] = "1.0.0",
	[CNI_VERSION_1_1_0] = "1.1.0",
};

const char *cni_version_name(enum cni_version version)
{
	return versions[version];
}

static int invalid(struct cni_error *err, const char *field, const char *want)
{
	return cni_fail(err, CNI_CODE_CONFIG, "invalid network configuration", "%s: %s", field,
			want);
}

/* Section 5, code 2: the message must contain key and value. */
static int unsupported(struct cni_error *err, const char *field, const json_t *value,
		       const char *why)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	cni_fail(err, CNI_CODE_UNSUPPORTED, "unsupported field in network configuration",
		 "%s: %.400s: %s", field, text ? text : "?", why);
	free(text);
	return -1;
}

/* NULL where it is absent; null counts as absent. */
static const json_t *member(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_null(v) ? NULL : v;
}

/* --------------------------------------------------------------- version */

static int parse_version(struct cni_conf *conf, struct cni_error *err)
{
	const json_t *v = member(conf->doc, "cniVersion");
	const char *text = json_string_value(v);

	if (v && !text)
		return cni_fail(err, CNI_CODE_DECODE, "cannot decode network configuration",
				"cniVersion: must be a string");
	/* Configurations older than the field. */
	if (!text || !*text)
		text = "0.1.0";
	for (int i = 0; i < __CNI_VERSION_MAX; i++)
		if (!strcmp(text, versions[i])) {
			conf->version = i;
			return 0;
		}
	return cni_fail(err, CNI_CODE_VERSION, "incompatible CNI version",
			"cniVersion: '%.32s': must be one of 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, "
			"1.0.0, 1.1.0", text);
}

/* VERSION is how a runtime finds out: a version of the future is no error there. */
static int parse_probe(struct cni_conf *conf, struct cni_error *err)
{
	struct cni_error unknown = {};

	if (!member(conf->doc, "cniVersion") || !parse_version(conf, &unknown))
		return 0;
	if (unknown.code == CNI_CODE_VERSION)
		return 0;
	*err = unknown;
	return -1;
}

static int check_command(const struct cni_conf *conf, enum cni_command command,
			 struct cni_error *err)
{
	static const enum cni_version since[__CNI_COMMAND_MAX] = {
		[CNI_COMMAND_CHECK] = CNI_VERSION_0_4_0,
		[CNI_COMMAND_STATUS] = CNI_VERSION_1_1_0,
		[CNI_COMMAND_GC] = CNI_VERSION_1_1_0,
	};

	if (conf->version >= since[command])
		return 0;
	return cni_fail(err, CNI_CODE_VERSION, "incompatible CNI version",
			"cniVersion: %s has no %s, which came with %s", versions[conf->version],
			cni_command_name(command), versions[since[command]]);
}

/* ---------------------------------------------------------- plain fields */

static int parse_name(struct cni_conf *conf, struct cni_error *err)
{
	const char *name = json_string_value(member(conf->doc, "name"));

	/* Section 1 allows what it allows in a container's identifier. */
	if (!name || !record_id_valid(name))
		return invalid(err, "name", "must be a letter or digit, then letters, digits, '_', "
			       "'.' or '-', 200 at most");
	conf->name = name;
	return 0;
}

static int parse_path(struct cni_conf *conf, const char *key, size_t max, const char **out,
		      struct cni_error *err)
{
	const json_t *v = member(conf->doc, key);
	const char *text = json_string_value(v);

	if (!v)
		return 0;
	if (!text || *text != '/' || strlen(text) > max)
		return invalid(err, key, "must be an absolute path of moderate length");
	*out = text;
	return 0;
}

static int parse_plain(struct cni_conf *conf, struct cni_error *err)
{
	const json_t *level = member(conf->doc, "logLevel"), *dns = member(conf->doc, "dns");

	conf->state_dir = SLUICE_STATE_DIR;
	conf->socket = CONTROL_SOCKET;
	conf->log_level = LOG_LEVEL_WARNING;
	if (parse_path(conf, "socket", 107, &conf->socket, err) ||
	    parse_path(conf, "stateDir", PATH_MAX - NAME_MAX - 16, &conf->state_dir, err))
		return -1;
	if (level && (!json_is_string(level) ||
		      log_level_parse(json_string_value(level), &conf->log_level)))
		return invalid(err, "logLevel", "must be error, warning, info or debug");
	if (dns && !json_is_object(dns))
		return invalid(err, "dns", "must be an object");
	conf->dns = json_object_size(dns) ? dns : NULL;
	return 0;
}

/* Addresses come from the node's pod ranges: another plugin would not be asked. */
static int check_ipam(struct cni_conf *conf, struct cni_error *err)
{
	const json_t *ipam = member(conf->doc, "ipam"), *type;

	if (!ipam)
		return 0;
	if (!json_is_object(ipam))
		return invalid(err, "ipam", "must be an object");
	type = member(ipam, "type");
	if (!type || (json_is_string(type) && !*json_string_value(type)))
		return 0;
	return unsupported(err, "ipam.type", type,
			   "sluice-cni takes addresses from the node's pod ranges itself");
}

/* --------------------------------------------------------- runtimeConfig */

static int parse_port_mappings(const json_t *list, struct cni_error *err)
{
	const json_t *entry, *port;
	size_t i;

	if (!list)
		return 0;
	if (!json_is_array(list))
		return invalid(err, "runtimeConfig.portMappings", "must be a list");
	json_array_foreach(list, i, entry) {
		if (!json_is_object(entry))
			return invalid(err, "runtimeConfig.portMappings", "must be a list of objects");
		port = json_object_get(entry, "hostPort");
		/* Runtimes pass containers' ports that nobody mapped, with host port 0. */
		if (!port || (json_is_integer(port) && !json_integer_value(port)))
			continue;
		return unsupported(err, "runtimeConfig.portMappings", list,
				   "host ports are not supported yet; chain a plugin that maps "
				   "ports, or leave hostPort out");
	}
	return 0;
}

static int parse_bandwidth(const json_t *bw, struct cni_error *err)
{
	static const char *const keys[] = {"ingressRate", "ingressBurst", "egressRate",
					   "egressBurst"};

	if (!bw)
		return 0;
	if (!json_is_object(bw))
		return invalid(err, "runtimeConfig.bandwidth", "must be an object");
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const json_t *v = member(bw, keys[i]);

		if (v && !(json_is_number(v) && json_number_value(v) == 0))
			return unsupported(err, "runtimeConfig.bandwidth", bw,
					   "bandwidth limits are not supported yet");
	}
	return 0;
}

static int parse_ips(struct cni_conf *conf, const json_t *list, struct cni_error *err)
{
	char text[SLUICE_PREFIX_STRLEN];
	const json_t *v;
	size_t i;

	if (!list)
		return 0;
	if (!json_is_array(list))
		return invalid(err, "runtimeConfig.ips", "must be a list");
	json_array_foreach(list, i, v) {
		const char *s = json_string_value(v);
		union sl_addr a;
		int family;

		/* The prefix length, if there is one, is no business of the asker. */
		if (!s || strcspn(s, "/") >= sizeof(text))
			return invalid(err, "runtimeConfig.ips", "must be a list of addresses");
		memcpy(text, s, strcspn(s, "/"));
		text[strcspn(s, "/")] = 0;
		if (sluice_addr_parse(text, &a))
			return invalid(err, "runtimeConfig.ips", "must be a list of addresses");
		family = sluice_addr_is_v4(&a) ? SL_FAMILY_V4 : SL_FAMILY_V6;
		if (conf->want[family].d[0] || conf->want[family].d[1])
			return unsupported(err, "runtimeConfig.ips", list,
					   "one address of a family is what a pod can have");
		conf->want[family] = a;
	}
	return 0;
}

static int parse_mac(struct cni_conf *conf, const json_t *mac, struct cni_error *err)
{
	static const __u8 zero[6];

	if (!mac || (json_is_string(mac) && !*json_string_value(mac)))
		return 0;
	if (!json_is_string(mac) || mac_parse(json_string_value(mac), conf->mac) ||
	    conf->mac[0] & 1 || !memcmp(conf->mac, zero, 6))
		return invalid(err, "runtimeConfig.mac", "must be a unicast MAC address");
	conf->has_mac = true;
	return 0;
}

static int parse_runtime(struct cni_conf *conf, struct cni_error *err)
{
	const json_t *rt = member(conf->doc, "runtimeConfig");
	const json_t *ranges = member(rt, "ipRanges");

	if (!rt)
		return 0;
	if (!json_is_object(rt))
		return invalid(err, "runtimeConfig", "must be an object");
	if (json_array_size(ranges))
		return unsupported(err, "runtimeConfig.ipRanges", ranges,
				   "sluice-cni takes addresses from the node's pod ranges");
	if (parse_port_mappings(member(rt, "portMappings"), err) ||
	    parse_bandwidth(member(rt, "bandwidth"), err) ||
	    parse_ips(conf, member(rt, "ips"), err) || parse_mac(conf, member(rt, "mac"), err))
		return -1;
	return 0;
}

/* ------------------------------------------------ prevResult, attachments */

static int check_objects(const json_t *res, const char *key, const char *string,
			 struct cni_error *err)
{
	const json_t *list = member(res, key), *v;
	size_t i;

	if (!list)
		return 0;
	if (!json_is_array(list))
		return cni_fail(err, CNI_CODE_CONFIG, "invalid network configuration",
				"prevResult.%s: must be a list", key);
	json_array_foreach(list, i, v)
		if (!json_is_string(json_object_get(v, string)))
			return cni_fail(err, CNI_CODE_CONFIG, "invalid network configuration",
					"prevResult.%s[%zu].%s: must be a string", key, i, string);
	return 0;
}

static int parse_prev_result(struct cni_conf *conf, enum cni_command command,
			     struct cni_error *err)
{
	const json_t *res = member(conf->doc, "prevResult");

	/* Chains came with 0.3.0. */
	if (conf->version < CNI_VERSION_0_3_0)
		return 0;
	if (!res && command == CNI_COMMAND_CHECK)
		return invalid(err, "prevResult", "CHECK needs it");
	if (!res)
		return 0;
	if (!json_is_object(res))
		return invalid(err, "prevResult", "must be an object");
	if (check_objects(res, "interfaces", "name", err) ||
	    check_objects(res, "ips", "address", err) || check_objects(res, "routes", "dst", err))
		return -1;
	conf->prev_result = res;
	return 0;
}

/*
 * The list of what stays. Absent is not empty: nobody is told to go then.
 * libcni calls so when it was given no list, and wrote the key otherwise at
 * first. null is what its language makes of an empty list.
 */
static int parse_valid(struct cni_conf *conf, struct cni_error *err)
{
	static const char *const keys[] = {"cni.dev/valid-attachments", "cni.dev/attachments"};
	const json_t *list = NULL, *v;
	const char *key = NULL;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys) && !list; i++) {
		key = keys[i];
		list = json_object_get(conf->doc, key);
	}
	if (list && !json_is_array(list) && !json_is_null(list))
		return invalid(err, key, "must be a list");
	json_array_foreach(list, i, v)
		if (!json_is_string(json_object_get(v, "containerID")) ||
		    !json_is_string(json_object_get(v, "ifname")))
			return cni_fail(err, CNI_CODE_CONFIG, "invalid network configuration",
					"%s[%zu]: must have strings containerID and ifname", key, i);
	conf->valid = list;
	return 0;
}

/* ------------------------------------------------------------------ whole */

static int load(struct cni_conf *conf, const char *text, size_t len, struct cni_error *err)
{
	json_error_t jerr;

	conf->doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &jerr);
	if (!conf->doc)
		return cni_fail(err, CNI_CODE_DECODE, "cannot decode network configuration",
				"stdin, line %d, column %d: %s", jerr.line, jerr.column, jerr.text);
	if (!json_is_object(conf->doc))
		return cni_fail(err, CNI_CODE_DECODE, "cannot decode network configuration",
				"stdin: must be an object");
	return 0;
}

int cni_conf_parse(struct cni_conf *conf, enum cni_command command, const char *text, size_t len,
		   struct cni_error *err)
{
	memset(conf, 0, sizeof(*conf));
	conf->version = CNI_VERSION_1_1_0;
	conf->log_level = LOG_LEVEL_WARNING;
	/* The oldest runtimes send nothing with VERSION. */
	if (command == CNI_COMMAND_VERSION && !len)
		return 0;
	if (load(conf, text, len, err))
		return -1;
	if (command == CNI_COMMAND_VERSION)
		return parse_probe(conf, err);
	if (parse_version(conf, err) || check_command(conf, command, err) ||
	    parse_name(conf, err) || parse_plain(conf, err))
		return -1;
	if (command == CNI_COMMAND_GC)
		return parse_valid(conf, err);
	if (command != CNI_COMMAND_ADD && command != CNI_COMMAND_CHECK)
		return 0;
	if (check_ipam(conf, err) || parse_runtime(conf, err))
		return -1;
	return parse_prev_result(conf, command, err);
}

void cni_conf_clear(struct cni_conf *conf)
{
	json_decref(conf->doc);
	memset(conf, 0, sizeof(*conf));
}
