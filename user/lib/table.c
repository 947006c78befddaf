// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Tables read through their descriptors: entries, counts, fields as text. */
#include <bpf/bpf.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "lib/backend.h"

const struct sluice_table *sluice_table_find(const char *name)
{
	const struct sluice_table *t;
	size_t i, n;

	t = sluice_tables(&n);
	for (i = 0; i < n; i++)
		if (!strcmp(t[i].name, name))
			return &t[i];
	return NULL;
}

const struct sluice_field *sluice_table_fields(const struct sluice_table *t, const void *value)
{
	const struct sl_flow *flow = value;

	if (t->alias && flow->kind == SL_FLOW_KIND_ALIAS)
		return t->alias;
	return t->value;
}

/* ---------------------------------------------------------------- entries */

struct reader {
	const struct sluice_table *t;
	lib_map_cb_t cb;
	void *arg;
};

/* An array has all its entries always: those in use are not all zero. */
static int read_used(void *arg, const void *key, const void *value)
{
	const struct reader *r = arg;
	const char *v = value;
	__u16 i;

	for (i = 0; i < r->t->value_size; i++)
		if (v[i])
			return r->cb(r->arg, key, value);
	return 0;
}

static int read_percpu(struct sluice *sl, struct reader *r)
{
	/* the longest per-CPU tables there are */
	__u64 sums[__SL_DROP_MAX * 2 > __SL_COUNT_MAX ? __SL_DROP_MAX * 2 : __SL_COUNT_MAX];
	__u32 words = r->t->value_size / sizeof(*sums), n, key;
	int err;

	n = r->t->map == SL_MAP_DROP ? __SL_DROP_MAX : __SL_COUNT_MAX;
	err = lib_map_percpu_sum(sl->map_fd[r->t->map], n, words, sums);
	for (key = 0; !err && key < n; key++)
		err = read_used(r, &key, &sums[key * words]);
	return err;
}

int sluice_table_each(struct sluice *sl, const struct sluice_table *t,
		      int (*cb)(void *arg, const void *key, const void *value), void *arg)
{
	struct reader r = { .t = t, .cb = cb, .arg = arg };

	if (t->match == SLUICE_MATCH_NONE)
		return -EOPNOTSUPP;
	if (t->percpu)
		return read_percpu(sl, &r);
	if (t->match == SLUICE_MATCH_INDEX)
		return sl->backend->each(sl, t, read_used, &r);
	return sl->backend->each(sl, t, cb, arg);
}

static int count_one(void *arg, const void *key, const void *value)
{
	(void)key;
	(void)value;
	++*(long *)arg;
	return 0;
}

long sluice_table_count(struct sluice *sl, const struct sluice_table *t, __u32 *max)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	long n = 0;
	int err;

	err = bpf_map_get_info_by_fd(sl->map_fd[t->map], &info, &len);
	if (err)
		return err;
	if (max)
		*max = info.max_entries;
	if (t->match == SLUICE_MATCH_NONE)
		return 0;
	err = sluice_table_each(sl, t, count_one, &n);
	return err ? err : n;
}

/* ----------------------------------------------------------------- fields */

static __u64 read_uint(const struct sluice_field *f, const unsigned char *p)
{
	__u64 v64;
	__u32 v32;
	__u16 v16;

	/* members of packed structures may lie anywhere */
	switch (f->size) {
	case 1:
		return *p;
	case 2:
		memcpy(&v16, p, sizeof(v16));
		return f->fmt == SLUICE_FMT_BE ? be16toh(v16) : v16;
	case 4:
		memcpy(&v32, p, sizeof(v32));
		return f->fmt == SLUICE_FMT_BE ? be32toh(v32) : v32;
	case 8:
		memcpy(&v64, p, sizeof(v64));
		return f->fmt == SLUICE_FMT_BE ? be64toh(v64) : v64;
	default:
		return 0;
	}
}

static int format_addr(const unsigned char *p, char *buf, size_t len)
{
	char text[SLUICE_ADDR_STRLEN];
	union sl_addr a;

	memcpy(&a, p, sizeof(a));
	return snprintf(buf, len, "%s", sluice_addr_format(&a, text));
}

static int format_prefix(const unsigned char *p, char *buf, size_t len)
{
	char text[SLUICE_PREFIX_STRLEN];
	struct sl_prefix prefix;

	memcpy(&prefix, p, sizeof(prefix));
	return snprintf(buf, len, "%s", sluice_prefix_format(&prefix, text));
}

/* Two hex digits a byte, @sep between them unless it is NUL. */
static int format_bytes(const struct sluice_field *f, const unsigned char *p, char sep, char *buf,
			size_t len)
{
	char text[3 * 256 + 1];
	int n = 0;
	__u16 i;

	text[0] = '\0';
	for (i = 0; i < f->size && i < 256; i++) {
		if (sep && i)
			text[n++] = sep;
		n += snprintf(text + n, 3, "%02x", p[i]);
	}
	return snprintf(buf, len, "%s", text);
}

static int format_enum(const struct sluice_field *f, __u64 value, char *buf, size_t len)
{
	__u64 i;

	for (i = 0; f->names && f->names[i]; i++)
		if (i == value)
			return snprintf(buf, len, "%s", f->names[i]);
	return snprintf(buf, len, "%llu", (unsigned long long)value);
}

static int format_proto(__u64 value, char *buf, size_t len)
{
	static const struct {
		__u64 proto;
		const char *name;
	} names[] = {
		{ 1, "icmp" }, { 6, "tcp" }, { 17, "udp" }, { 58, "icmpv6" }, { 132, "sctp" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].proto == value)
			return snprintf(buf, len, "%s", names[i].name);
	return snprintf(buf, len, "%llu", (unsigned long long)value);
}

int sluice_field_format(const struct sluice_field *f, const void *base, char *buf, size_t len)
{
	const unsigned char *p = (const unsigned char *)base + f->offset;
	unsigned long long value = read_uint(f, p);

	switch (f->fmt) {
	case SLUICE_FMT_UINT:
	case SLUICE_FMT_BE:
		return snprintf(buf, len, "%llu", value);
	case SLUICE_FMT_HEX:
		return snprintf(buf, len, "0x%llx", value);
	case SLUICE_FMT_ENUM:
		return format_enum(f, value, buf, len);
	case SLUICE_FMT_PROTO:
		return format_proto(value, buf, len);
	case SLUICE_FMT_ADDR:
		return format_addr(p, buf, len);
	case SLUICE_FMT_PREFIX:
		return format_prefix(p, buf, len);
	case SLUICE_FMT_MAC:
		return format_bytes(f, p, ':', buf, len);
	case SLUICE_FMT_BYTES:
		return format_bytes(f, p, '\0', buf, len);
	}
	return snprintf(buf, len, "?");
}
