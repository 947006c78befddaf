// SPDX-License-Identifier: GPL-2.0
/*
 * v1 Service, with the checks and the defaults of the API server
 * (k8s.io/kubernetes pkg/apis/core validation and v1 defaults). Read leniently:
 * what is not used is not looked at. Addresses and node ports are as they have
 * been allotted: nobody allots any here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "daemon/object_service.h"
#include "daemon/parse.h"

#define AFFINITY_DEFAULT_S	10800
#define AFFINITY_MAX_S		86400

/* ------------------------------------------------------------------ ports */

/* 0 is as good as missing. */
static int optional_port(const struct parse *p, const struct path *at, const struct tree *t,
			 __u16 *out)
{
	static const struct port_range range = { 0, "1 to 65535, or 0 for none" };

	*out = 0;
	return t ? parse_port_in(p, at, t, &range, out) : 0;
}

static int service_port(const struct parse *p, const struct path *at, const struct tree *t,
			struct service_port *out)
{
	const struct tree *sub;
	struct path sp;
	int err = parse_map(p, at, t, NULL);

	if (err)
		return err;
	*out = (struct service_port){};
	sub = parse_field(t, "port", at, &sp);
	if (!sub)
		return parse_fail(p, &sp, t, "is missing: 1 to 65535");
	err = parse_port_number(p, &sp, sub, &out->port);
	sub = parse_field(t, "nodePort", at, &sp);
	if (!err)
		err = optional_port(p, &sp, sub, &out->node_port);
	return err ? err : parse_proto_name(p, at, t, &out->proto, &out->name);
}

/* What no two ports of a service have in common. */
enum unique { UNIQUE_NAME, UNIQUE_PORT, UNIQUE_NODE_PORT, __UNIQUE_MAX };

static __u64 unique_key(const struct service_port *port, enum unique what)
{
	switch (what) {
	case UNIQUE_NAME:
		return (uintptr_t)port->name;
	case UNIQUE_PORT:
		return (__u64)port->proto << 16 | port->port;
	default:
		return port->node_port ? (__u64)port->proto << 16 | port->node_port : 0;
	}
}

static int check_unique(const struct parse *p, const struct path *at, const struct tree *list,
			const struct object_service *svc)
{
	static const struct {
		const char *field, *fault;
	} unique[__UNIQUE_MAX] = {
		[UNIQUE_NAME] = { "name", "another port has the same name" },
		[UNIQUE_PORT] = { "port", "another port has the same number and protocol" },
		[UNIQUE_NODE_PORT] = { "nodePort", "another port has the same for its protocol" },
	};
	struct parse_key *v = calloc(svc->nports, sizeof(*v));
	struct path item = { at, NULL, 0 }, sub = { &item, NULL, 0 };
	unsigned int what, i;
	int twice, err = 0;

	if (!v)
		return -ENOMEM;
	for (what = 0; !err && what < __UNIQUE_MAX; what++) {
		for (i = 0; i < svc->nports; i++)
			v[i] = (struct parse_key){ unique_key(&svc->port[i], what), i };
		twice = parse_repeated(v, svc->nports);
		if (twice < 0)
			continue;
		item.index = twice;
		sub.key = unique[what].field;
		err = parse_fail(p, &sub, list->item[twice], "%s", unique[what].fault);
	}
	free(v);
	return err;
}

/* Which need each other, by what the service is. */
static int check_port(const struct parse *p, const struct path *at, const struct tree *t,
		      const struct object_service *svc, const struct service_port *port)
{
	struct path sub = { at, "name", 0 };

	if (svc->nports > 1 && !port->name)
		return parse_fail(p, &sub, t, "is missing: each of several ports has a name");
	sub.key = "nodePort";
	if (port->node_port && svc->type == SERVICE_CLUSTER_IP)
		return parse_fail(p, &sub, t, "is for type NodePort or LoadBalancer");
	return 0;
}

static int check_ports(const struct parse *p, const struct path *at, const struct tree *list,
		       const struct object_service *svc)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < svc->nports; i++) {
		struct path item = { at, NULL, i };

		err = check_port(p, &item, list->item[i], svc, &svc->port[i]);
	}
	return err || !svc->nports ? err : check_unique(p, at, list, svc);
}

/* ------------------------------------------------------------------- type */

static int choose(const struct parse *p, const struct path *at, const struct tree *map,
		  const char *key, const char *const *names)
{
	struct path sub;
	const struct tree *t = parse_given(map, key, at, &sub);
	unsigned int i = 0;
	int err = t ? parse_choice(p, &sub, t, names, &i) : 0;

	return err ? err : (int)i;
}

static int read_choices(const struct parse *p, const struct path *at, const struct tree *spec,
			struct object_service *svc)
{
	static const char *const policies[] = { "Cluster", "Local", NULL };
	const char *types[__SERVICE_TYPE_MAX + 1] = {};
	int v;

	for (v = 0; v < __SERVICE_TYPE_MAX; v++)
		types[v] = object_service_type_name(v);
	v = choose(p, at, spec, "type", types);
	if (v < 0)
		return v;
	svc->type = v;
	v = choose(p, at, spec, "internalTrafficPolicy", policies);
	if (v < 0)
		return v;
	svc->internal_local = v;
	v = choose(p, at, spec, "externalTrafficPolicy", policies);
	if (v < 0)
		return v;
	svc->external_local = v;
	return 0;
}

/* A preference: one that is not known yet must not keep the service from being served. */
static int read_distribution(const struct parse *p, const struct path *at,
			     const struct tree *spec, struct object_service *svc)
{
	struct path sub;
	const struct tree *t = parse_given(spec, "trafficDistribution", at, &sub);
	const char *s = "";
	int err = t ? parse_string(p, &sub, t, &s) : 0;

	if (err || !t)
		return err;
	if (!strcmp(s, "PreferClose") || !strcmp(s, "PreferSameZone"))
		svc->distribution = SERVICE_PREFER_ZONE;
	else if (!strcmp(s, "PreferSameNode"))
		svc->distribution = SERVICE_PREFER_NODE;
	else
		parse_doubt(p, DIAG_WARNING, &sub, t,
			    "\"%.64s\" is not known and has no effect: PreferSameZone, PreferClose or PreferSameNode",
			    s);
	return 0;
}

static int read_affinity(const struct parse *p, const struct path *at, const struct tree *spec,
			 struct object_service *svc)
{
	static const char *const names[] = { "None", "ClientIP", NULL };
	struct path config, client, sub;
	const struct tree *t;
	long v = AFFINITY_DEFAULT_S;
	int err = choose(p, at, spec, "sessionAffinity", names);

	/* of None the API server drops the rest */
	if (err <= 0)
		return err;
	t = parse_field(spec, "sessionAffinityConfig", at, &config);
	t = parse_field(t, "clientIP", &config, &client);
	t = parse_field(t, "timeoutSeconds", &client, &sub);
	err = t ? parse_int(p, &sub, t, &v) : 0;
	if (!err && (v < 1 || v > AFFINITY_MAX_S))
		err = parse_fail(p, &sub, t, "%ld: 1 to %d seconds", v, AFFINITY_MAX_S);
	svc->affinity_s = v;
	return err;
}

static int read_options(const struct parse *p, const struct path *at, const struct tree *spec,
			struct object_service *svc)
{
	struct path sub;
	const struct tree *t;
	int err = read_distribution(p, at, spec, svc);

	if (!err)
		err = read_affinity(p, at, spec, svc);
	t = parse_field(spec, "publishNotReadyAddresses", at, &sub);
	if (!err && t)
		err = parse_bool(p, &sub, t, &svc->publish_not_ready);
	t = parse_field(spec, "healthCheckNodePort", at, &sub);
	if (!err)
		err = optional_port(p, &sub, t, &svc->health_port);
	if (!err && svc->health_port &&
	    (svc->type != SERVICE_LOAD_BALANCER || !svc->external_local))
		err = parse_fail(p, &sub, t,
				 "is for type LoadBalancer with externalTrafficPolicy Local");
	return err;
}

/* -------------------------------------------------------------- addresses */

static int add_addr(union sl_addr **list, unsigned int *n, const union sl_addr *a)
{
	union sl_addr *v = realloc(*list, (*n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	*list = v;
	v[(*n)++] = *a;
	return 0;
}

static int cluster_ip(const struct parse *p, const struct path *at, const struct tree *t,
		      struct object_service *svc)
{
	union sl_addr a;
	int err;

	if (t->type == TREE_STRING && !strcmp(t->s, "None")) {
		svc->headless = true;
		if (svc->type == SERVICE_NODE_PORT || svc->type == SERVICE_LOAD_BALANCER)
			return parse_fail(p, at, t, "None is not for type %s",
					  object_service_type_name(svc->type));
		return svc->ncluster_ip ? parse_fail(p, at, t, "None stands alone") : 0;
	}
	err = parse_global_ip(p, at, t, &a);
	if (err)
		return err;
	if (svc->headless)
		return parse_fail(p, at, t, "None stands alone");
	if (svc->ncluster_ip &&
	    (svc->ncluster_ip > 1 ||
	     sluice_addr_is_v4(&a) == sluice_addr_is_v4(&svc->cluster_ip[0])))
		return parse_fail(p, at, t, "a service has one address of each family");
	return add_addr(&svc->cluster_ip, &svc->ncluster_ip, &a);
}

/* clusterIP is the first of clusterIPs; either may be missing. */
static int read_cluster_ips(const struct parse *p, const struct path *at,
			    const struct tree *spec, struct object_service *svc)
{
	struct path lp, sub;
	const struct tree *list = parse_field(spec, "clusterIPs", at, &lp);
	const struct tree *one = parse_given(spec, "clusterIP", at, &sub);
	const char *s;
	unsigned int i;
	int err = list ? parse_type(p, &lp, list, TREE_SEQ) : 0;

	if (!err && one)
		err = parse_string(p, &sub, one, &s);
	for (i = 0; !err && list && i < list->n; i++) {
		struct path item = { &lp, NULL, i };

		err = cluster_ip(p, &item, list->item[i], svc);
	}
	if (err || !one)
		return err;
	if (!list || !list->n)
		return cluster_ip(p, &sub, one, svc);
	if (strcmp(s, list->item[0]->s))
		return parse_fail(p, &sub, one, "must be the first of clusterIPs, %.64s",
				  list->item[0]->s);
	return 0;
}

static int read_external_ips(const struct parse *p, const struct path *at,
			     const struct tree *spec, struct object_service *svc)
{
	struct path lp;
	const struct tree *list = parse_field(spec, "externalIPs", at, &lp);
	union sl_addr a;
	unsigned int i;
	int err = list ? parse_type(p, &lp, list, TREE_SEQ) : 0;

	for (i = 0; !err && list && i < list->n; i++) {
		struct path item = { &lp, NULL, i };

		err = parse_global_ip(p, &item, list->item[i], &a);
		if (!err)
			err = add_addr(&svc->external_ip, &svc->nexternal_ip, &a);
	}
	return err;
}

/* One ingress of the load balancer: by name, or one that sends on by node port, is not ours. */
static int ingress(const struct parse *p, const struct path *at, const struct tree *t,
		   struct object_service *svc)
{
	static const char *const modes[] = { "VIP", "Proxy", NULL };
	const struct tree *ip;
	union sl_addr a;
	struct path sub;
	int err = parse_map(p, at, t, NULL), mode;

	if (err)
		return err;
	mode = choose(p, at, t, "ipMode", modes);
	ip = parse_given(t, "ip", at, &sub);
	if (mode || !ip)
		return mode < 0 ? mode : 0;
	err = parse_host_ip(p, &sub, ip, &a);
	return err ? err : add_addr(&svc->lb_ip, &svc->nlb_ip, &a);
}

static int read_ingress(const struct parse *p, const struct tree *doc, const struct path *at,
			struct object_service *svc)
{
	struct path status, lb, lp;
	const struct tree *list;
	unsigned int i;
	int err;

	list = parse_field(doc, "status", at, &status);
	list = parse_field(list, "loadBalancer", &status, &lb);
	list = parse_field(list, "ingress", &lb, &lp);
	/* what is left of another type's days */
	if (!list || svc->type != SERVICE_LOAD_BALANCER)
		return 0;
	err = parse_type(p, &lp, list, TREE_SEQ);
	for (i = 0; !err && i < list->n; i++) {
		struct path item = { &lp, NULL, i };

		err = ingress(p, &item, list->item[i], svc);
	}
	return err;
}

/* -------------------------------------------------------------- allowed sources */

/* One prefix, with spaces around it, which have always been let through. */
static int add_range(const struct parse *p, const struct path *at, const struct tree *t,
		     const char *s, size_t len, struct object_service *svc)
{
	char buf[SLUICE_PREFIX_STRLEN] = "";
	struct sl_prefix *v;

	for (; len && strchr(" \t\r\n", *s); s++, len--)
		;
	for (; len && strchr(" \t\r\n", s[len - 1]); len--)
		;
	v = realloc(svc->range, (svc->nranges + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	svc->range = v;
	if (len < sizeof(buf))
		memcpy(buf, s, len);
	if (sluice_prefix_parse(buf, true, &v[svc->nranges]))
		return parse_fail(p, at, t, "\"%.*s\" is no prefix: write it as 10.0.0.0/8 or fd00::/8",
				  len < 64 ? (int)len : 64, s);
	svc->nranges++;
	return 0;
}

static int only_for_balancers(const struct parse *p, const struct path *at, const struct tree *t,
			      const struct object_service *svc)
{
	if (svc->type == SERVICE_LOAD_BALANCER)
		return 0;
	return parse_fail(p, at, t, "is for type LoadBalancer");
}

/* What was there before the field; it counts where the field is empty. */
static int annotated_ranges(const struct parse *p, const struct tree *doc, const struct path *at,
			    struct object_service *svc)
{
	struct meta_path where;
	const struct tree *t = parse_meta(doc, "annotations",
					  "service.beta.kubernetes.io/load-balancer-source-ranges",
					  at, &where);
	const char *s;
	size_t len;
	int err = t ? parse_string(p, &where.key, t, &s) : 0;

	if (!t || err)
		return err;
	err = only_for_balancers(p, &where.key, t, svc);
	if (err || !s[strspn(s, " \t\r\n")])
		return err;
	for (;; s += len + 1) {
		len = strcspn(s, ",");
		err = add_range(p, &where.key, t, s, len, svc);
		if (err || !s[len])
			return err;
	}
}

static int read_ranges(const struct parse *p, const struct tree *doc, const struct path *at,
		       struct object_service *svc)
{
	struct path sp, lp;
	const struct tree *list = parse_field(doc, "spec", at, &sp);
	const char *s;
	unsigned int i;
	int err;

	list = parse_field(list, "loadBalancerSourceRanges", &sp, &lp);
	err = list ? parse_type(p, &lp, list, TREE_SEQ) : 0;
	if (err)
		return err;
	if (!list || !list->n)
		return annotated_ranges(p, doc, at, svc);
	err = only_for_balancers(p, &lp, list, svc);
	for (i = 0; !err && i < list->n; i++) {
		struct path item = { &lp, NULL, i };

		err = parse_string(p, &item, list->item[i], &s);
		if (!err)
			err = add_range(p, &item, list->item[i], s, strlen(s), svc);
	}
	return err;
}

/* --------------------------------------------------------------- metadata */

/* RFC 3339, as metav1.Time is written: 2024-02-29T12:00:00Z. */
static int read_created(const struct parse *p, const struct tree *doc, const struct path *at,
			struct object_service *svc)
{
	struct path mp, sub;
	const struct tree *t = parse_field(doc, "metadata", at, &mp);
	struct tm tm = {};
	const char *s, *end;
	time_t when;
	int err;

	t = parse_field(t, "creationTimestamp", &mp, &sub);
	if (!t)
		return 0;
	err = parse_string(p, &sub, t, &s);
	if (err)
		return err;
	end = strptime(s, "%Y-%m-%dT%H:%M:%S%z", &tm);
	/* timegm() reads UTC whatever the offset says, and clears it */
	when = -tm.tm_gmtoff;
	when += timegm(&tm);
	if (!end || *end || when < 0)
		return parse_fail(p, &sub, t, "\"%.64s\" is no time: write it as 2024-02-29T12:00:00Z",
				  s);
	svc->created = when;
	return 0;
}

static int read_metadata(const struct parse *p, const struct tree *doc, const struct path *at,
			 struct object_service *svc)
{
	static const char *const balance[] = { "maglev", "random" };
	static const char *const yes[] = { "true", "false" };
	static const char *const forwarding[] = { "dsr", "snat" };
	const struct tree *labels = tree_get(tree_get(doc, "metadata"), "labels");
	int v = parse_annotation(p, doc, at, "sluice.dev/load-balancing", balance);

	if (v < 0)
		return v;
	svc->balance = v;
	v = parse_annotation(p, doc, at, "sluice.dev/reset-on-endpoint-removal", yes);
	if (v < 0)
		return v;
	svc->reset = v == 1;
	v = parse_annotation(p, doc, at, "sluice.dev/forwarding", forwarding);
	if (v < 0)
		return v;
	svc->dsr = v == 1;
	/* kube-proxy passes over both: another proxy's, and what only DNS has a use for */
	if (tree_key(labels, "service.kubernetes.io/service-proxy-name") ||
	    tree_key(labels, "service.kubernetes.io/headless"))
		svc->headless = true;
	return read_created(p, doc, at, svc);
}

/* ---------------------------------------------------------------- service */

static int read_spec(const struct parse *p, const struct path *at, const struct tree *spec,
		     const struct tree *ports, struct object_service *svc)
{
	struct path lp = { at, "ports", 0 };
	unsigned int i;
	int err = read_choices(p, at, spec, svc);

	if (!err)
		err = read_cluster_ips(p, at, spec, svc);
	if (!err)
		err = read_external_ips(p, at, spec, svc);
	if (!err)
		err = read_options(p, at, spec, svc);
	for (i = 0; !err && ports && i < ports->n; i++) {
		struct path item = { &lp, NULL, i };

		err = service_port(p, &item, ports->item[i], &svc->port[svc->nports++]);
	}
	if (err)
		return err;
	if (!svc->nports && !svc->headless && svc->type != SERVICE_EXTERNAL_NAME)
		return parse_fail(p, &lp, ports ? ports : spec,
				  "is missing: a service has at least one");
	return check_ports(p, &lp, ports, svc);
}

/* What is doubtful is remembered: a daemon that reads from a server has nobody to tell at once. */
static int keep_doubt(const struct parse *p, struct object_service *svc)
{
	char text[sizeof(p->diag->field) + sizeof(p->diag->text) + 3];

	if (!p->diag->text[0])
		return 0;
	snprintf(text, sizeof(text), "%s: %s", p->diag->field, p->diag->text);
	return parse_str(text, &svc->doubt);
}

static int fill(const struct parse *p, const struct tree *doc, const struct path *at,
		const struct tree *ports, struct object_service *svc)
{
	struct path sp;
	const struct tree *spec = parse_field(doc, "spec", at, &sp);
	int err = read_spec(p, &sp, spec, ports, svc);

	if (!err)
		err = read_metadata(p, doc, at, svc);
	if (!err)
		err = read_ranges(p, doc, at, svc);
	if (!err)
		err = read_ingress(p, doc, at, svc);
	return err ? err : keep_doubt(p, svc);
}

int parse_service(const struct parse *p, const struct tree *doc, const struct path *at,
		  const struct object *key, struct object **out)
{
	struct path sp, lp;
	const struct tree *spec = parse_field(doc, "spec", at, &sp), *ports;
	struct object_service *svc;
	int err;

	if (!spec)
		return parse_fail(p, &sp, doc, "is missing");
	err = parse_map(p, &sp, spec, NULL);
	if (err)
		return err;
	ports = parse_field(spec, "ports", &sp, &lp);
	err = ports ? parse_type(p, &lp, ports, TREE_SEQ) : 0;
	if (err)
		return err;
	svc = calloc(1, sizeof(*svc) + (ports ? ports->n : 0) * sizeof(svc->port[0]));
	if (!svc)
		return -ENOMEM;
	svc->o = object_key(key);
	err = fill(p, doc, at, ports, svc);
	if (err)
		object_free(&svc->o);
	else
		*out = &svc->o;
	return err;
}
