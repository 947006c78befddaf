// SPDX-License-Identifier: GPL-2.0
/* What is not as somebody asked for; see balancer.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include "daemon/balancer_impl.h"

#define TEXT_MAX 1024			/* two names and an address */

typedef int warn_fn(void *arg, const struct model_service *s, const char *text);

struct warning {
	warn_fn *cb;
	void *arg;
};

/* "port 80/TCP: address 192.0.2.1", "port 80/TCP: node port 30080". */
static int describe(const struct svc_claim *c, char *buf, size_t len)
{
	const struct plan_port *p = &c->port->plan;
	char addr[INET6_ADDRSTRLEN];

	if (!c->addr)
		return snprintf(buf, len, "port %u/%s: node port %u", p->port,
				object_proto_name(p->proto), ntohs(c->plan->key.port));
	return snprintf(buf, len, "port %u/%s: address %s", p->port, object_proto_name(p->proto),
			sluice_addr_format(&c->plan->key.addr, addr));
}

static int warn_claims(const struct svc_front *f, const struct warning *w)
{
	const struct svc_claim *c, *winner = bal_front_winner(f);
	const struct model_service *to, *s;
	char text[TEXT_MAX];
	int n, err = 0;

	for (c = f->claims; !err && c; c = c->next) {
		s = c->port->state->svc;
		to = winner->port->state->svc;
		n = describe(c, text, sizeof(text));
		if (c->port != winner->port)
			snprintf(text + n, sizeof(text) - n, " is already used by Service %s/%s",
				 to->ns->s, to->name->s);
		else if (c == winner && f->full)
			snprintf(text + n, sizeof(text) - n,
				 " is not served: the table of frontends is full");
		else if (c == winner && c->addr && c->addr->full)
			snprintf(text + n, sizeof(text) - n,
				 " is not served: the table of addresses is full");
		else
			continue;
		err = w->cb(w->arg, s, text);
	}
	return err;
}

static int warn_full(struct model_service *s, void *arg)
{
	const struct warning *w = arg;
	char text[TEXT_MAX];

	if (!s->state || !s->state->full)
		return 0;
	snprintf(text, sizeof(text), "the table of %s has no room: what was in force stays",
		 s->state->full);
	return w->cb(w->arg, s, text);
}

int balancer_warnings(const struct balancer *b, warn_fn *cb, void *arg)
{
	struct warning w = { cb, arg };
	struct hnode *n;
	int err = 0;

	for (n = htab_walk(&b->fronts, NULL); !err && n; n = htab_walk(&b->fronts, n))
		err = warn_claims(container_of(n, struct svc_front, node), &w);
	return err ? err : b->ops->each(b->m, warn_full, &w);
}
