// SPDX-License-Identifier: GPL-2.0
/* Endpoint records, see record.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/file.h"
#include "common/record.h"
#include "lib/sluice.h"

#define RECORD_VERSION 1

/* ----------------------------------------------------------------- names */

/* CNI specification, section 2, "Parameters": CNI_CONTAINERID. */
bool record_id_valid(const char *id)
{
	size_t len = strlen(id);

	if (!len || len > RECORD_ID_MAX || !isalnum((unsigned char)*id))
		return false;
	for (; *id; id++)
		if (!isalnum((unsigned char)*id) && !strchr("_.-", *id))
			return false;
	return true;
}

/* dev_valid_name() of the kernel, and what the specification adds to it. */
bool record_ifname_valid(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name) ||
		    (unsigned char)*name < 0x20 || *name == 0x7f)
			return false;
	return true;
}

int record_file_name(const char *id, const char *ifname, char buf[NAME_MAX + 1])
{
	if (!record_id_valid(id) || !record_ifname_valid(ifname))
		return -EINVAL;
	snprintf(buf, NAME_MAX + 1, "%s:%s.json", id, ifname);
	return 0;
}

bool record_file_parse(const char *file, char *id, char ifname[IFNAMSIZ])
{
	const char *colon = strchr(file, ':');
	size_t len = strlen(file), id_len, if_len;

	if (!colon || len < 5 || strcmp(file + len - 5, ".json"))
		return false;
	id_len = colon - file;
	if (id_len > RECORD_ID_MAX || id_len + 1 + 5 > len)
		return false;
	if_len = len - 5 - id_len - 1;
	if (if_len >= IFNAMSIZ)
		return false;
	memcpy(id, file, id_len);
	id[id_len] = 0;
	memcpy(ifname, colon + 1, if_len);
	ifname[if_len] = 0;
	return record_id_valid(id) && record_ifname_valid(ifname);
}

int mac_parse(const char *text, __u8 out[6])
{
	for (int i = 0; i < 6; i++, text += 3) {
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    text[2] != (i < 5 ? ':' : 0))
			return -EINVAL;
		out[i] = strtoul((char[]){text[0], text[1], 0}, NULL, 16);
	}
	return 0;
}

const char *mac_format(const __u8 mac[6], char buf[MAC_STRLEN])
{
	snprintf(buf, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}

/* --------------------------------------------------------------- parsing */

struct parser {
	const json_t *doc;
	char *why;
	size_t len;
	int err;		/* the first one stays */
};

__attribute__((format(printf, 3, 4)))
static void complain(struct parser *p, int err, const char *fmt, ...)
{
	va_list ap;

	if (p->err)
		return;
	p->err = err;
	va_start(ap, fmt);
	if (p->why)
		vsnprintf(p->why, p->len, fmt, ap);
	va_end(ap);
}

static const char *get_string(struct parser *p, const char *field)
{
	const json_t *v = json_object_get(p->doc, field);

	if (!json_is_string(v)) {
		complain(p, -EINVAL, "%s: must be a string", field);
		return "";
	}
	return json_string_value(v);
}

static char *dup_string(struct parser *p, const char *field)
{
	char *s = strdup(get_string(p, field));

	if (!s)
		complain(p, -ENOMEM, "out of memory");
	return s;
}

static void get_name(struct parser *p, const char *field, char out[IFNAMSIZ])
{
	const char *s = get_string(p, field);

	if (record_ifname_valid(s))
		strcpy(out, s);
	else
		complain(p, -EINVAL, "%s: not the name of an interface", field);
}

static void get_mac(struct parser *p, const char *field, __u8 out[6])
{
	if (mac_parse(get_string(p, field), out))
		complain(p, -EINVAL, "%s: not a MAC address", field);
}

static json_int_t get_number(struct parser *p, const char *field, json_int_t max)
{
	const json_t *v = json_object_get(p->doc, field);
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || n > max) {
		complain(p, -EINVAL, "%s: must be a number from 0 to %lld", field, (long long)max);
		return 0;
	}
	return n;
}

/* Records of before have none. */
static __u64 get_cookie(struct parser *p)
{
	return json_object_get(p->doc, "netnsCookie") ?
		       (__u64)get_number(p, "netnsCookie", LLONG_MAX) : 0;
}

static void get_addresses(struct parser *p, struct record *out)
{
	const json_t *list = json_object_get(p->doc, "addresses"), *v;
	union sl_addr a;
	size_t i;
	int family;

	if (!json_is_array(list) || !json_array_size(list))
		complain(p, -EINVAL, "addresses: must be a list of at least one address");
	json_array_foreach(list, i, v) {
		if (!json_is_string(v) || sluice_addr_parse(json_string_value(v), &a)) {
			complain(p, -EINVAL, "addresses[%zu]: not an address", i);
			return;
		}
		family = sluice_addr_is_v4(&a) ? SL_FAMILY_V4 : SL_FAMILY_V6;
		if (out->addr[family].d[0] || out->addr[family].d[1]) {
			complain(p, -EINVAL, "addresses[%zu]: more than one address of a family", i);
			return;
		}
		out->addr[family] = a;
	}
}

static void get_kind(struct parser *p, struct record *out)
{
	const char *datapath = get_string(p, "datapath");
	const json_t *ready = json_object_get(p->doc, "ready");

	out->netkit = !strcmp(datapath, "netkit");
	if (!out->netkit && strcmp(datapath, "veth"))
		complain(p, -EINVAL, "datapath: must be veth or netkit");
	out->ready = json_is_true(ready);
	if (!json_is_boolean(ready))
		complain(p, -EINVAL, "ready: must be true or false");
	if (out->ready && !out->host_ifindex)
		complain(p, -EINVAL, "hostIfindex: must not be 0 when ready");
}

int record_parse(const json_t *doc, struct record *out, char *why, size_t len)
{
	struct parser p = {.doc = doc, .why = why, .len = len};

	memset(out, 0, sizeof(*out));
	if (!json_is_object(doc))
		complain(&p, -EINVAL, "must be an object");
	if (get_number(&p, "version", INT_MAX) != RECORD_VERSION)
		complain(&p, -EINVAL, "version: only %d is known", RECORD_VERSION);
	out->network = dup_string(&p, "network");
	out->container_id = dup_string(&p, "containerID");
	out->netns = dup_string(&p, "netns");
	out->netns_cookie = get_cookie(&p);
	out->pod_namespace = dup_string(&p, "podNamespace");
	out->pod_name = dup_string(&p, "podName");
	out->pod_uid = dup_string(&p, "podUID");
	if (!p.err && !record_id_valid(out->container_id))
		complain(&p, -EINVAL, "containerID: not a container's identifier");
	get_name(&p, "ifname", out->ifname);
	get_name(&p, "hostIfname", out->host_ifname);
	out->host_ifindex = get_number(&p, "hostIfindex", INT_MAX);
	get_mac(&p, "mac", out->mac);
	get_mac(&p, "hostMac", out->host_mac);
	get_addresses(&p, out);
	out->mtu = get_number(&p, "mtu", 65535);
	get_kind(&p, out);
	if (p.err)
		record_clear(out);
	return p.err;
}

json_t *record_json(const struct record *rec)
{
	char mac[MAC_STRLEN], host_mac[MAC_STRLEN], addr[SLUICE_ADDR_STRLEN];
	json_t *list = json_array(), *doc;

	for (int f = 0; list && f < __SL_FAMILY_MAX; f++)
		if ((rec->addr[f].d[0] || rec->addr[f].d[1]) &&
		    json_array_append_new(list,
					  json_string(sluice_addr_format(&rec->addr[f], addr)))) {
			json_decref(list);
			list = NULL;
		}
	if (!list)
		return NULL;
	doc = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:o, s:i, s:s, s:s, s:s,"
			" s:s, s:b}",
			"version", RECORD_VERSION, "network", rec->network,
			"containerID", rec->container_id, "ifname", rec->ifname,
			"netns", rec->netns, "hostIfname", rec->host_ifname,
			"hostIfindex", rec->host_ifindex, "mac", mac_format(rec->mac, mac),
			"hostMac", mac_format(rec->host_mac, host_mac), "addresses", list,
			"mtu", (int)rec->mtu, "datapath", rec->netkit ? "netkit" : "veth",
			"podNamespace", rec->pod_namespace, "podName", rec->pod_name,
			"podUID", rec->pod_uid, "ready", (int)rec->ready);
	if (doc && rec->netns_cookie &&
	    json_object_set_new(doc, "netnsCookie", json_integer((json_int_t)rec->netns_cookie))) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

void record_clear(struct record *rec)
{
	free(rec->network);
	free(rec->container_id);
	free(rec->netns);
	free(rec->pod_namespace);
	free(rec->pod_name);
	free(rec->pod_uid);
	memset(rec, 0, sizeof(*rec));
}

/* ----------------------------------------------------------------- files */

int record_dir_open(const char *state_dir, bool create)
{
	char path[PATH_MAX];
	int fd, err;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", state_dir, RECORD_DIR) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT || !create)
		return -errno;
	err = file_mkdir(path, 0700);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int record_read(int dirfd, const char *file, struct record *out, char *why, size_t len)
{
	char name[NAME_MAX + 1], *data;
	json_error_t jerr;
	json_t *doc;
	size_t size;
	int err;

	err = file_read(dirfd, file, RECORD_SIZE_MAX, &data, &size);
	if (err) {
		snprintf(why, len, "%s", strerror(-err));
		return err;
	}
	doc = json_loadb(data, size, JSON_REJECT_DUPLICATES, &jerr);
	free(data);
	if (!doc) {
		snprintf(why, len, "line %d, column %d: %s", jerr.line, jerr.column, jerr.text);
		return -EINVAL;
	}
	err = record_parse(doc, out, why, len);
	json_decref(doc);
	if (!err && (record_file_name(out->container_id, out->ifname, name) ||
		     strcmp(name, file))) {
		snprintf(why, len, "containerID, ifname: not those of the file's name");
		record_clear(out);
		err = -EINVAL;
	}
	return err;
}

int record_write(int dirfd, const struct record *rec, bool durable)
{
	char name[NAME_MAX + 1], *text;
	json_t *doc;
	int err;

	err = record_file_name(rec->container_id, rec->ifname, name);
	if (err)
		return err;
	doc = record_json(rec);
	text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	json_decref(doc);
	if (!text)
		return -ENOMEM;
	err = file_write(dirfd, name, text, strlen(text), durable);
	free(text);
	return err;
}

int record_each(int dirfd, int (*cb)(void *arg, const char *file, const struct record *rec,
				     const char *why), void *arg)
{
	char why[256], id[RECORD_ID_MAX + 1], ifname[IFNAMSIZ];
	struct dirent *de;
	struct record rec;
	int fd, err = 0;
	DIR *dir;

	/* The position is the open file's: a descriptor of our own. */
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (!err && (errno = 0, de = readdir(dir))) {
		if (!record_file_parse(de->d_name, id, ifname))
			continue;
		err = record_read(dirfd, de->d_name, &rec, why, sizeof(why));
		if (err == -ENOENT) {
			err = 0;	/* gone meanwhile */
			continue;
		}
		if (err) {
			err = cb(arg, de->d_name, NULL, why);
			continue;
		}
		err = cb(arg, de->d_name, &rec, NULL);
		record_clear(&rec);
	}
	if (!err && errno)
		err = -errno;
	closedir(dir);
	return err;
}
