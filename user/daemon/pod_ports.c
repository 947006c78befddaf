// SPDX-License-Identifier: GPL-2.0
/* Named ports of pods; see pod_ports.h. */
#include <stdlib.h>
#include "daemon/pod_ports.h"

static struct htab lists;

static void put_names(struct pod_port *port, unsigned int n)
{
	while (n)
		str_put(port[--n].name);
}

void pod_port_list_free(struct pod_port *port, unsigned int n)
{
	put_names(port, n);
	free(port);
}

static uint64_t list_hash(const struct pod_port *port, unsigned int n)
{
	uint64_t h = hash_u64(0x9047, n);
	unsigned int i;

	for (i = 0; i < n; i++) {
		h = hash_u64(h, port[i].name->node.hash);
		h = hash_u64(h, port[i].port << 8 | port[i].proto);
	}
	return h;
}

static bool list_is(const struct pod_ports *p, const struct pod_port *port, unsigned int n)
{
	unsigned int i;

	for (i = 0; p->n == n && i < n; i++)
		if (p->port[i].name != port[i].name || p->port[i].port != port[i].port ||
		    p->port[i].proto != port[i].proto)
			return false;
	return p->n == n;
}

struct pod_ports *pod_ports_get(struct pod_port *port, unsigned int n)
{
	uint64_t hash = list_hash(port, n);
	struct pod_ports *p;
	struct hnode *e;

	htab_each_hash(&lists, e, hash) {
		p = container_of(e, struct pod_ports, node);
		if (list_is(p, port, n)) {
			pod_port_list_free(port, n);
			return pod_ports_ref(p);
		}
	}
	p = malloc(sizeof(*p) + n * sizeof(*port));
	if (!p || htab_add(&lists, &p->node, hash)) {
		free(p);
		pod_port_list_free(port, n);
		return NULL;
	}
	p->refs = 1;
	p->n = n;
	memcpy(p->port, port, n * sizeof(*port));
	free(port);
	return p;
}

struct pod_ports *pod_ports_ref(struct pod_ports *p)
{
	if (p)
		p->refs++;
	return p;
}

void pod_ports_put(struct pod_ports *p)
{
	if (!p || --p->refs)
		return;
	htab_del(&lists, &p->node);
	put_names(p->port, p->n);
	free(p);
	if (!lists.count)
		htab_exit(&lists);
}

__u16 pod_ports_number(const struct pod_ports *p, const struct str *name, __u8 proto)
{
	unsigned int i;

	for (i = 0; p && i < p->n; i++)
		if (p->port[i].name == name && p->port[i].proto == proto)
			return p->port[i].port;
	return 0;
}
