// SPDX-License-Identifier: GPL-2.0
/* Flows chosen by filters, read from the dataplane; the daemon gives names only. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "abi_name.h"
#include "flowset.h"
#include "names.h"
#include "value.h"

struct filter {
	struct cli *cli;
	struct flowset *set;
	const char *pod, *state;
	struct sl_prefix prefix;
	bool by_prefix;
	__be16 port;			/* 0: any */
	int proto;			/* -1: any */
};

const char *const flow_states[] = { "new", "replied", "established", "closing", "one-way", NULL };

bool flow_filter_given(const struct cli *cli)
{
	return cli_given(cli, "pod") || cli_given(cli, "ip") || cli_given(cli, "proto") ||
	       cli_given(cli, "port") || cli_given(cli, "state");
}

const char *flow_state_name(const struct sl_flow *f)
{
	if (f->dir[0].flags & SL_FLOW_DIR_DSR && f->state == SL_FLOW_NEW)
		return "one-way";
	return abi_name("flow", "state", f->state);
}

__u64 flow_packets(const struct sl_flow *f)
{
	return f->dir[0].packets + f->dir[1].packets;
}

__u64 flow_bytes(const struct sl_flow *f)
{
	return f->dir[0].bytes + f->dir[1].bytes;
}

/* What the parser checked cannot be wrong here. */
static void filter_init(struct filter *f, struct cli *cli, struct flowset *set)
{
	__u16 port = 0;

	*f = (struct filter){ .cli = cli, .set = set, .proto = -1 };
	f->pod = cli_text(cli, "pod");
	f->state = cli_text(cli, "state");
	f->by_prefix = cli_given(cli, "ip");
	if (f->by_prefix)
		value_prefix(cli_text(cli, "ip"), &f->prefix);
	if (cli_given(cli, "proto"))
		value_proto(cli_text(cli, "proto"), &f->proto);
	if (cli_given(cli, "port"))
		value_port(cli_text(cli, "port"), &port);
	f->port = htons(port);
}

static bool is_pod(const struct filter *f, const struct sl_tuple *key, const struct sl_flow *flow,
		   int end)
{
	const char *name = name_of_endpoint(f->cli, flow->ep[end]);

	if (!name)
		name = name_of_address(f->cli, &key->addr[end]);
	return name && !strcmp(name, f->pod);
}

/* ICMP keeps its identifier where others have ports. */
static bool has_port(const struct filter *f, const struct sl_tuple *key)
{
	if (key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6)
		return false;
	return key->port[0] == f->port || key->port[1] == f->port;
}

static bool matches(const struct filter *f, const struct sl_tuple *key, const struct sl_flow *flow)
{
	if (f->proto >= 0 && key->proto != f->proto)
		return false;
	if (f->port && !has_port(f, key))
		return false;
	if (f->state && strcmp(f->state, flow_state_name(flow)))
		return false;
	if (f->by_prefix && !sluice_prefix_contains(&f->prefix, &key->addr[0]) &&
	    !sluice_prefix_contains(&f->prefix, &key->addr[1]))
		return false;
	return !f->pod || is_pod(f, key, flow, 0) || is_pod(f, key, flow, 1);
}

static int take(void *arg, const struct sl_tuple *key, const struct sl_flow *flow, bool half)
{
	struct filter *f = arg;
	struct flowset *set = f->set;

	if (!matches(f, key, flow))
		return 0;
	if (set->n == set->cap) {
		size_t cap = set->cap ? set->cap * 2 : 256;
		struct flow_entry *flows = reallocarray(set->flows, cap, sizeof(*flows));

		if (!flows)
			return -ENOMEM;
		set->flows = flows;
		set->cap = cap;
	}
	set->flows[set->n++] = (struct flow_entry){ *key, *flow, half };
	return 0;
}

int flowset_read(struct cli *cli, struct flowset *set)
{
	struct sluice *sl = cli_dataplane(cli);
	struct filter f;
	int err;

	*set = (struct flowset){ 0 };
	if (!sl)
		return CLI_FAILED;
	filter_init(&f, cli, set);
	/* A filter that cannot be applied must not choose everything, nor nothing. */
	if (f.pod && !names_known(cli))
		return cli_fail(cli, "--pod needs the daemon, which knows the pods' names: use "
				"--ip instead");
	err = sluice_flow_each(sl, take, &f);
	if (err)
		return cli_fail(cli, "flows cannot be read: %s", strerror(-err));
	return CLI_OK;
}

void flowset_free(struct flowset *set)
{
	free(set->flows);
	*set = (struct flowset){ 0 };
}
