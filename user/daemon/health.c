// SPDX-License-Identifier: GPL-2.0
/* See health.h. */
#include "daemon/health.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "daemon/http.h"

struct health {
	struct health_ctx ctx;
	struct http *http;
};

static void answer(void *arg, const char *url, struct http_answer *a)
{
	const struct health *h = arg;
	char why[512];
	const char *reason = NULL;

	if (!strcmp(url, "/readyz")) {
		reason = h->ctx.reason(h->ctx.arg, why, sizeof(why));
	} else if (strcmp(url, "/healthz")) {
		a->status = 404;
		strcpy(a->text, "there are /healthz and /readyz\n");
		return;
	}
	a->status = reason ? 503 : 200;
	snprintf(a->text, sizeof(a->text), "%s\n", reason ? reason : "ok");
}

bool health_parse(const char *text, struct sockaddr_storage *sa, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)sa;
	const char *colon = strrchr(text, ':');
	char host[64], *end;
	unsigned long port;
	size_t n;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	n = colon - text;
	if (*end || !port || port > 65535 || n < 2 || n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	memset(sa, 0, sizeof(*sa));
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*len = sizeof(*v6);
		return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	*len = sizeof(*v4);
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

int health_new(const struct health_ctx *ctx, struct health **out)
{
	struct http_ctx http = { .loop = ctx->loop, .answer = answer };
	struct health *h = calloc(1, sizeof(*h));
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = -EINVAL, err;

	if (!h)
		return -ENOMEM;
	h->ctx = *ctx;
	http.arg = h;
	if (health_parse(ctx->listen, &sa, &len))
		fd = http_listen((struct sockaddr *)&sa, len);
	if (fd < 0)
		log_error("%s: %s", ctx->listen, strerror(-fd));
	err = fd < 0 ? fd : http_new(&http, fd, &h->http);
	if (err) {
		free(h);
		return err;
	}
	*out = h;
	return 0;
}

void health_free(struct health *h)
{
	if (!h)
		return;
	http_free(h->http);
	free(h);
}
