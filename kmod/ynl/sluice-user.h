/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	kmod/sluice.yaml */
/* YNL-GEN user header */
/* To regenerate run: kmod/regen */

#ifndef _LINUX_SLUICE_GEN_H
#define _LINUX_SLUICE_GEN_H

#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include <linux/sluice.h>

struct ynl_sock;

extern const struct ynl_family ynl_sluice_family;

/* Enums */
const char *sluice_op_str(int op);
const char *sluice_origin_str(enum sluice_origin value);
const char *sluice_table_match_str(enum sluice_table_match value);
const char *sluice_field_format_str(enum sluice_field_format value);
const char *sluice_table_flags_str(enum sluice_table_flags value);
const char *sluice_change_str(enum sluice_change value);
const char *sluice_flow_state_str(enum sluice_flow_state value);
const char *sluice_close_reason_str(enum sluice_close_reason value);
const char *sluice_action_str(enum sluice_action value);

/* Common nested types */
struct sluice_field {
	struct {
		__u32 offset:1;
		__u32 size:1;
		__u32 format:1;
	} _present;
	struct {
		__u32 name;
	} _len;
	struct {
		__u32 label;
	} _count;

	char *name;
	__u32 offset;
	__u32 size;
	enum sluice_field_format format;
	struct ynl_string **label;
};

struct sluice_item {
	struct {
		__u32 table:1;
		__u32 op:1;
	} _present;
	struct {
		__u32 key;
		__u32 value;
	} _len;

	__u32 table;
	enum sluice_change op;
	void *key;
	void *value;
};

static inline struct sluice_item *sluice_item_alloc(unsigned int n)
{
	return calloc(n, sizeof(struct sluice_item));
}

void sluice_item_free(struct sluice_item *obj);

static inline void sluice_item_set_table(struct sluice_item *obj, __u32 table)
{
	obj->_present.table = 1;
	obj->table = table;
}
static inline void
sluice_item_set_op(struct sluice_item *obj, enum sluice_change op)
{
	obj->_present.op = 1;
	obj->op = op;
}
static inline void
sluice_item_set_key(struct sluice_item *obj, const void *key, size_t len)
{
	free(obj->key);
	obj->_len.key = len;
	obj->key = malloc(obj->_len.key);
	memcpy(obj->key, key, obj->_len.key);
}
static inline void
sluice_item_set_value(struct sluice_item *obj, const void *value, size_t len)
{
	free(obj->value);
	obj->_len.value = len;
	obj->value = malloc(obj->_len.value);
	memcpy(obj->value, value, obj->_len.value);
}

struct sluice_counter {
	struct {
		__u32 packets:1;
		__u32 bytes:1;
	} _present;

	__u64 packets;
	__u64 bytes;
};

struct sluice_flow_record {
	struct {
		__u32 sport:1;
		__u32 dport:1;
		__u32 proto:1;
		__u32 state:1;
		__u32 src_endpoint:1;
		__u32 dst_endpoint:1;
		__u32 ingress_rule:1;
		__u32 ingress_tier:1;
		__u32 egress_rule:1;
		__u32 egress_tier:1;
		__u32 created:1;
		__u32 last:1;
		__u32 sent:1;
		__u32 received:1;
		__u32 reason:1;
	} _present;
	struct {
		__u32 saddr;
		__u32 daddr;
	} _len;

	void *saddr;
	void *daddr;
	__u16 sport /* big-endian */;
	__u16 dport /* big-endian */;
	__u8 proto;
	enum sluice_flow_state state;
	__u32 src_endpoint;
	__u32 dst_endpoint;
	__u32 ingress_rule;
	__u32 ingress_tier;
	__u32 egress_rule;
	__u32 egress_tier;
	__u64 created;
	__u64 last;
	struct sluice_counter sent;
	struct sluice_counter received;
	enum sluice_close_reason reason;
};

struct sluice_drop_record {
	struct {
		__u32 reason:1;
		__u32 endpoint:1;
		__u32 rule:1;
		__u32 packets:1;
		__u32 bytes:1;
	} _present;
	struct {
		__u32 name;
	} _len;

	__u32 reason;
	char *name;
	__u32 endpoint;
	__u32 rule;
	__u64 packets;
	__u64 bytes;
};

/* ============== SLUICE_CMD_PIPELINE_GET ============== */
/* SLUICE_CMD_PIPELINE_GET - do */

struct sluice_pipeline_get_rsp {
	struct {
		__u32 abi:1;
		__u32 generation:1;
		__u32 commits:1;
		__u32 route_gen:1;
		__u32 tables:1;
		__u32 rules:1;
		__u32 events_lost:1;
		__u32 state_map:1;
	} _present;
	struct {
		__u32 version;
	} _len;

	__u32 abi;
	char *version;
	__u32 generation;
	__u32 commits;
	__u32 route_gen;
	__u32 tables;
	__u32 rules;
	__u64 events_lost;
	__u32 state_map;
};

void sluice_pipeline_get_rsp_free(struct sluice_pipeline_get_rsp *rsp);

/*
 * The pipeline of this network namespace.
 */
struct sluice_pipeline_get_rsp *sluice_pipeline_get(struct ynl_sock *ys);

/* ============== SLUICE_CMD_PIPELINE_DEL ============== */
/* SLUICE_CMD_PIPELINE_DEL - do */

/*
 * Let go of the pipeline's tables; what is loaded and attached stays.
 */
int sluice_pipeline_del(struct ynl_sock *ys);

/* ============== SLUICE_CMD_TABLE_GET ============== */
/* SLUICE_CMD_TABLE_GET - do */
struct sluice_table_get_req {
	struct {
		__u32 name;
	} _len;

	char *name;
};

static inline struct sluice_table_get_req *sluice_table_get_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_table_get_req));
}
void sluice_table_get_req_free(struct sluice_table_get_req *req);

static inline void
sluice_table_get_req_set_name(struct sluice_table_get_req *req,
			      const char *name)
{
	free(req->name);
	req->_len.name = strlen(name);
	req->name = malloc(req->_len.name + 1);
	memcpy(req->name, name, req->_len.name);
	req->name[req->_len.name] = 0;
}

struct sluice_table_get_rsp {
	struct {
		__u32 id:1;
		__u32 match:1;
		__u32 flags:1;
		__u32 key_size:1;
		__u32 value_size:1;
		__u32 max_entries:1;
	} _present;
	struct {
		__u32 name;
		__u32 text;
	} _len;
	struct {
		__u32 key_field;
		__u32 value_field;
	} _count;

	__u32 id;
	char *name;
	char *text;
	enum sluice_table_match match;
	__u32 flags;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	struct sluice_field *key_field;
	struct sluice_field *value_field;
};

void sluice_table_get_rsp_free(struct sluice_table_get_rsp *rsp);

/*
 * What tables there are, and what is in their entries.
 */
struct sluice_table_get_rsp *
sluice_table_get(struct ynl_sock *ys, struct sluice_table_get_req *req);

/* SLUICE_CMD_TABLE_GET - dump */
struct sluice_table_get_list {
	struct sluice_table_get_list *next;
	struct sluice_table_get_rsp obj __attribute__((aligned(8)));
};

void sluice_table_get_list_free(struct sluice_table_get_list *rsp);

struct sluice_table_get_list *sluice_table_get_dump(struct ynl_sock *ys);

/* ============== SLUICE_CMD_ENTRY_GET ============== */
/* SLUICE_CMD_ENTRY_GET - do */
struct sluice_entry_get_req {
	struct {
		__u32 table;
		__u32 key;
	} _len;

	char *table;
	void *key;
};

static inline struct sluice_entry_get_req *sluice_entry_get_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_entry_get_req));
}
void sluice_entry_get_req_free(struct sluice_entry_get_req *req);

static inline void
sluice_entry_get_req_set_table(struct sluice_entry_get_req *req,
			       const char *table)
{
	free(req->table);
	req->_len.table = strlen(table);
	req->table = malloc(req->_len.table + 1);
	memcpy(req->table, table, req->_len.table);
	req->table[req->_len.table] = 0;
}
static inline void
sluice_entry_get_req_set_key(struct sluice_entry_get_req *req, const void *key,
			     size_t len)
{
	free(req->key);
	req->_len.key = len;
	req->key = malloc(req->_len.key);
	memcpy(req->key, key, req->_len.key);
}

struct sluice_entry_get_rsp {
	struct {
		__u32 table;
		__u32 key;
		__u32 value;
	} _len;

	char *table;
	void *key;
	void *value;
};

void sluice_entry_get_rsp_free(struct sluice_entry_get_rsp *rsp);

/*
 * Entries of a table, by exactly their keys. A dump has each entry once that was there all the while; one that came or went meanwhile may be in it or not.
 */
struct sluice_entry_get_rsp *
sluice_entry_get(struct ynl_sock *ys, struct sluice_entry_get_req *req);

/* SLUICE_CMD_ENTRY_GET - dump */
struct sluice_entry_get_req_dump {
	struct {
		__u32 table;
	} _len;

	char *table;
};

static inline struct sluice_entry_get_req_dump *
sluice_entry_get_req_dump_alloc(void)
{
	return calloc(1, sizeof(struct sluice_entry_get_req_dump));
}
void sluice_entry_get_req_dump_free(struct sluice_entry_get_req_dump *req);

static inline void
sluice_entry_get_req_dump_set_table(struct sluice_entry_get_req_dump *req,
				    const char *table)
{
	free(req->table);
	req->_len.table = strlen(table);
	req->table = malloc(req->_len.table + 1);
	memcpy(req->table, table, req->_len.table);
	req->table[req->_len.table] = 0;
}

struct sluice_entry_get_rsp_dump {
	struct {
		__u32 key;
		__u32 value;
	} _len;

	void *key;
	void *value;
};

struct sluice_entry_get_rsp_list {
	struct sluice_entry_get_rsp_list *next;
	struct sluice_entry_get_rsp_dump obj __attribute__((aligned(8)));
};

void sluice_entry_get_rsp_list_free(struct sluice_entry_get_rsp_list *rsp);

struct sluice_entry_get_rsp_list *
sluice_entry_get_dump(struct ynl_sock *ys,
		      struct sluice_entry_get_req_dump *req);

/* ============== SLUICE_CMD_ENTRY_MOD ============== */
/* SLUICE_CMD_ENTRY_MOD - do */
struct sluice_entry_mod_req {
	struct {
		__u32 txn:1;
	} _present;
	struct {
		__u32 item;
	} _count;

	__u32 txn;
	struct sluice_item *item;
};

static inline struct sluice_entry_mod_req *sluice_entry_mod_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_entry_mod_req));
}
void sluice_entry_mod_req_free(struct sluice_entry_mod_req *req);

static inline void
sluice_entry_mod_req_set_txn(struct sluice_entry_mod_req *req, __u32 txn)
{
	req->_present.txn = 1;
	req->txn = txn;
}
static inline void
__sluice_entry_mod_req_set_item(struct sluice_entry_mod_req *req,
				struct sluice_item *item, unsigned int n_item)
{
	unsigned int i;

	for (i = 0; i < req->_count.item; i++)
		sluice_item_free(&req->item[i]);
	free(req->item);
	req->item = item;
	req->_count.item = n_item;
}

/*
 * Insert, modify, delete entries; all of them or none. A refusal names the item by its attribute where its form is wrong, and otherwise by its number, as txn-commit does.
 */
int sluice_entry_mod(struct ynl_sock *ys, struct sluice_entry_mod_req *req);

/* ============== SLUICE_CMD_ENDPOINT_GET ============== */
/* SLUICE_CMD_ENDPOINT_GET - do */
struct sluice_endpoint_get_req {
	struct {
		__u32 id:1;
	} _present;

	__u32 id;
};

static inline struct sluice_endpoint_get_req *
sluice_endpoint_get_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_endpoint_get_req));
}
void sluice_endpoint_get_req_free(struct sluice_endpoint_get_req *req);

static inline void
sluice_endpoint_get_req_set_id(struct sluice_endpoint_get_req *req, __u32 id)
{
	req->_present.id = 1;
	req->id = id;
}

struct sluice_endpoint_get_rsp {
	struct {
		__u32 id:1;
		__u32 ifindex:1;
		__u32 flags:1;
		__u32 mtu:1;
		__u32 rule_set:1;
		__u32 generation:1;
		__u32 closed:1;
		__u32 isolated_ingress:1;
		__u32 isolated_egress:1;
	} _present;
	struct {
		__u32 ipv4;
		__u32 ipv6;
		__u32 mac;
	} _len;

	__u32 id;
	__u32 ifindex;
	__u32 flags;
	void *ipv4;
	void *ipv6;
	void *mac;
	__u32 mtu;
	__u32 rule_set;
	__u32 generation;
};

void sluice_endpoint_get_rsp_free(struct sluice_endpoint_get_rsp *rsp);

/*
 * Endpoints of this node.
 */
struct sluice_endpoint_get_rsp *
sluice_endpoint_get(struct ynl_sock *ys, struct sluice_endpoint_get_req *req);

/* SLUICE_CMD_ENDPOINT_GET - dump */
struct sluice_endpoint_get_list {
	struct sluice_endpoint_get_list *next;
	struct sluice_endpoint_get_rsp obj __attribute__((aligned(8)));
};

void sluice_endpoint_get_list_free(struct sluice_endpoint_get_list *rsp);

struct sluice_endpoint_get_list *sluice_endpoint_get_dump(struct ynl_sock *ys);

/* ============== SLUICE_CMD_FLOW_GET ============== */
/* SLUICE_CMD_FLOW_GET - do */
struct sluice_flow_get_req {
	struct {
		__u32 sport:1;
		__u32 dport:1;
		__u32 proto:1;
	} _present;
	struct {
		__u32 saddr;
		__u32 daddr;
	} _len;

	void *saddr;
	void *daddr;
	__u16 sport /* big-endian */;
	__u16 dport /* big-endian */;
	__u8 proto;
};

static inline struct sluice_flow_get_req *sluice_flow_get_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_flow_get_req));
}
void sluice_flow_get_req_free(struct sluice_flow_get_req *req);

static inline void
sluice_flow_get_req_set_saddr(struct sluice_flow_get_req *req,
			      const void *saddr, size_t len)
{
	free(req->saddr);
	req->_len.saddr = len;
	req->saddr = malloc(req->_len.saddr);
	memcpy(req->saddr, saddr, req->_len.saddr);
}
static inline void
sluice_flow_get_req_set_daddr(struct sluice_flow_get_req *req,
			      const void *daddr, size_t len)
{
	free(req->daddr);
	req->_len.daddr = len;
	req->daddr = malloc(req->_len.daddr);
	memcpy(req->daddr, daddr, req->_len.daddr);
}
static inline void
sluice_flow_get_req_set_sport(struct sluice_flow_get_req *req,
			      __u16 sport /* big-endian */)
{
	req->_present.sport = 1;
	req->sport = sport;
}
static inline void
sluice_flow_get_req_set_dport(struct sluice_flow_get_req *req,
			      __u16 dport /* big-endian */)
{
	req->_present.dport = 1;
	req->dport = dport;
}
static inline void
sluice_flow_get_req_set_proto(struct sluice_flow_get_req *req, __u8 proto)
{
	req->_present.proto = 1;
	req->proto = proto;
}

struct sluice_flow_get_rsp {
	struct {
		__u32 sport:1;
		__u32 dport:1;
		__u32 proto:1;
		__u32 state:1;
		__u32 half_open:1;
		__u32 src_endpoint:1;
		__u32 dst_endpoint:1;
		__u32 ingress_rule:1;
		__u32 ingress_tier:1;
		__u32 egress_rule:1;
		__u32 egress_tier:1;
		__u32 nat_port:1;
		__u32 dnat_port:1;
		__u32 service:1;
		__u32 backend:1;
		__u32 created:1;
		__u32 last:1;
		__u32 sent:1;
		__u32 received:1;
	} _present;
	struct {
		__u32 saddr;
		__u32 daddr;
		__u32 nat_addr;
		__u32 dnat_addr;
	} _len;

	void *saddr;
	void *daddr;
	__u16 sport /* big-endian */;
	__u16 dport /* big-endian */;
	__u8 proto;
	enum sluice_flow_state state;
	__u32 src_endpoint;
	__u32 dst_endpoint;
	__u32 ingress_rule;
	__u32 ingress_tier;
	__u32 egress_rule;
	__u32 egress_tier;
	void *nat_addr;
	__u16 nat_port /* big-endian */;
	void *dnat_addr;
	__u16 dnat_port /* big-endian */;
	__u32 service;
	__u32 backend;
	__u64 created;
	__u64 last;
	struct sluice_counter sent;
	struct sluice_counter received;
};

void sluice_flow_get_rsp_free(struct sluice_flow_get_rsp *rsp);

/*
 * Flows, established and half-open; as for the dump of entries.
 */
struct sluice_flow_get_rsp *
sluice_flow_get(struct ynl_sock *ys, struct sluice_flow_get_req *req);

/* SLUICE_CMD_FLOW_GET - dump */
struct sluice_flow_get_req_dump {
	struct {
		__u32 addr_len:1;
		__u32 port:1;
		__u32 proto:1;
		__u32 endpoint:1;
		__u32 state:1;
	} _present;
	struct {
		__u32 addr;
	} _len;

	void *addr;
	__u32 addr_len;
	__u16 port /* big-endian */;
	__u8 proto;
	__u32 endpoint;
	enum sluice_flow_state state;
};

static inline struct sluice_flow_get_req_dump *
sluice_flow_get_req_dump_alloc(void)
{
	return calloc(1, sizeof(struct sluice_flow_get_req_dump));
}
void sluice_flow_get_req_dump_free(struct sluice_flow_get_req_dump *req);

static inline void
sluice_flow_get_req_dump_set_addr(struct sluice_flow_get_req_dump *req,
				  const void *addr, size_t len)
{
	free(req->addr);
	req->_len.addr = len;
	req->addr = malloc(req->_len.addr);
	memcpy(req->addr, addr, req->_len.addr);
}
static inline void
sluice_flow_get_req_dump_set_addr_len(struct sluice_flow_get_req_dump *req,
				      __u32 addr_len)
{
	req->_present.addr_len = 1;
	req->addr_len = addr_len;
}
static inline void
sluice_flow_get_req_dump_set_port(struct sluice_flow_get_req_dump *req,
				  __u16 port /* big-endian */)
{
	req->_present.port = 1;
	req->port = port;
}
static inline void
sluice_flow_get_req_dump_set_proto(struct sluice_flow_get_req_dump *req,
				   __u8 proto)
{
	req->_present.proto = 1;
	req->proto = proto;
}
static inline void
sluice_flow_get_req_dump_set_endpoint(struct sluice_flow_get_req_dump *req,
				      __u32 endpoint)
{
	req->_present.endpoint = 1;
	req->endpoint = endpoint;
}
static inline void
sluice_flow_get_req_dump_set_state(struct sluice_flow_get_req_dump *req,
				   enum sluice_flow_state state)
{
	req->_present.state = 1;
	req->state = state;
}

struct sluice_flow_get_list {
	struct sluice_flow_get_list *next;
	struct sluice_flow_get_rsp obj __attribute__((aligned(8)));
};

void sluice_flow_get_list_free(struct sluice_flow_get_list *rsp);

struct sluice_flow_get_list *
sluice_flow_get_dump(struct ynl_sock *ys, struct sluice_flow_get_req_dump *req);

/* ============== SLUICE_CMD_FLOW_DEL ============== */
/* SLUICE_CMD_FLOW_DEL - do */
struct sluice_flow_del_req {
	struct {
		__u32 sport:1;
		__u32 dport:1;
		__u32 proto:1;
		__u32 addr_len:1;
		__u32 port:1;
		__u32 endpoint:1;
		__u32 state:1;
		__u32 all:1;
	} _present;
	struct {
		__u32 saddr;
		__u32 daddr;
		__u32 addr;
	} _len;

	void *saddr;
	void *daddr;
	__u16 sport /* big-endian */;
	__u16 dport /* big-endian */;
	__u8 proto;
	void *addr;
	__u32 addr_len;
	__u16 port /* big-endian */;
	__u32 endpoint;
	enum sluice_flow_state state;
};

static inline struct sluice_flow_del_req *sluice_flow_del_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_flow_del_req));
}
void sluice_flow_del_req_free(struct sluice_flow_del_req *req);

static inline void
sluice_flow_del_req_set_saddr(struct sluice_flow_del_req *req,
			      const void *saddr, size_t len)
{
	free(req->saddr);
	req->_len.saddr = len;
	req->saddr = malloc(req->_len.saddr);
	memcpy(req->saddr, saddr, req->_len.saddr);
}
static inline void
sluice_flow_del_req_set_daddr(struct sluice_flow_del_req *req,
			      const void *daddr, size_t len)
{
	free(req->daddr);
	req->_len.daddr = len;
	req->daddr = malloc(req->_len.daddr);
	memcpy(req->daddr, daddr, req->_len.daddr);
}
static inline void
sluice_flow_del_req_set_sport(struct sluice_flow_del_req *req,
			      __u16 sport /* big-endian */)
{
	req->_present.sport = 1;
	req->sport = sport;
}
static inline void
sluice_flow_del_req_set_dport(struct sluice_flow_del_req *req,
			      __u16 dport /* big-endian */)
{
	req->_present.dport = 1;
	req->dport = dport;
}
static inline void
sluice_flow_del_req_set_proto(struct sluice_flow_del_req *req, __u8 proto)
{
	req->_present.proto = 1;
	req->proto = proto;
}
static inline void
sluice_flow_del_req_set_addr(struct sluice_flow_del_req *req, const void *addr,
			     size_t len)
{
	free(req->addr);
	req->_len.addr = len;
	req->addr = malloc(req->_len.addr);
	memcpy(req->addr, addr, req->_len.addr);
}
static inline void
sluice_flow_del_req_set_addr_len(struct sluice_flow_del_req *req,
				 __u32 addr_len)
{
	req->_present.addr_len = 1;
	req->addr_len = addr_len;
}
static inline void
sluice_flow_del_req_set_port(struct sluice_flow_del_req *req,
			     __u16 port /* big-endian */)
{
	req->_present.port = 1;
	req->port = port;
}
static inline void
sluice_flow_del_req_set_endpoint(struct sluice_flow_del_req *req,
				 __u32 endpoint)
{
	req->_present.endpoint = 1;
	req->endpoint = endpoint;
}
static inline void
sluice_flow_del_req_set_state(struct sluice_flow_del_req *req,
			      enum sluice_flow_state state)
{
	req->_present.state = 1;
	req->state = state;
}
static inline void sluice_flow_del_req_set_all(struct sluice_flow_del_req *req)
{
	req->_present.all = 1;
}

struct sluice_flow_del_rsp {
	struct {
		__u32 deleted:1;
	} _present;

	__u32 deleted;
};

void sluice_flow_del_rsp_free(struct sluice_flow_del_rsp *rsp);

/*
 * Delete flows; their next packet is judged anew.
 */
struct sluice_flow_del_rsp *
sluice_flow_del(struct ynl_sock *ys, struct sluice_flow_del_req *req);

/* ============== SLUICE_CMD_DROP_GET ============== */
/* SLUICE_CMD_DROP_GET - dump */
struct sluice_drop_get_req {
	struct {
		__u32 by_rule:1;
	} _present;
};

static inline struct sluice_drop_get_req *sluice_drop_get_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_drop_get_req));
}
void sluice_drop_get_req_free(struct sluice_drop_get_req *req);

static inline void
sluice_drop_get_req_set_by_rule(struct sluice_drop_get_req *req)
{
	req->_present.by_rule = 1;
}

struct sluice_drop_get_rsp {
	struct {
		__u32 reason:1;
		__u32 endpoint:1;
		__u32 rule:1;
		__u32 packets:1;
		__u32 bytes:1;
	} _present;
	struct {
		__u32 name;
	} _len;

	__u32 reason;
	char *name;
	__u32 endpoint;
	__u32 rule;
	__u64 packets;
	__u64 bytes;
};

struct sluice_drop_get_list {
	struct sluice_drop_get_list *next;
	struct sluice_drop_get_rsp obj __attribute__((aligned(8)));
};

void sluice_drop_get_list_free(struct sluice_drop_get_list *rsp);

struct sluice_drop_get_list *
sluice_drop_get_dump(struct ynl_sock *ys, struct sluice_drop_get_req *req);

/* ============== SLUICE_CMD_RULE_GET ============== */
/* SLUICE_CMD_RULE_GET - do */
struct sluice_rule_get_req {
	struct {
		__u32 id:1;
	} _present;

	__u32 id;
};

static inline struct sluice_rule_get_req *sluice_rule_get_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_rule_get_req));
}
void sluice_rule_get_req_free(struct sluice_rule_get_req *req);

static inline void
sluice_rule_get_req_set_id(struct sluice_rule_get_req *req, __u32 id)
{
	req->_present.id = 1;
	req->id = id;
}

struct sluice_rule_get_rsp {
	struct {
		__u32 id:1;
		__u32 priority:1;
		__u32 action:1;
		__u32 origin:1;
		__u32 src_len:1;
		__u32 dst_len:1;
		__u32 src_class:1;
		__u32 dst_class:1;
		__u32 ifindex:1;
		__u32 proto:1;
		__u32 sport_min:1;
		__u32 sport_max:1;
		__u32 dport_min:1;
		__u32 dport_max:1;
		__u32 tcp_flags:1;
		__u32 tcp_mask:1;
		__u32 icmp_type:1;
		__u32 icmp_code:1;
		__u32 dscp:1;
		__u32 mark:1;
		__u32 mark_mask:1;
		__u32 rate:1;
		__u32 burst:1;
		__u32 packets:1;
		__u32 bytes:1;
	} _present;
	struct {
		__u32 src;
		__u32 dst;
		__u32 comment;
	} _len;

	__u32 id;
	__u32 priority;
	enum sluice_action action;
	enum sluice_origin origin;
	void *src;
	__u32 src_len;
	void *dst;
	__u32 dst_len;
	__u32 src_class;
	__u32 dst_class;
	__u32 ifindex;
	__u8 proto;
	__u16 sport_min;
	__u16 sport_max;
	__u16 dport_min;
	__u16 dport_max;
	__u8 tcp_flags;
	__u8 tcp_mask;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 dscp;
	__u32 mark;
	__u32 mark_mask;
	__u32 rate;
	__u32 burst;
	char *comment;
	__u64 packets;
	__u64 bytes;
};

void sluice_rule_get_rsp_free(struct sluice_rule_get_rsp *rsp);

/*
 * Rules, in the order in which they are asked.
 */
struct sluice_rule_get_rsp *
sluice_rule_get(struct ynl_sock *ys, struct sluice_rule_get_req *req);

/* SLUICE_CMD_RULE_GET - dump */
struct sluice_rule_get_list {
	struct sluice_rule_get_list *next;
	struct sluice_rule_get_rsp obj __attribute__((aligned(8)));
};

void sluice_rule_get_list_free(struct sluice_rule_get_list *rsp);

struct sluice_rule_get_list *sluice_rule_get_dump(struct ynl_sock *ys);

/* ============== SLUICE_CMD_RULE_NEW ============== */
/* SLUICE_CMD_RULE_NEW - do */
struct sluice_rule_new_req {
	struct {
		__u32 txn:1;
		__u32 id:1;
		__u32 priority:1;
		__u32 action:1;
		__u32 replace:1;
		__u32 src_len:1;
		__u32 dst_len:1;
		__u32 src_class:1;
		__u32 dst_class:1;
		__u32 ifindex:1;
		__u32 proto:1;
		__u32 sport_min:1;
		__u32 sport_max:1;
		__u32 dport_min:1;
		__u32 dport_max:1;
		__u32 tcp_flags:1;
		__u32 tcp_mask:1;
		__u32 icmp_type:1;
		__u32 icmp_code:1;
		__u32 dscp:1;
		__u32 mark:1;
		__u32 mark_mask:1;
		__u32 rate:1;
		__u32 burst:1;
	} _present;
	struct {
		__u32 src;
		__u32 dst;
		__u32 comment;
	} _len;

	__u32 txn;
	__u32 id;
	__u32 priority;
	enum sluice_action action;
	void *src;
	__u32 src_len;
	void *dst;
	__u32 dst_len;
	__u32 src_class;
	__u32 dst_class;
	__u32 ifindex;
	__u8 proto;
	__u16 sport_min;
	__u16 sport_max;
	__u16 dport_min;
	__u16 dport_max;
	__u8 tcp_flags;
	__u8 tcp_mask;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 dscp;
	__u32 mark;
	__u32 mark_mask;
	__u32 rate;
	__u32 burst;
	char *comment;
};

static inline struct sluice_rule_new_req *sluice_rule_new_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_rule_new_req));
}
void sluice_rule_new_req_free(struct sluice_rule_new_req *req);

static inline void
sluice_rule_new_req_set_txn(struct sluice_rule_new_req *req, __u32 txn)
{
	req->_present.txn = 1;
	req->txn = txn;
}
static inline void
sluice_rule_new_req_set_id(struct sluice_rule_new_req *req, __u32 id)
{
	req->_present.id = 1;
	req->id = id;
}
static inline void
sluice_rule_new_req_set_priority(struct sluice_rule_new_req *req,
				 __u32 priority)
{
	req->_present.priority = 1;
	req->priority = priority;
}
static inline void
sluice_rule_new_req_set_action(struct sluice_rule_new_req *req,
			       enum sluice_action action)
{
	req->_present.action = 1;
	req->action = action;
}
static inline void
sluice_rule_new_req_set_replace(struct sluice_rule_new_req *req)
{
	req->_present.replace = 1;
}
static inline void
sluice_rule_new_req_set_src(struct sluice_rule_new_req *req, const void *src,
			    size_t len)
{
	free(req->src);
	req->_len.src = len;
	req->src = malloc(req->_len.src);
	memcpy(req->src, src, req->_len.src);
}
static inline void
sluice_rule_new_req_set_src_len(struct sluice_rule_new_req *req, __u32 src_len)
{
	req->_present.src_len = 1;
	req->src_len = src_len;
}
static inline void
sluice_rule_new_req_set_dst(struct sluice_rule_new_req *req, const void *dst,
			    size_t len)
{
	free(req->dst);
	req->_len.dst = len;
	req->dst = malloc(req->_len.dst);
	memcpy(req->dst, dst, req->_len.dst);
}
static inline void
sluice_rule_new_req_set_dst_len(struct sluice_rule_new_req *req, __u32 dst_len)
{
	req->_present.dst_len = 1;
	req->dst_len = dst_len;
}
static inline void
sluice_rule_new_req_set_src_class(struct sluice_rule_new_req *req,
				  __u32 src_class)
{
	req->_present.src_class = 1;
	req->src_class = src_class;
}
static inline void
sluice_rule_new_req_set_dst_class(struct sluice_rule_new_req *req,
				  __u32 dst_class)
{
	req->_present.dst_class = 1;
	req->dst_class = dst_class;
}
static inline void
sluice_rule_new_req_set_ifindex(struct sluice_rule_new_req *req, __u32 ifindex)
{
	req->_present.ifindex = 1;
	req->ifindex = ifindex;
}
static inline void
sluice_rule_new_req_set_proto(struct sluice_rule_new_req *req, __u8 proto)
{
	req->_present.proto = 1;
	req->proto = proto;
}
static inline void
sluice_rule_new_req_set_sport_min(struct sluice_rule_new_req *req,
				  __u16 sport_min)
{
	req->_present.sport_min = 1;
	req->sport_min = sport_min;
}
static inline void
sluice_rule_new_req_set_sport_max(struct sluice_rule_new_req *req,
				  __u16 sport_max)
{
	req->_present.sport_max = 1;
	req->sport_max = sport_max;
}
static inline void
sluice_rule_new_req_set_dport_min(struct sluice_rule_new_req *req,
				  __u16 dport_min)
{
	req->_present.dport_min = 1;
	req->dport_min = dport_min;
}
static inline void
sluice_rule_new_req_set_dport_max(struct sluice_rule_new_req *req,
				  __u16 dport_max)
{
	req->_present.dport_max = 1;
	req->dport_max = dport_max;
}
static inline void
sluice_rule_new_req_set_tcp_flags(struct sluice_rule_new_req *req,
				  __u8 tcp_flags)
{
	req->_present.tcp_flags = 1;
	req->tcp_flags = tcp_flags;
}
static inline void
sluice_rule_new_req_set_tcp_mask(struct sluice_rule_new_req *req,
				 __u8 tcp_mask)
{
	req->_present.tcp_mask = 1;
	req->tcp_mask = tcp_mask;
}
static inline void
sluice_rule_new_req_set_icmp_type(struct sluice_rule_new_req *req,
				  __u8 icmp_type)
{
	req->_present.icmp_type = 1;
	req->icmp_type = icmp_type;
}
static inline void
sluice_rule_new_req_set_icmp_code(struct sluice_rule_new_req *req,
				  __u8 icmp_code)
{
	req->_present.icmp_code = 1;
	req->icmp_code = icmp_code;
}
static inline void
sluice_rule_new_req_set_dscp(struct sluice_rule_new_req *req, __u8 dscp)
{
	req->_present.dscp = 1;
	req->dscp = dscp;
}
static inline void
sluice_rule_new_req_set_mark(struct sluice_rule_new_req *req, __u32 mark)
{
	req->_present.mark = 1;
	req->mark = mark;
}
static inline void
sluice_rule_new_req_set_mark_mask(struct sluice_rule_new_req *req,
				  __u32 mark_mask)
{
	req->_present.mark_mask = 1;
	req->mark_mask = mark_mask;
}
static inline void
sluice_rule_new_req_set_rate(struct sluice_rule_new_req *req, __u32 rate)
{
	req->_present.rate = 1;
	req->rate = rate;
}
static inline void
sluice_rule_new_req_set_burst(struct sluice_rule_new_req *req, __u32 burst)
{
	req->_present.burst = 1;
	req->burst = burst;
}
static inline void
sluice_rule_new_req_set_comment(struct sluice_rule_new_req *req,
				const char *comment)
{
	free(req->comment);
	req->_len.comment = strlen(comment);
	req->comment = malloc(req->_len.comment + 1);
	memcpy(req->comment, comment, req->_len.comment);
	req->comment[req->_len.comment] = 0;
}

/*
 * Add a rule, or replace one.
 */
int sluice_rule_new(struct ynl_sock *ys, struct sluice_rule_new_req *req);

/* ============== SLUICE_CMD_RULE_DEL ============== */
/* SLUICE_CMD_RULE_DEL - do */
struct sluice_rule_del_req {
	struct {
		__u32 txn:1;
		__u32 id:1;
	} _present;

	__u32 txn;
	__u32 id;
};

static inline struct sluice_rule_del_req *sluice_rule_del_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_rule_del_req));
}
void sluice_rule_del_req_free(struct sluice_rule_del_req *req);

static inline void
sluice_rule_del_req_set_txn(struct sluice_rule_del_req *req, __u32 txn)
{
	req->_present.txn = 1;
	req->txn = txn;
}
static inline void
sluice_rule_del_req_set_id(struct sluice_rule_del_req *req, __u32 id)
{
	req->_present.id = 1;
	req->id = id;
}

/*
 * Delete a rule.
 */
int sluice_rule_del(struct ynl_sock *ys, struct sluice_rule_del_req *req);

/* ============== SLUICE_CMD_TXN_BEGIN ============== */
/* SLUICE_CMD_TXN_BEGIN - do */
struct sluice_txn_begin_req {
	struct {
		__u32 generation:1;
	} _present;

	__u32 generation;
};

static inline struct sluice_txn_begin_req *sluice_txn_begin_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_txn_begin_req));
}
void sluice_txn_begin_req_free(struct sluice_txn_begin_req *req);

static inline void
sluice_txn_begin_req_set_generation(struct sluice_txn_begin_req *req,
				    __u32 generation)
{
	req->_present.generation = 1;
	req->generation = generation;
}

struct sluice_txn_begin_rsp {
	struct {
		__u32 id:1;
		__u32 generation:1;
	} _present;

	__u32 id;
	__u32 generation;
};

void sluice_txn_begin_rsp_free(struct sluice_txn_begin_rsp *rsp);

/*
 * Begin a transaction of this socket. Operations that name it are checked and kept; the transaction ends with the socket if it is not committed.
 */
struct sluice_txn_begin_rsp *
sluice_txn_begin(struct ynl_sock *ys, struct sluice_txn_begin_req *req);

/* ============== SLUICE_CMD_TXN_COMMIT ============== */
/* SLUICE_CMD_TXN_COMMIT - do */
struct sluice_txn_commit_req {
	struct {
		__u32 id:1;
	} _present;

	__u32 id;
};

static inline struct sluice_txn_commit_req *sluice_txn_commit_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_txn_commit_req));
}
void sluice_txn_commit_req_free(struct sluice_txn_commit_req *req);

static inline void
sluice_txn_commit_req_set_id(struct sluice_txn_commit_req *req, __u32 id)
{
	req->_present.id = 1;
	req->id = id;
}

struct sluice_txn_commit_rsp {
	struct {
		__u32 id:1;
		__u32 generation:1;
		__u32 operations:1;
	} _present;

	__u32 id;
	__u32 generation;
	__u32 operations;
};

void sluice_txn_commit_rsp_free(struct sluice_txn_commit_rsp *rsp);

/*
 * All operations, in an order in which nothing points to what is not there. Where one is refused, the answer's NLMSGERR_ATTR_COOKIE is its number (u64), from 0 in the order in which they came.
 */
struct sluice_txn_commit_rsp *
sluice_txn_commit(struct ynl_sock *ys, struct sluice_txn_commit_req *req);

/* ============== SLUICE_CMD_TXN_ABORT ============== */
/* SLUICE_CMD_TXN_ABORT - do */
struct sluice_txn_abort_req {
	struct {
		__u32 id:1;
	} _present;

	__u32 id;
};

static inline struct sluice_txn_abort_req *sluice_txn_abort_req_alloc(void)
{
	return calloc(1, sizeof(struct sluice_txn_abort_req));
}
void sluice_txn_abort_req_free(struct sluice_txn_abort_req *req);

static inline void
sluice_txn_abort_req_set_id(struct sluice_txn_abort_req *req, __u32 id)
{
	req->_present.id = 1;
	req->id = id;
}

/*
 * Forget a transaction.
 */
int sluice_txn_abort(struct ynl_sock *ys, struct sluice_txn_abort_req *req);

/* SLUICE_CMD_FLOW_NTF - event */
struct sluice_flow_ntf_rsp {
	struct {
		__u32 seq:1;
		__u32 lost:1;
	} _present;
	struct {
		__u32 opened;
		__u32 closed;
	} _count;

	__u32 seq;
	__u64 lost;
	struct sluice_flow_record *opened;
	struct sluice_flow_record *closed;
};

struct sluice_flow_ntf {
	__u16 family;
	__u8 cmd;
	struct ynl_ntf_base_type *next;
	void (*free)(struct sluice_flow_ntf *ntf);
	struct sluice_flow_ntf_rsp obj __attribute__((aligned(8)));
};

void sluice_flow_ntf_free(struct sluice_flow_ntf *rsp);

/* SLUICE_CMD_DROP_NTF - event */
struct sluice_drop_ntf_rsp {
	struct {
		__u32 seq:1;
	} _present;
	struct {
		__u32 drop;
	} _count;

	__u32 seq;
	struct sluice_drop_record *drop;
};

struct sluice_drop_ntf {
	__u16 family;
	__u8 cmd;
	struct ynl_ntf_base_type *next;
	void (*free)(struct sluice_drop_ntf *ntf);
	struct sluice_drop_ntf_rsp obj __attribute__((aligned(8)));
};

void sluice_drop_ntf_free(struct sluice_drop_ntf *rsp);

/* SLUICE_CMD_POLICY_NTF - event */
struct sluice_policy_ntf_rsp {
	struct {
		__u32 seq:1;
		__u32 generation:1;
		__u32 commits:1;
		__u32 operations:1;
	} _present;

	__u32 seq;
	__u32 generation;
	__u32 commits;
	__u32 operations;
};

struct sluice_policy_ntf {
	__u16 family;
	__u8 cmd;
	struct ynl_ntf_base_type *next;
	void (*free)(struct sluice_policy_ntf *ntf);
	struct sluice_policy_ntf_rsp obj __attribute__((aligned(8)));
};

void sluice_policy_ntf_free(struct sluice_policy_ntf *rsp);

#endif /* _LINUX_SLUICE_GEN_H */
