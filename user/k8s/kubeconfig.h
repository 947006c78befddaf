/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How to reach an API server, and as whom: from a kubeconfig or from the
 * service account that a pod is given. Only reads; connects to nothing.
 * Format: k8s.io/client-go/tools/clientcmd/api/v1.
 */
#ifndef SLUICE_K8S_KUBECONFIG_H
#define SLUICE_K8S_KUBECONFIG_H

#include <stddef.h>
#include "daemon/policy.h"

#define KUBECONFIG_MAX_BYTES	(1U << 20)
/* Bytes of a bearer token. It goes into one header. */
#define K8S_TOKEN_MAX		16384

/* Either a file, as an absolute path, or its content; both NULL: not given. */
struct k8s_secret {
	char *path;
	char *data;			/* decoded, NUL after it */
	size_t len;			/* bytes of @data */
};

struct kubeconfig {
	char *server;			/* "https://…", no slash at the end */
	char *tls_name;			/* the certificate's name, where it is not the server's; or NULL */
	struct k8s_secret ca;		/* not given: the system's */
	struct k8s_secret cert, key;	/* both or none, PEM */
	struct k8s_secret token;	/* a path is read again for every connection: it is rotated */
};

/*
 * kubeconfig_parse() - the current context of a kubeconfig
 * @file: for complaints; relative paths inside start from its directory
 *
 * What would be less safe than it looks is refused, not ignored: plain-text
 * servers, insecure-skip-tls-verify, commands that print credentials.
 * 0: kubeconfig_exit() is the caller's. -EINVAL: @diag. -ENOMEM. On error
 * @out holds nothing.
 */
int kubeconfig_parse(const char *file, const char *text, size_t len, struct kubeconfig *out,
		     struct diag *diag);

/*
 * kubeconfig_in_cluster() - the service account mounted at @dir
 * @host, @port: what KUBERNETES_SERVICE_HOST and _PORT say
 *
 * -ENOENT: not in a cluster (one of them is NULL or empty). -EINVAL: no
 * address, or no port. -ENOMEM.
 */
int kubeconfig_in_cluster(const char *dir, const char *host, const char *port,
			  struct kubeconfig *out);

/* Overwrites secrets, then frees; fine on what is all zero. */
void kubeconfig_exit(struct kubeconfig *kc);

/*
 * k8s_token_read() - the bearer token as it is now
 * @buf: K8S_TOKEN_MAX bytes, NUL-terminated on success
 *
 * -ENOENT: none is configured. -EBADMSG: empty, or not fit for a header.
 * -EFBIG, or the errno of reading its file.
 */
int k8s_token_read(const struct k8s_secret *token, char *buf);

#endif
