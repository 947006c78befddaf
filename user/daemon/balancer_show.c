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

bool balancer_claim_is_served(const struct svc_claim *c)
{
	const struct svc_claim *winner = bal_front_winner(c->front);

	return winner && winner->port == c->port && c->front->written.svc == c->port->id &&
	       !(c->addr && c->addr->full);
}

bool balancer_claim_why(const struct svc_claim *c, char *buf, size_t len)
{
	const struct svc_claim *winner = bal_front_winner(c->front);
	const struct model_service *to = winner ? winner->port->state->svc : NULL;

	if (winner && winner->port != c->port)
		snprintf(buf, len, "already used by Service %s/%s", to->ns->s, to->name->s);
	else if (c->front->full)
		snprintf(buf, len, "the table of frontends is full");
	else if (c->addr && c->addr->full)
		snprintf(buf, len, "the table of addresses is full");
	else
		return false;
	return true;
}

static int warn_claims(const struct svc_front *f, const struct warning *w)
{
	const struct svc_claim *c, *winner = bal_front_winner(f);
	char text[TEXT_MAX], why[TEXT_MAX];
	int n, err = 0;

	for (c = f->claims; !err && c; c = c->next) {
		/* of one port that asks twice, one says it */
		if ((c->port == winner->port && c != winner) ||
		    !balancer_claim_why(c, why, sizeof(why)))
			continue;
		n = describe(c, text, sizeof(text));
		snprintf(text + n, sizeof(text) - n, " is %s%s",
			 c->port == winner->port ? "not served: " : "", why);
		err = w->cb(w->arg, c->port->state->svc, text);
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

static int warn_dsr(struct model_service *s, void *arg)
{
	const struct warning *w = arg;

	if (!s->obj || !plan_is_dsr(s->obj, true) || plan_why_not(s->obj))
		return 0;
	return w->cb(w->arg, s, "sluice.dev/forwarding: dsr has no effect: the nodes have no tunnel "
		     "(--encap) to send packets of clients through as they are");
}

int balancer_warnings(const struct balancer *b, warn_fn *cb, void *arg)
{
	struct warning w = { cb, arg };
	struct hnode *n;
	int err = 0;

	for (n = htab_walk(&b->fronts, NULL); !err && n; n = htab_walk(&b->fronts, n))
		err = warn_claims(container_of(n, struct svc_front, node), &w);
	if (!err)
		err = b->ops->each(b->m, warn_full, &w);
	if (!err && !b->tunnel)
		err = b->ops->each(b->m, warn_dsr, &w);
	return err;
}
