// SPDX-License-Identifier: GPL-2.0
/* The two states, what makes the second one, and flows; see whatif.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "daemon/whatif_impl.h"

static void free_state(struct state *st)
{
	if (!st)
		return;
	compile_exit(&st->compiler);
	model_exit(&st->model);
	free(st);
}

static int new_state(const struct model *from, struct state **out)
{
	struct state *st = malloc(sizeof(*st));
	int err = -ENOMEM;

	if (!st)
		return -ENOMEM;
	err = model_init(&st->model);
	if (err)
		goto err_free;
	err = compile_init(&st->compiler, &st->model);
	if (err)
		goto err_model;
	err = model_copy(from, &st->model);
	if (err) {
		free_state(st);
		return err;
	}
	*out = st;
	return 0;

err_model:
	model_exit(&st->model);
err_free:
	free(st);
	return err;
}

int whatif_new(const struct policy *pol, struct whatif **out)
{
	struct whatif *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return -ENOMEM;
	w->pol = pol;
	w->objects = json_array();
	w->refused = json_array();
	w->flows = json_array();
	if (w->objects && w->refused && w->flows)
		err = new_state(&pol->model, &w->state[WAS]);
	if (!err)
		err = new_state(&pol->model, &w->state[WILL]);
	if (err) {
		whatif_free(w);
		return err;
	}
	*out = w;
	return 0;
}

void whatif_free(struct whatif *w)
{
	int s, d;

	if (!w)
		return;
	whatif_flips_free(w);
	whatif_outcomes_free(w);
	whatif_ends_free(w);
	for (s = 0; s < STATES; s++) {
		for (d = 0; d < __SL_DIR_MAX; d++)
			free(w->judgement[s][d].grant);
		free_state(w->state[s]);
	}
	json_decref(w->objects);
	json_decref(w->refused);
	json_decref(w->flows);
	free(w);
}

/* ------------------------------------------------------------------- changes */

static int note(struct whatif *w, int kind, const char *ns, const char *name, enum change change)
{
	static const char *const names[] = {
		[CHANGE_CREATED] = "created", [CHANGE_CHANGED] = "changed",
		[CHANGE_NONE] = "unchanged", [CHANGE_DELETED] = "deleted",
		[CHANGE_ABSENT] = "absent",
	};
	json_t *obj = json_pack("{s:s, s:s?, s:s, s:s}", "kind", object_kind_name(kind),
				"namespace", ns && *ns ? ns : NULL, "name", name, "change",
				names[change]);

	return json_array_append_new(w->objects, obj) ? -ENOMEM : 0;
}

int whatif_apply(struct whatif *w, struct object *obj)
{
	static const enum change changes[] = {
		[MODEL_CREATES] = CHANGE_CREATED, [MODEL_CHANGES] = CHANGE_CHANGED,
		[MODEL_KNOWS] = CHANGE_NONE,
	};
	struct model *m = &w->state[WILL]->model;
	const char *ns = obj->ns ? obj->ns->s : NULL;
	int err = note(w, obj->kind, ns, obj->name->s, changes[model_compare(m, obj)]);

	if (err) {
		object_free(obj);
		return err;
	}
	return model_apply(m, obj);
}

int whatif_delete(struct whatif *w, const struct object_id *id)
{
	int err = model_delete(&w->state[WILL]->model, id->kind, id->ns, id->name);

	if (err && err != -ENOENT)
		return err;
	return note(w, id->kind, id->ns, id->name, err ? CHANGE_ABSENT : CHANGE_DELETED);
}

int whatif_refuse(struct whatif *w, const struct object_id *id, const struct diag *diag)
{
	json_t *j = policy_refusal_json(id, diag);

	return json_array_append_new(w->refused, j) ? -ENOMEM : 0;
}

int whatif_compare(struct whatif *w)
{
	int err = whatif_ends(w);

	return err ? err : whatif_flips(w);
}

/* --------------------------------------------------------------------- flows */

/* What the endpoint @ep says to a flow of its own, in one state. */
static int ask_endpoint(struct whatif *w, int state, __u32 ep, enum sl_dir dir,
			const union sl_addr *peer, __u8 proto, __u16 port, struct says *out)
{
	struct state *st = w->state[state];
	struct judgement *j = &w->judgement[state][dir];
	const struct ruleset *r = ep < SL_EP_MAX ? st->model.ep[ep].ruleset : NULL;
	int err;

	*out = (struct says){ .allowed = true };
	if (!r || model_is_node_addr(&st->model, w->pol->node_name, peer))
		return 0;
	err = whatif_judge(st, r, dir, compile_class_at(&st->compiler, peer), j);
	if (!err)
		*out = whatif_says(r, dir, j, proto, port);
	return err;
}

static json_t *end_json(const struct whatif *w, const struct sl_tuple *key, int end)
{
	const struct model_addr *a = model_addr_find(&w->state[WAS]->model, &key->addr[end]);
	const struct model_pod *pod = a && a->nclaims == 1 ? model_addr_claim(a, 0).pod : NULL;
	char addr[SLUICE_ADDR_STRLEN];

	return json_pack("{s:s, s:i, s:o}", "address", sluice_addr_format(&key->addr[end], addr),
			 "port", (int)ntohs(key->port[end]), "pod",
			 pod ? json_sprintf("%s/%s", pod->ns->name->s, pod->name) : json_null());
}

static int note_flow(struct whatif *w, const struct sl_tuple *key, int from, enum sl_dir dir,
		     const struct says *says)
{
	json_t *j;

	if (w->nflows++ >= WHATIF_FLOWS_MAX)
		return 0;
	j = json_pack("{s:s, s:o, s:o, s:s, s:o}", "protocol", proto_text(key->proto), "source",
		      end_json(w, key, from), "destination", end_json(w, key, !from),
		      "direction", dir_name(dir), "decider", decider_json(says->by, says->tier, dir));
	return json_array_append_new(w->flows, j) ? -ENOMEM : 0;
}

int whatif_flow(struct whatif *w, const struct sl_tuple *key, const struct sl_flow *flow)
{
	bool icmp = key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6;
	struct says was, will;
	int from = flow->orig & 1, end, err;
	enum sl_dir dir;

	for (end = 0; end < 2; end++) {
		dir = end == from ? SL_DIR_EGRESS : SL_DIR_INGRESS;
		/* an administrator's rule is asked before any policy, and stays */
		if (!flow->ep[end] || flow->tier[dir] == SL_TIER_RULE)
			continue;
		err = ask_endpoint(w, WAS, flow->ep[end], dir, &key->addr[!end], key->proto,
				   icmp ? 0 : ntohs(key->port[!from]), &was);
		if (!err)
			err = ask_endpoint(w, WILL, flow->ep[end], dir, &key->addr[!end],
					   key->proto, icmp ? 0 : ntohs(key->port[!from]), &will);
		if (err)
			return err;
		if (was.allowed && !will.allowed)
			return note_flow(w, key, from, dir, &will);
	}
	return 0;
}
