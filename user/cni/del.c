// SPDX-License-Identifier: GPL-2.0
/*
 * DEL and GC: both take attachments away, one by name, the other by not being
 * in a list. The daemon is told first, so that it lets go of the addresses
 * before they are somebody else's; without a daemon there is no ADD either.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cni/agent.h"
#include "cni/ipam.h"
#include "cni/wire.h"

struct cleaner {
	struct control *ctl;		/* NULL: no daemon */
	struct rt *host;
	int dirfd;			/* -ENOENT: no records at all */
};

static int cleaner_open(struct cni *cni, struct cleaner *c)
{
	int ret;

	memset(c, 0, sizeof(*c));
	ret = rt_open(&c->host);
	if (ret)
		return cni_fail_errno(&cni->err, CNI_CODE_KERNEL, "cannot open rtnetlink", ret);
	c->dirfd = record_dir_open(cni->conf.state_dir, false);
	if (c->dirfd < 0 && c->dirfd != -ENOENT) {
		cni_fail(&cni->err, CNI_CODE_IO, "cannot open the state directory", "%.200s: %s",
			 cni->conf.state_dir, strerror(-c->dirfd));
		rt_close(c->host);
		return -1;
	}
	ret = control_open(cni->conf.socket, &c->ctl);
	if (ret)
		log_info("%s: %s: going on without the daemon", cni->conf.socket, strerror(-ret));
	return 0;
}

static void cleaner_close(struct cleaner *c)
{
	control_close(c->ctl);
	if (c->dirfd >= 0)
		close(c->dirfd);
	rt_close(c->host);
}

/* Daemon, interfaces, record, in this order: by the record a second try finds the rest. */
static int detach(struct cleaner *c, const char *container_id, const char *ifname,
		  struct cni_error *err)
{
	char host_ifname[IFNAMSIZ];
	int ret;

	if (c->ctl)
		agent_del(c->ctl, container_id, ifname);
	wire_host_ifname(container_id, ifname, host_ifname);
	ret = wire_remove(c->host, host_ifname);
	if (ret)
		return cni_fail(err, CNI_CODE_KERNEL, "cannot remove the interfaces", "%s: %s%s%s",
				host_ifname, strerror(-ret), *rt_error(c->host) ? ": " : "",
				rt_error(c->host));
	ret = c->dirfd < 0 ? 0 : ipam_release(c->dirfd, container_id, ifname);
	if (ret)
		return cni_fail(err, CNI_CODE_IO, "cannot remove the endpoint record", "%s %s: %s",
				container_id, ifname, strerror(-ret));
	return 0;
}

/*
 * A container can have the same interface name asked for by two networks, and
 * only one has got it: the other's DEL must not take it away.
 */
static bool is_others(const struct cni *cni, const struct cleaner *c)
{
	char name[NAME_MAX + 1], why[128];
	struct record rec;
	bool others;

	if (c->dirfd < 0 ||
	    record_file_name(cni->env.container_id, cni->env.ifname, name) ||
	    record_read(c->dirfd, name, &rec, why, sizeof(why)))
		return false;
	others = strcmp(rec.network, cni->conf.name);
	record_clear(&rec);
	return others;
}

int cni_del(struct cni *cni)
{
	struct cleaner c;
	int ret = 0;

	if (cleaner_open(cni, &c))
		return -1;
	if (!is_others(cni, &c))
		ret = detach(&c, cni->env.container_id, cni->env.ifname, &cni->err);
	cleaner_close(&c);
	return ret;
}

/* -------------------------------------------------------------------- GC */

struct stale {
	char id[RECORD_ID_MAX + 1];
	char ifname[IFNAMSIZ];
};

struct gc {
	struct cni *cni;
	struct cleaner *cleaner;
	struct stale *list;
	size_t n, size;
};

static bool is_valid(const struct cni *cni, const struct stale *s)
{
	const json_t *v;
	size_t i;

	json_array_foreach(cni->conf.valid, i, v)
		if (!strcmp(json_string_value(json_object_get(v, "containerID")), s->id) &&
		    !strcmp(json_string_value(json_object_get(v, "ifname")), s->ifname))
			return true;
	return false;
}

/* A record that can't be read may be another network's: it goes when its interface is gone. */
static bool is_dead(const struct gc *gc, const struct stale *s)
{
	char host_ifname[IFNAMSIZ];
	struct rt_link link;

	wire_host_ifname(s->id, s->ifname, host_ifname);
	return rt_link_get_by_name(gc->cleaner->host, host_ifname, &link) == -ENODEV;
}

static int gc_record(void *arg, const char *file, const struct record *rec, const char *why)
{
	struct gc *gc = arg;
	struct stale s;

	if (!record_file_parse(file, s.id, s.ifname) || is_valid(gc->cni, &s))
		return 0;
	if (rec ? strcmp(rec->network, gc->cni->conf.name) : !is_dead(gc, &s)) {
		if (!rec)
			log_warning("endpoint record %s is of no use: %s", file, why);
		return 0;
	}
	if (gc->n == gc->size) {
		size_t size = gc->size ? gc->size * 2 : 64;
		struct stale *list = realloc(gc->list, size * sizeof(*list));

		if (!list)
			return -ENOMEM;
		gc->list = list;
		gc->size = size;
	}
	gc->list[gc->n++] = s;
	return 0;
}

static int gc_run(struct gc *gc)
{
	struct cni_error *err = &gc->cni->err;
	int ret = 0;

	if (gc->cni->conf.valid)
		ret = record_each(gc->cleaner->dirfd, gc_record, gc);
	else
		log_warning("GC without a list of valid attachments: they all stay");
	if (ret)
		cni_fail_errno(err, CNI_CODE_IO, "cannot read the endpoint records", ret);
	/* One that fails must not keep the others; the first error is reported. */
	for (size_t i = 0; i < gc->n; i++)
		ret |= detach(gc->cleaner, gc->list[i].id, gc->list[i].ifname, err);
	if (ipam_sweep(gc->cleaner->dirfd))
		log_warning("cannot sweep temporary files");
	free(gc->list);
	return ret ? -1 : 0;
}

int cni_gc(struct cni *cni)
{
	struct cleaner c;
	struct gc gc = {.cni = cni, .cleaner = &c};
	int ret = 0;

	if (cleaner_open(cni, &c))
		return -1;
	if (c.dirfd >= 0)
		ret = gc_run(&gc);
	cleaner_close(&c);
	return ret;
}
