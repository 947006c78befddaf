// SPDX-License-Identifier: GPL-2.0
/*
 * ynl_client - the C client that is generated of the specification, at work
 *
 *	ynl_client		pipeline and tables, as test_ynl compares them
 *	ynl_client rules	adds rules 1 and 2, reads them, is refused, deletes them
 *
 * Prints a line for each object; exits with 1 and the kernel's words when refused.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <ynl.h>
#include "sluice-user.h"

static int fail(const struct ynl_sock *ys, const char *what)
{
	fprintf(stderr, "ynl_client: %s: %s\n", what, ys->err.msg);
	return 1;
}

static int pipeline(struct ynl_sock *ys)
{
	struct sluice_pipeline_get_rsp *rsp = sluice_pipeline_get(ys);

	if (!rsp)
		return fail(ys, "pipeline-get");
	printf("pipeline %u %s %u\n", rsp->abi, rsp->version, rsp->tables);
	sluice_pipeline_get_rsp_free(rsp);
	return 0;
}

static int tables(struct ynl_sock *ys)
{
	struct sluice_table_get_list *list = sluice_table_get_dump(ys);

	if (!list)
		return fail(ys, "table-get");
	ynl_dump_foreach(list, t)
		printf("table %s %u %u %u\n", t->name, t->key_size, t->value_size,
		       t->_count.key_field);
	sluice_table_get_list_free(list);
	return 0;
}

static int rule_new(struct ynl_sock *ys, __u32 id)
{
	struct sluice_rule_new_req *req = sluice_rule_new_req_alloc();
	struct in6_addr src;
	int err;

	if (!req)
		return 1;
	inet_pton(AF_INET6, "2001:db8::", &src);
	sluice_rule_new_req_set_id(req, id);
	sluice_rule_new_req_set_priority(req, 10 * id);
	sluice_rule_new_req_set_action(req, SLUICE_ACTION_COUNT);
	sluice_rule_new_req_set_src(req, &src, sizeof(src));
	sluice_rule_new_req_set_src_len(req, 32);
	sluice_rule_new_req_set_comment(req, "by the C client");
	err = sluice_rule_new(ys, req);
	sluice_rule_new_req_free(req);
	return err;
}

static int rule_del(struct ynl_sock *ys, __u32 id)
{
	struct sluice_rule_del_req *req = sluice_rule_del_req_alloc();
	int err;

	if (!req)
		return 1;
	sluice_rule_del_req_set_id(req, id);
	err = sluice_rule_del(ys, req);
	sluice_rule_del_req_free(req);
	return err;
}

static int rules_show(struct ynl_sock *ys)
{
	struct sluice_rule_get_list *list = sluice_rule_get_dump(ys);

	if (!list)
		return fail(ys, "rule-get");
	ynl_dump_foreach(list, r)
		printf("rule %u %u %s %s\n", r->id, r->priority, sluice_action_str(r->action),
		       r->comment);
	sluice_rule_get_list_free(list);
	return 0;
}

static int rules(struct ynl_sock *ys)
{
	if (rule_new(ys, 1) || rule_new(ys, 2))
		return fail(ys, "rule-new");
	if (rules_show(ys))
		return 1;
	/* what is refused is told in the kernel's words */
	if (!rule_new(ys, 2))
		return fail(ys, "rule-new of an id in use was not refused");
	printf("refused %s\n", ys->err.msg);
	if (rule_del(ys, 1) || rule_del(ys, 2))
		return fail(ys, "rule-del");
	return rules_show(ys);
}

int main(int argc, char **argv)
{
	struct ynl_error err;
	struct ynl_sock *ys = ynl_sock_create(&ynl_sluice_family, &err);
	int ret;

	if (!ys) {
		fprintf(stderr, "ynl_client: %s\n", err.msg);
		return 1;
	}
	if (argc > 1 && !strcmp(argv[1], "rules"))
		ret = rules(ys);
	else
		ret = pipeline(ys) || tables(ys);
	ynl_sock_destroy(ys);
	return ret;
}
