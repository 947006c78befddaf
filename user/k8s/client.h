/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests to one API server, on a libuv loop: any number at once, over one
 * connection where the server speaks HTTP/2. TLS and HTTP are libcurl's.
 *
 * What is not the server by its certificate gets nothing; redirects, proxies
 * of the environment and plain text are not followed.
 */
#ifndef SLUICE_K8S_CLIENT_H
#define SLUICE_K8S_CLIENT_H

#include <uv.h>
#include "k8s/kubeconfig.h"

struct k8s_client;
struct k8s_request;

/* Called from the loop; not from within k8s_request_start(). */
struct k8s_request_ops {
	/* The head of an answer 2xx is there. May not start or cancel requests. NULL: unheard. */
	void (*begin)(void *arg);
	/*
	 * Bytes of an answer 2xx, as they come. Non-zero: no more is wanted, the
	 * request ends. May not start or cancel requests. NULL: body not wanted.
	 */
	int (*data)(void *arg, const char *data, size_t len);
	/*
	 * Once; @req is gone then. @status: HTTP's; 0: no answer, or one that was
	 * cut off. @why: one printable line, "" with 2xx, lives until it returns.
	 */
	void (*end)(void *arg, int status, const char *why);
};

struct k8s_request_params {
	const char *method;		/* "GET", "POST", "PATCH" */
	const char *target;		/* path and query: "/api/v1/pods?limit=1" */
	const char *type;		/* of @body; NULL: there is none */
	const char *body;
	unsigned int timeout_s;		/* for all of it */
};

/*
 * k8s_client_new() - a client for @kc
 * @kc: the client's from here on, also on error; all zero afterwards
 *
 * Connects to nothing yet: also a certificate or key that is none is told by
 * requests, not here. -ENOMEM; -ENOENT: there is no libcurl.
 */
int k8s_client_new(uv_loop_t *loop, struct kubeconfig *kc, struct k8s_client **out);
/* Cancels what is under way; handles are closed by the loop. NULL is fine. */
void k8s_client_free(struct k8s_client *c);

const char *k8s_client_server(const struct k8s_client *c);	/* "https://…" */

/*
 * k8s_request_start() - send a request
 *
 * The bearer token is read anew, so that a rotated one counts at once.
 * @p and its strings are copied. -ENOMEM, or an errno of k8s_token_read().
 */
int k8s_request_start(struct k8s_client *c, const struct k8s_request_params *p,
		      const struct k8s_request_ops *ops, void *arg, struct k8s_request **out);
/* end() is not called. NULL is fine. */
void k8s_request_cancel(struct k8s_request *req);

#endif
