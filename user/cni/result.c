// SPDX-License-Identifier: GPL-2.0
/*
 * Results and errors as JSON. Three shapes of a result: up to 0.2.0 one object
 * for each family, from 0.3.0 lists of interfaces and addresses, from 1.0.0
 * the same without "version" in an address; 1.1.0 adds the MTU.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "cni/result.h"

int cni_fail(struct cni_error *err, enum cni_code code, const char *msg, const char *fmt, ...)
{
	va_list ap;

	if (err->code)
		return -1;
	err->code = code;
	snprintf(err->msg, sizeof(err->msg), "%s", msg);
	va_start(ap, fmt);
	vsnprintf(err->details, sizeof(err->details), fmt, ap);
	va_end(ap);
	return -1;
}

int cni_fail_errno(struct cni_error *err, enum cni_code code, const char *msg, int error)
{
	return cni_fail(err, code, msg, "%s", strerror(-error));
}

/*
 * Details may quote what a hostile caller sent, or a line that was cut inside
 * a character: what is not UTF-8 is replaced.
 */
static json_t *text(const char *s)
{
	char clean[sizeof(((struct cni_error *)0)->details)];
	json_t *v = json_string(s);
	size_t i;

	if (v)
		return v;
	for (i = 0; s[i] && i < sizeof(clean) - 1; i++)
		clean[i] = (unsigned char)s[i] < 0x80 ? s[i] : '?';
	clean[i] = 0;
	return json_string(clean);
}

json_t *cni_error_result(const struct cni_conf *conf, const struct cni_error *err)
{
	return json_pack("{s:s, s:i, s:o, s:o}", "cniVersion", cni_version_name(conf->version),
			 "code", err->code, "msg", text(err->msg), "details", text(err->details));
}

json_t *cni_version_result(const struct cni_conf *conf)
{
	json_t *list = json_array();

	for (int i = 0; i < __CNI_VERSION_MAX; i++)
		json_array_append_new(list, json_string(cni_version_name(i)));
	return json_pack("{s:s, s:o}", "cniVersion", cni_version_name(conf->version),
			 "supportedVersions", list);
}

int cni_print(FILE *out, json_t *doc)
{
	int err = 0;

	if (!doc)
		return -ENOMEM;
	if (json_dumpf(doc, out, JSON_INDENT(2)) || fputc('\n', out) == EOF || fflush(out))
		err = -EIO;
	json_decref(doc);
	return err;
}

/* ---------------------------------------------------------------- parts */

struct shape {
	enum cni_version version;
	const struct record *rec;
	const union sl_addr *gateway;
};

static bool has(const struct shape *s, int family)
{
	return s->rec->addr[family].d[0] || s->rec->addr[family].d[1];
}

static json_t *route(const struct shape *s, int family)
{
	char gw[SLUICE_ADDR_STRLEN];

	return json_pack("{s:s, s:s}", "dst", family == SL_FAMILY_V4 ? "0.0.0.0/0" : "::/0", "gw",
			 sluice_addr_format(&s->gateway[family], gw));
}

static const char *address(const struct shape *s, int family, char buf[SLUICE_PREFIX_STRLEN])
{
	sluice_addr_format(&s->rec->addr[family], buf);
	return strcat(buf, family == SL_FAMILY_V4 ? "/32" : "/128");
}

static json_t *interface(const struct shape *s, bool host, const char *sandbox)
{
	char mac[MAC_STRLEN];
	json_t *v = json_pack("{s:s, s:s}", "name", host ? s->rec->host_ifname : s->rec->ifname,
			      "mac", mac_format(host ? s->rec->host_mac : s->rec->mac, mac));

	if (s->version >= CNI_VERSION_1_1_0 && s->rec->mtu)
		json_object_set_new(v, "mtu", json_integer(s->rec->mtu));
	if (sandbox)
		json_object_set_new(v, "sandbox", json_string(sandbox));
	return v;
}

static json_t *ip(const struct shape *s, int family, size_t index)
{
	char addr[SLUICE_PREFIX_STRLEN], gw[SLUICE_ADDR_STRLEN];
	json_t *v = json_object();

	if (s->version < CNI_VERSION_1_0_0)
		json_object_set_new(v, "version",
				    json_string(family == SL_FAMILY_V4 ? "4" : "6"));
	json_object_set_new(v, "address", json_string(address(s, family, addr)));
	json_object_set_new(v, "gateway",
			    json_string(sluice_addr_format(&s->gateway[family], gw)));
	json_object_set_new(v, "interface", json_integer(index));
	return v;
}

/* --------------------------------------------------------------- results */

static json_t *old_result(const struct shape *s)
{
	char addr[SLUICE_PREFIX_STRLEN], gw[SLUICE_ADDR_STRLEN];
	json_t *res = json_pack("{s:s}", "cniVersion", cni_version_name(s->version));

	for (int f = 0; f < __SL_FAMILY_MAX; f++)
		if (has(s, f))
			json_object_set_new(res, f == SL_FAMILY_V4 ? "ip4" : "ip6",
					    json_pack("{s:s, s:s, s:[o]}", "ip",
						      address(s, f, addr), "gateway",
						      sluice_addr_format(&s->gateway[f], gw),
						      "routes", route(s, f)));
	return res;
}

/* The list of that name in @res, made where it is missing; borrowed. */
static json_t *list_of(json_t *res, const char *key)
{
	json_t *list = json_object_get(res, key);

	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(res, key, list);
	}
	return list;
}

/* What the chain has so far, in our version. */
static json_t *previous(const struct shape *s, const json_t *prev)
{
	json_t *res = json_pack("{s:s}", "cniVersion", cni_version_name(s->version));
	json_t *copy = prev ? json_deep_copy(prev) : json_object();

	json_object_update_missing(res, copy);
	json_decref(copy);
	return res;
}

static json_t *new_result(const struct shape *s, const json_t *prev)
{
	json_t *res = previous(s, prev);
	json_t *interfaces = list_of(res, "interfaces"), *ips = list_of(res, "ips");
	json_t *routes = list_of(res, "routes");
	size_t first = json_array_size(interfaces);

	json_array_append_new(interfaces, interface(s, true, NULL));
	json_array_append_new(interfaces, interface(s, false, s->rec->netns));
	for (int f = 0; f < __SL_FAMILY_MAX; f++)
		if (has(s, f)) {
			json_array_append_new(ips, ip(s, f, first + 1));
			json_array_append_new(routes, route(s, f));
		}
	return res;
}

json_t *cni_result(const struct cni_conf *conf, const struct record *rec,
		   const union sl_addr gateway[__SL_FAMILY_MAX])
{
	struct shape s = {.version = conf->version, .rec = rec, .gateway = gateway};
	json_t *res = s.version < CNI_VERSION_0_3_0 ? old_result(&s) :
						      new_result(&s, conf->prev_result);

	if (!res)
		return NULL;
	if (!json_object_size(json_object_get(res, "dns")))
		json_object_set_new(res, "dns",
				    conf->dns ? json_deep_copy(conf->dns) : json_object());
	return res;
}
