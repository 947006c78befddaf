/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Endpoint records (Documentation/control.md): one attachment of a pod, as a
 * file below <state-dir>/endpoints and as the argument of endpoint.add. The
 * plugin writes them, the daemon reads them.
 */
#ifndef SLUICE_RECORD_H
#define SLUICE_RECORD_H

#include <jansson.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include "bpf/abi.h"

#define RECORD_DIR	"endpoints"	/* below the state directory */
#define RECORD_LOCK	".lock"		/* in there, for file_lock() */
#define RECORD_SIZE_MAX	65536		/* bytes of one file */
/* With the interface, ".json" and a temporary file's affixes it fits a file name. */
#define RECORD_ID_MAX	200

/* Strings are never NULL after record_parse(); record_clear() frees them. */
struct record {
	char *network;			/* name of the network configuration */
	char *container_id;
	char *netns;			/* path; "" when not known */
	__u64 netns_cookie;		/* of that, SO_NETNS_COOKIE; 0: not known */
	char *pod_namespace, *pod_name, *pod_uid; /* "" when not told */
	char ifname[IFNAMSIZ];		/* in the pod */
	char host_ifname[IFNAMSIZ];
	int host_ifindex;		/* 0 while not ready */
	__u8 mac[6], host_mac[6];
	union sl_addr addr[__SL_FAMILY_MAX]; /* all zero: none */
	unsigned int mtu;		/* bytes */
	bool netkit;			/* else veth */
	bool ready;
};

/* -EINVAL: @why names the field and what is wrong with it. */
int record_parse(const json_t *doc, struct record *out, char *why, size_t len);
/* A new reference, or NULL without memory. */
json_t *record_json(const struct record *rec);
void record_clear(struct record *rec);

/* Parts of a record's file name; no more and no less than CNI allows. */
bool record_id_valid(const char *id);
bool record_ifname_valid(const char *name);
/* -EINVAL where a part is not valid. */
int record_file_name(const char *id, const char *ifname, char buf[NAME_MAX + 1]);
/* The reverse; @id holds RECORD_ID_MAX + 1 bytes. False: not a record's name. */
bool record_file_parse(const char *file, char *id, char ifname[IFNAMSIZ]);

/*
 * A descriptor of <@state_dir>/endpoints; with @create made 0700 where it is
 * missing. -ENOENT.
 */
int record_dir_open(const char *state_dir, bool create);
/* -ENOENT; -EINVAL: not a record, or one whose name and content differ (@why). */
int record_read(int dirfd, const char *file, struct record *out, char *why, size_t len);
/* @durable: as for file_write(). */
int record_write(int dirfd, const struct record *rec, bool durable);
/*
 * Calls @cb for each record in no order; @rec is NULL where the file cannot
 * be used, @why says why. @rec is the callee's to read only. A non-zero
 * return stops and is returned.
 */
int record_each(int dirfd, int (*cb)(void *arg, const char *file, const struct record *rec,
				     const char *why), void *arg);

/* "02:00:00:00:00:01"; -EINVAL. */
int mac_parse(const char *text, __u8 out[6]);
#define MAC_STRLEN 18
const char *mac_format(const __u8 mac[6], char buf[MAC_STRLEN]);

#endif /* SLUICE_RECORD_H */
