/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the API server answers, taken apart: a page of a list, an event of a
 * watch. Objects go through the parser of manifests, so that they meet the
 * same checks wherever they come from. Nothing here keeps anything.
 * Protocol: https://kubernetes.io/docs/reference/using-api/api-concepts/
 */
#ifndef SLUICE_K8S_REPLY_H
#define SLUICE_K8S_REPLY_H

#include "daemon/manifest.h"

/* Bytes with the NUL. Opaque to clients; a longer one is refused. */
#define K8S_VERSION_MAX		64
#define K8S_CONTINUE_MAX	4096

/* A kind that is listed and watched. */
struct k8s_kind {
	enum object_kind kind;
	const char *name;		/* "Pod" */
	const char *api;		/* "v1" */
	const char *path;		/* "/api/v1/pods" */
	bool optional;			/* a cluster may not know it: 404 means that there are none */
};

#define K8S_KINDS 7
extern const struct k8s_kind k8s_kinds[K8S_KINDS];

/* What a server says goes into logs and answers: nothing in it may move the cursor. */
void k8s_printable(char *s);

struct k8s_page {
	char version[K8S_VERSION_MAX];		/* of the whole list: watch from here */
	char token[K8S_CONTINUE_MAX];		/* of the next page; "": this is the last */
};

enum k8s_event_type {
	K8S_EVENT_ADDED,
	K8S_EVENT_MODIFIED,
	K8S_EVENT_DELETED,
	K8S_EVENT_BOOKMARK,
	K8S_EVENT_ERROR,
};

struct k8s_event {
	enum k8s_event_type type;
	char version[K8S_VERSION_MAX];		/* to resume from; "" with ERROR */
	struct manifest_item item;		/* ADDED, MODIFIED, DELETED; item.obj is the caller's */
	long code;				/* ERROR: HTTP's; 410: list again; 0: not said */
	char message[256];			/* ERROR, printable */
};

/*
 * k8s_page_parse() - one page of a list of @kind
 * @cb: as for manifest_parse(); an object that is wrong is told to it
 *
 * -EINVAL: the text is cut, is not such a list, or has no resourceVersion;
 * @diag says where. @cb may have been called: what it was told is no page.
 * -ENOMEM, or what @cb returned.
 */
int k8s_page_parse(const struct k8s_kind *kind, const char *text, size_t len,
		   struct k8s_page *page, int (*cb)(void *arg, struct manifest_item *item),
		   void *arg, struct diag *diag);

/*
 * k8s_event_parse() - one line of a watch on @kind
 *
 * 0 also when the object is wrong: then item.obj is NULL and item.diag says
 * why. -EINVAL: no event, @diag says where. -ENOMEM. On error @ev holds
 * nothing to free.
 */
int k8s_event_parse(const struct k8s_kind *kind, const char *text, size_t len,
		    struct k8s_event *ev, struct diag *diag);

#endif
