// SPDX-License-Identifier: GPL-2.0
/* Addresses for pods, see ipam.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cni/ipam.h"
#include "common/file.h"

#define LOCK_TIMEOUT_MS 60000

typedef unsigned __int128 u128;

/* -------------------------------------------------------------- arithmetic */

static u128 to_number(const union sl_addr *a)
{
	u128 n = 0;

	for (int i = 0; i < 16; i++)
		n = n << 8 | a->b[i];
	return n;
}

static union sl_addr to_addr(u128 n)
{
	union sl_addr a;

	for (int i = 15; i >= 0; i--, n >>= 8)
		a.b[i] = n;
	return a;
}

static bool is_set(const union sl_addr *a)
{
	return a->d[0] || a->d[1];
}

static int family_of(const union sl_addr *a)
{
	return sluice_addr_is_v4(a) ? SL_FAMILY_V4 : SL_FAMILY_V6;
}

static int range_family(const struct sl_prefix *range)
{
	union sl_addr a = range->addr;

	return family_of(&a);
}

int ipam_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(union sl_addr));
}

/* First and last address that the range gives away. */
static void bounds(const struct sl_prefix *range, u128 *lo, u128 *hi)
{
	union sl_addr a = range->addr;
	u128 host = range->prefixlen < 128 ? ~(u128)0 >> range->prefixlen : 0;

	*lo = to_number(&a) & ~host;
	*hi = *lo | host;
	if (host < 2)
		return;
	*lo += 2;
	if (family_of(&a) == SL_FAMILY_V4)
		*hi -= 1;
}

bool ipam_offers(const struct sl_prefix *range, const union sl_addr *addr)
{
	u128 lo, hi, n = to_number(addr);

	bounds(range, &lo, &hi);
	return n >= lo && n <= hi;
}

/* The first number from @from to @to that is not used. */
static bool first_free(const union sl_addr *used, size_t nused, u128 from, u128 to, u128 *out)
{
	size_t lo = 0, hi = nused;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (to_number(&used[mid]) < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* A double entry makes the step 0: no matter. */
	for (; lo < nused && from <= to && to_number(&used[lo]) <= from; lo++)
		if (to_number(&used[lo]) == from)
			from++;
	*out = from;
	return from <= to;
}

bool ipam_choose(const struct sl_prefix *range, const union sl_addr *used, size_t nused,
		 const union sl_addr *last, union sl_addr *out)
{
	u128 lo, hi, start, n;

	bounds(range, &lo, &hi);
	if (lo > hi)
		return false;
	start = to_number(last);
	start = start >= lo && start < hi ? start + 1 : lo;
	if (!first_free(used, nused, start, hi, &n) &&
	    !(start > lo && first_free(used, nused, lo, start - 1, &n)))
		return false;
	*out = to_addr(n);
	return true;
}

/* --------------------------------------------------------------- the book */

struct book {
	union sl_addr *used[__SL_FAMILY_MAX];
	size_t n[__SL_FAMILY_MAX], size[__SL_FAMILY_MAX];
	union sl_addr last[__SL_FAMILY_MAX];	/* all zero: not known */
};

static int book_add(struct book *b, const union sl_addr *a)
{
	int f = family_of(a);

	if (b->n[f] == b->size[f]) {
		size_t size = b->size[f] ? b->size[f] * 2 : 256;
		union sl_addr *used = realloc(b->used[f], size * sizeof(*used));

		if (!used)
			return -ENOMEM;
		b->used[f] = used;
		b->size[f] = size;
	}
	b->used[f][b->n[f]++] = *a;
	return 0;
}

static int book_record(void *arg, const char *file, const struct record *rec, const char *why)
{
	int err = 0;

	/*
	 * Whatever addresses it held, nobody can say; should one be given
	 * away again, the pod's route on the node tells (link.c).
	 */
	if (!rec) {
		log_warning("endpoint record %s is of no use: %s", file, why);
		return 0;
	}
	for (int f = 0; f < __SL_FAMILY_MAX && !err; f++)
		if (is_set(&rec->addr[f]))
			err = book_add(arg, &rec->addr[f]);
	return err;
}

static void book_free(struct book *b)
{
	for (int f = 0; f < __SL_FAMILY_MAX; f++)
		free(b->used[f]);
}

static int book_read(struct book *b, int dirfd)
{
	int err;

	memset(b, 0, sizeof(*b));
	err = record_each(dirfd, book_record, b);
	for (int f = 0; f < __SL_FAMILY_MAX && !err; f++)
		if (b->n[f])
			qsort(b->used[f], b->n[f], sizeof(*b->used[f]), ipam_compare);
	if (err)
		book_free(b);
	return err;
}

/*
 * What was chosen last is kept in the lock file. It is a hint: lost or torn,
 * the search begins at the start of the range.
 */
static void book_recall(struct book *b, int lock)
{
	union sl_addr last[__SL_FAMILY_MAX];

	if (pread(lock, last, sizeof(last), 0) == sizeof(last))
		memcpy(b->last, last, sizeof(last));
}

static void book_remember(const struct book *b, int lock)
{
	if (pwrite(lock, b->last, sizeof(b->last), 0) != sizeof(b->last))
		log_debug("cannot remember the last address");
}

/* --------------------------------------------------------------- choosing */

static void describe(const struct ipam_ranges *ranges, int family, char *buf, size_t len)
{
	char text[SLUICE_PREFIX_STRLEN];
	size_t used = 0;

	*buf = 0;
	for (size_t i = 0; i < ranges->n && used < len; i++)
		if (range_family(&ranges->range[i]) == family)
			used += snprintf(buf + used, len - used, "%s%s", used ? ", " : "",
					 sluice_prefix_format(&ranges->range[i], text));
}

static int choose_any(const struct book *b, const struct ipam_ranges *ranges, int family,
		      union sl_addr *out, struct cni_error *err)
{
	char text[256];
	size_t first = 0;

	/* Go on in the range that the last one came from. */
	for (size_t i = 0; i < ranges->n; i++)
		if (ipam_offers(&ranges->range[i], &b->last[family]))
			first = i;
	for (size_t i = 0; i < ranges->n; i++) {
		const struct sl_prefix *r = &ranges->range[(first + i) % ranges->n];

		if (range_family(r) == family &&
		    ipam_choose(r, b->used[family], b->n[family], &b->last[family], out))
			return 0;
	}
	describe(ranges, family, text, sizeof(text));
	return cni_fail(err, CNI_CODE_EXHAUSTED, "no free address",
			"all addresses of %s are in use, by %zu pods", text, b->n[family]);
}

static int choose_wanted(const struct book *b, const struct ipam_ranges *ranges,
			 const union sl_addr *want, union sl_addr *out, struct cni_error *err)
{
	char addr[SLUICE_ADDR_STRLEN], text[256];
	int family = family_of(want);
	bool offered = false;

	sluice_addr_format(want, addr);
	for (size_t i = 0; i < ranges->n; i++)
		offered |= range_family(&ranges->range[i]) == family &&
			   ipam_offers(&ranges->range[i], want);
	describe(ranges, family, text, sizeof(text));
	if (!offered)
		return cni_fail(err, CNI_CODE_CONFIG, "address cannot be had",
				"%s: not an address for pods of this node: %s", addr,
				*text ? text : "no range of this family");
	if (b->n[family] &&
	    bsearch(want, b->used[family], b->n[family], sizeof(*want), ipam_compare))
		return cni_fail(err, CNI_CODE_EXISTS, "address in use",
				"%s: another pod has it", addr);
	*out = *want;
	return 0;
}

static int choose(struct book *b, const struct ipam_ranges *ranges, const union sl_addr *want,
		  struct record *rec, struct cni_error *err)
{
	bool offered[__SL_FAMILY_MAX] = {};

	for (size_t i = 0; i < ranges->n; i++)
		offered[range_family(&ranges->range[i])] = true;
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		if (is_set(&want[f])) {
			if (choose_wanted(b, ranges, &want[f], &rec->addr[f], err))
				return -1;
		} else if (offered[f]) {
			if (choose_any(b, ranges, f, &rec->addr[f], err))
				return -1;
			b->last[f] = rec->addr[f];
		}
	}
	return 0;
}

/* -------------------------------------------------------------- the doors */

static int reserve_locked(int dirfd, int lock, const struct ipam_ranges *ranges,
			  const union sl_addr *want, struct record *rec, struct cni_error *err)
{
	struct book b;
	int ret;

	ret = book_read(&b, dirfd);
	if (ret)
		return cni_fail_errno(err, CNI_CODE_IO, "cannot read the endpoint records", ret);
	book_recall(&b, lock);
	ret = choose(&b, ranges, want, rec, err);
	if (!ret) {
		/*
		 * Not durable: a power cut ends this pod with all others, and
		 * until then every process sees the file.
		 */
		ret = record_write(dirfd, rec, false);
		if (ret)
			ret = cni_fail_errno(err, CNI_CODE_IO,
					     "cannot write the endpoint record", ret);
		else
			book_remember(&b, lock);
	}
	book_free(&b);
	return ret;
}

int ipam_reserve(int dirfd, const struct ipam_ranges *ranges, const union sl_addr *want,
		 struct record *rec, struct cni_error *err)
{
	char name[NAME_MAX + 1];
	int lock, ret;

	ret = record_file_name(rec->container_id, rec->ifname, name);
	if (ret)
		return cni_fail_errno(err, CNI_CODE_INTERNAL, "endpoint record", ret);
	lock = file_lock(dirfd, RECORD_LOCK, LOCK_TIMEOUT_MS);
	if (lock < 0)
		return cni_fail_errno(err, lock == -ETIMEDOUT ? CNI_CODE_AGAIN : CNI_CODE_IO,
				      "cannot lock the endpoint records", lock);
	if (!faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW))
		ret = cni_fail(err, CNI_CODE_EXISTS, "attachment exists",
			       "container %s has an interface %s already; DEL comes first",
			       rec->container_id, rec->ifname);
	else
		ret = reserve_locked(dirfd, lock, ranges, want, rec, err);
	close(lock);
	return ret;
}

/* A DEL that came in between has freed the addresses: they may be another pod's. */
static int still_reserved(int dirfd, const char *name, const struct record *rec)
{
	struct record found;
	char why[128];
	int err;

	err = record_read(dirfd, name, &found, why, sizeof(why));
	if (err)
		return err;
	if (found.ready || memcmp(found.addr, rec->addr, sizeof(rec->addr)))
		err = -ENOENT;
	record_clear(&found);
	return err;
}

int ipam_commit(int dirfd, struct record *rec)
{
	char name[NAME_MAX + 1];
	int lock, err;

	err = record_file_name(rec->container_id, rec->ifname, name);
	if (err)
		return err;
	lock = file_lock(dirfd, RECORD_LOCK, LOCK_TIMEOUT_MS);
	if (lock < 0)
		return lock;
	err = still_reserved(dirfd, name, rec);
	if (!err) {
		rec->ready = true;
		err = record_write(dirfd, rec, true);
	}
	close(lock);
	return err;
}

int ipam_release(int dirfd, const char *container_id, const char *ifname)
{
	char name[NAME_MAX + 1];
	int lock, err;

	err = record_file_name(container_id, ifname, name);
	if (err)
		return err;
	lock = file_lock(dirfd, RECORD_LOCK, LOCK_TIMEOUT_MS);
	if (lock < 0)
		return lock;
	err = file_remove(dirfd, name);
	close(lock);
	return err;
}

/* Under the lock nobody is writing: a temporary file is a dead writer's. */
static int sweep_locked(int dirfd)
{
	struct dirent *de;
	int fd, err = 0;
	DIR *dir;

	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while ((de = readdir(dir))) {
		size_t len = strlen(de->d_name);

		if (*de->d_name == '.' && len > 4 && !strcmp(de->d_name + len - 4, ".tmp") &&
		    unlinkat(dirfd, de->d_name, 0) && errno != ENOENT)
			err = -errno;
	}
	closedir(dir);
	return err;
}

int ipam_sweep(int dirfd)
{
	int lock, err;

	lock = file_lock(dirfd, RECORD_LOCK, LOCK_TIMEOUT_MS);
	if (lock < 0)
		return lock;
	err = sweep_locked(dirfd);
	close(lock);
	return err;
}

int ipam_probe(int dirfd, const struct ipam_ranges *ranges, struct cni_error *err)
{
	static const union sl_addr any[__SL_FAMILY_MAX];
	struct record rec = {};
	struct book b;
	int ret;

	/* Without the lock: an answer that is a moment old will do. */
	ret = book_read(&b, dirfd);
	if (ret)
		return cni_fail_errno(err, CNI_CODE_IO, "cannot read the endpoint records", ret);
	ret = choose(&b, ranges, any, &rec, err);
	book_free(&b);
	return ret;
}
