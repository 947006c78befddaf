// SPDX-License-Identifier: GPL-2.0
/* The wanted tables; see plan.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "daemon/plan.h"

void plan_init(struct plan *p)
{
	memset(p, 0, sizeof(*p));
	lpm_init(&p->class, sizeof(__u32));
	btab_init(&p->rule, sizeof(struct sl_rule_key), sizeof(struct sl_rule_val));
	btab_init(&p->port, sizeof(struct sl_port_key), sizeof(struct sl_port_val));
	p->class_log.ksize = sizeof(struct sl_prefix);
	p->rule_log.ksize = p->rule.ksize;
	p->port_log.ksize = p->port.ksize;
}

void plan_exit(struct plan *p)
{
	lpm_exit(&p->class);
	btab_exit(&p->rule);
	btab_exit(&p->port);
	free(p->class_log.key);
	free(p->rule_log.key);
	free(p->port_log.key);
}

static void note(struct keylog *l, const void *key)
{
	size_t cap = l->cap ? l->cap * 2 : 64;
	unsigned char *k;

	if (l->n == l->cap) {
		k = realloc(l->key, cap * l->ksize);
		if (!k) {
			l->lost = true;
			return;
		}
		l->key = k;
		l->cap = cap;
	}
	memcpy(l->key + l->n++ * l->ksize, key, l->ksize);
}

static int set(struct btab *t, struct keylog *l, const void *key, const void *val)
{
	const void *old = btab_get(t, key);
	int err;

	if (old && !memcmp(old, val, t->vsize))
		return 0;
	err = btab_set(t, key, val);
	if (!err)
		note(l, key);
	return err;
}

static void del(struct btab *t, struct keylog *l, const void *key)
{
	if (btab_del(t, key))
		note(l, key);
}

int plan_set_class(struct plan *p, const struct sl_prefix *key, __u32 id)
{
	const __u32 *old = lpm_get(&p->class, key);
	int err;

	if (old && *old == id)
		return 0;
	err = lpm_set(&p->class, key, &id);
	if (!err)
		note(&p->class_log, key);
	return err;
}

int plan_set_rule(struct plan *p, const struct sl_rule_key *key, const struct sl_rule_val *val)
{
	return set(&p->rule, &p->rule_log, key, val);
}

int plan_set_port(struct plan *p, const struct sl_port_key *key, const struct sl_port_val *val)
{
	return set(&p->port, &p->port_log, key, val);
}

void plan_del_class(struct plan *p, const struct sl_prefix *key)
{
	if (lpm_del(&p->class, key))
		note(&p->class_log, key);
}

void plan_del_rule(struct plan *p, const struct sl_rule_key *key)
{
	del(&p->rule, &p->rule_log, key);
}

void plan_del_port(struct plan *p, const struct sl_port_key *key)
{
	del(&p->port, &p->port_log, key);
}

static void forget(struct keylog *l)
{
	l->n = 0;
	l->lost = false;
	/* the log of a first compile is as large as the tables */
	if (l->cap > 4096) {
		free(l->key);
		l->key = NULL;
		l->cap = 0;
	}
}

void plan_settle(struct plan *p)
{
	forget(&p->class_log);
	forget(&p->rule_log);
	forget(&p->port_log);
	p->ep_changed = false;
}

static bool is_empty(const struct keylog *l)
{
	return !l->n && !l->lost;
}

bool plan_is_settled(const struct plan *p)
{
	return is_empty(&p->class_log) && is_empty(&p->rule_log) && is_empty(&p->port_log) &&
	       !p->ep_changed;
}

struct plan_ep *plan_ep_touch(struct plan *p, __u32 id)
{
	p->ep_changed = true;
	return &p->ep[id];
}

/* ------------------------------------------------------------------ JSON */

static json_t *class_entries(const struct plan *p)
{
	json_t *out = json_object();
	char buf[SLUICE_PREFIX_STRLEN];
	const void *key;
	size_t pos = 0;
	void *val;

	while (btab_walk(&p->class.t, &pos, &key, &val))
		json_object_set_new(out, sluice_prefix_format(key, buf),
				    json_integer(*(__u32 *)val));
	return out;
}

static json_t *rule_entry(const struct sl_rule_val *v)
{
	static const char *const verdicts[] = { "deny", "allow", "ports" };
	json_t *j = json_pack("{s:s, s:i, s:I}", "verdict", verdicts[v->verdict], "tier", v->tier,
			      "rule", (json_int_t)v->rule);

	if (v->verdict == SL_VERDICT_PORTS) {
		json_object_set_new(j, "deny", json_integer(v->deny));
		json_object_set_new(j, "ports", json_integer(v->ports));
	}
	return j;
}

static json_t *rule_entries(const struct plan *p)
{
	json_t *out = json_object();
	const struct sl_rule_key *k;
	const void *key;
	char buf[64];
	size_t pos = 0;
	void *val;

	while (btab_walk(&p->rule, &pos, &key, &val)) {
		k = key;
		snprintf(buf, sizeof(buf), "%u %s %u", k->set >> 1,
			 k->set & 1 ? "egress" : "ingress", k->class_id);
		if (k->class_id == SL_CLASS_ANY)
			snprintf(buf, sizeof(buf), "%u %s any", k->set >> 1,
				 k->set & 1 ? "egress" : "ingress");
		json_object_set_new(out, buf, rule_entry(val));
	}
	return out;
}

static json_t *port_entries(const struct plan *p)
{
	json_t *out = json_object();
	const struct sl_port_key *k;
	const struct sl_port_val *v;
	const void *key;
	char buf[64];
	size_t pos = 0;
	void *val;

	while (btab_walk(&p->port, &pos, &key, &val)) {
		k = key;
		v = val;
		if (k->prefixlen <= SL_PORT_PLEN_PROTO)
			snprintf(buf, sizeof(buf), "%u %u", k->ports, k->proto);
		else
			snprintf(buf, sizeof(buf), "%u %u %u/%u", k->ports, k->proto,
				 k->port[0] << 8 | k->port[1], k->prefixlen - SL_PORT_PLEN_PROTO);
		json_object_set_new(out, buf,
				    json_pack("{s:s, s:I}", "verdict",
					      v->verdict == SL_VERDICT_ALLOW ? "allow" : "deny",
					      "rule", (json_int_t)v->rule));
	}
	return out;
}

static json_t *endpoints(const struct plan *p)
{
	json_t *out = json_object();
	const struct plan_ep *ep;
	char id[16];
	__u32 i;

	for (i = 1; i < SL_EP_MAX; i++) {
		ep = &p->ep[i];
		if (!ep->used)
			continue;
		snprintf(id, sizeof(id), "%u", i);
		json_object_set_new(out, id,
				    json_pack("{s:I, s:b, s:b, s:[I, I]}", "ruleSet",
					      (json_int_t)ep->set, "isolatedIngress",
					      ep->isolated[SL_DIR_INGRESS], "isolatedEgress",
					      ep->isolated[SL_DIR_EGRESS], "classes",
					      (json_int_t)ep->class_id[SL_FAMILY_V4],
					      (json_int_t)ep->class_id[SL_FAMILY_V6]));
	}
	return out;
}

json_t *plan_json(const struct plan *p)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "classes", class_entries(p), "rules",
			 rule_entries(p), "ports", port_entries(p), "endpoints", endpoints(p));
}
