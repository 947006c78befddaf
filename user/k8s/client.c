// SPDX-License-Identifier: GPL-2.0
/* libcurl's multi interface on a libuv loop; see client.h. */
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "k8s/client.h"
#include "k8s/libcurl.h"
#include "k8s/reply.h"

#define CONNECT_S	5L
/* A peer that is gone without a word is found out in KEEPALIVE_IDLE_S + 3 * KEEPALIVE_S. */
#define KEEPALIVE_IDLE_S 10L
#define KEEPALIVE_S	5L
#define UNACKED_MS	15000U
/* Of an answer that is an error: a Status object. */
#define ERROR_MAX	8192U

struct k8s_request {
	struct k8s_request *next, **link;	/* in the client's list */
	struct k8s_client *client;
	struct k8s_request_ops ops;
	void *arg;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char *body;
	char error[CURL_ERROR_SIZE];
	char answer[ERROR_MAX + 1];	/* when it is not 2xx */
	size_t answered;
	bool enough;			/* data() wanted no more */
};

/* A socket of libcurl's, watched. */
struct watched {
	struct k8s_client *client;
	uv_poll_t poll;
	curl_socket_t fd;
};

struct k8s_client {
	uv_loop_t *loop;
	uv_timer_t timer;
	CURLM *multi;
	struct kubeconfig kc;
	struct k8s_request *requests;
	unsigned int handles;		/* on the loop, not closed yet */
	bool closing;
};

static void client_put(struct k8s_client *c)
{
	if (--c->handles)
		return;
	kubeconfig_exit(&c->kc);
	free(c);
}

/* ------------------------------------------------------------------ requests */

static void request_free(struct k8s_request *req)
{
	*req->link = req->next;
	if (req->next)
		req->next->link = req->link;
	libcurl.multi_remove_handle(req->client->multi, req->easy);
	libcurl.easy_cleanup(req->easy);
	libcurl.slist_free_all(req->headers);
	libcurl.slist_free_all(req->connect_to);
	free(req->body);
	free(req);
}

static bool is_good(long status)
{
	return status >= 200 && status < 300;
}

static long status_of(const struct k8s_request *req)
{
	long status = 0;

	libcurl.easy_getinfo(req->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Line by line; the empty one is the last. */
static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct k8s_request *req = arg;

	if (req->ops.begin && size * n == 2 && line[0] == '\r' && is_good(status_of(req)))
		req->ops.begin(req->arg);
	return size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct k8s_request *req = arg;
	size_t len = size * n, keep;

	if (is_good(status_of(req))) {
		if (req->ops.data && req->ops.data(req->arg, data, len)) {
			req->enough = true;
			return CURL_WRITEFUNC_ERROR;
		}
		return len;
	}
	keep = ERROR_MAX - req->answered;
	keep = len < keep ? len : keep;
	memcpy(req->answer + req->answered, data, keep);
	req->answered += keep;
	return len;
}

/* A server explains itself by a Status object; what is in front of it, by other texts. */
static void explain_status(const struct k8s_request *req, long status, char *buf, size_t len)
{
	json_t *doc = json_loadb(req->answer, req->answered, 0, NULL);
	const char *message = json_string_value(json_object_get(doc, "message"));

	if (message)
		snprintf(buf, len, "HTTP %ld: %s", status, message);
	else
		snprintf(buf, len, "HTTP %ld", status);
	json_decref(doc);
}

static void finish(struct k8s_request *req, CURLcode code)
{
	struct k8s_request_ops ops = req->ops;
	long status = status_of(req);
	void *arg = req->arg;
	char why[512] = "";

	if (code != CURLE_OK) {
		status = 0;
		if (!req->enough)
			snprintf(why, sizeof(why), "%s",
				 req->error[0] ? req->error : libcurl.easy_strerror(code));
	} else if (!is_good(status)) {
		explain_status(req, status, why, sizeof(why));
	}
	k8s_printable(why);
	request_free(req);
	ops.end(arg, (int)status, why);
}

/* end() may start and cancel requests, and free the client: begin anew each time. */
static void finish_done(struct k8s_client *c)
{
	struct k8s_request *req;
	CURLMsg *msg;
	int left;

	while (!c->closing && (msg = libcurl.multi_info_read(c->multi, &left))) {
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		libcurl.easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &req);
		finish(req, code);
	}
}

/* ---------------------------------------------------------- libcurl on the loop */

static void act(struct k8s_client *c, curl_socket_t fd, int events)
{
	int running;

	c->handles++;			/* end() may free the client */
	libcurl.multi_socket_action(c->multi, fd, events, &running);
	finish_done(c);
	client_put(c);
}

static void on_timer(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* Zero is not "now": libcurl may be called from the loop only. */
static int on_set_timer(CURLM *multi, long ms, void *arg)
{
	struct k8s_client *c = arg;

	(void)multi;
	if (c->closing || ms < 0)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct watched *w = poll->data;
	int flags = 0;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(w->client, w->fd, flags);
}

static void on_watched_closed(uv_handle_t *handle)
{
	struct watched *w = handle->data;
	struct k8s_client *c = w->client;

	free(w);
	client_put(c);
}

static struct watched *watch(struct k8s_client *c, curl_socket_t fd)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->client = c;
	w->fd = fd;
	if (uv_poll_init_socket(c->loop, &w->poll, fd)) {
		free(w);
		return NULL;
	}
	w->poll.data = w;
	c->handles++;
	libcurl.multi_assign(c->multi, fd, w);
	return w;
}

static int on_watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct k8s_client *c = arg;
	struct watched *w = of_socket;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			/* at once: the descriptor is closed when this returns */
			uv_poll_stop(&w->poll);
			uv_close((uv_handle_t *)&w->poll, on_watched_closed);
			libcurl.multi_assign(c->multi, fd, NULL);
		}
		return 0;
	}
	if (!w)
		w = watch(c, fd);
	if (!w)
		return -1;
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	return uv_poll_start(&w->poll, events, on_socket) ? -1 : 0;
}

/* ------------------------------------------------------------------ life time */

static void on_timer_closed(uv_handle_t *handle)
{
	client_put(handle->data);
}

int k8s_client_new(uv_loop_t *loop, struct kubeconfig *kc, struct k8s_client **out)
{
	struct k8s_client *c = NULL;
	int err = libcurl_load();

	if (!err) {
		c = calloc(1, sizeof(*c));
		err = c && !libcurl.global_init(CURL_GLOBAL_DEFAULT) ? 0 : -ENOMEM;
	}
	if (err) {
		free(c);
		kubeconfig_exit(kc);
		return err;
	}
	c->kc = *kc;
	*kc = (struct kubeconfig){};
	c->loop = loop;
	c->multi = libcurl.multi_init();
	if (!c->multi) {
		kubeconfig_exit(&c->kc);
		free(c);
		return -ENOMEM;
	}
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	c->handles = 1;
	libcurl.multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_watch_socket);
	libcurl.multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	libcurl.multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_set_timer);
	libcurl.multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	/*
	 * A connection for each request under way. Several lists at once on one made libcurl
	 * 7.88 stop, often, with nothing left on the socket, until another request began.
	 */
	libcurl.multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	*out = c;
	return 0;
}

void k8s_client_free(struct k8s_client *c)
{
	if (!c)
		return;
	c->closing = true;
	while (c->requests)
		request_free(c->requests);
	libcurl.multi_cleanup(c->multi);
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

const char *k8s_client_server(const struct k8s_client *c)
{
	return c->kc.server;
}

/* --------------------------------------------------------------------- options */

static int on_new_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned int ms = UNACKED_MS;

	(void)arg, (void)purpose;
	/* a server that went away under data is noticed as soon as one that went away idle */
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return CURL_SOCKOPT_OK;
}

static CURLcode set_blob(CURL *easy, CURLoption option, const struct k8s_secret *s)
{
	struct curl_blob blob = { s->data, s->len, CURL_BLOB_NOCOPY };

	return libcurl.easy_setopt(easy, option, &blob);
}

static CURLcode set_tls(CURL *easy, const struct kubeconfig *kc)
{
	CURLcode bad = 0;

	bad |= libcurl.easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= libcurl.easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	bad |= libcurl.easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	/* the cluster's authority alone, where it is given */
	if (kc->ca.path || kc->ca.data)
		bad |= libcurl.easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (kc->ca.path)
		bad |= libcurl.easy_setopt(easy, CURLOPT_CAINFO, kc->ca.path);
	if (kc->ca.data)
		bad |= set_blob(easy, CURLOPT_CAINFO_BLOB, &kc->ca);
	if (kc->cert.path)
		bad |= libcurl.easy_setopt(easy, CURLOPT_SSLCERT, kc->cert.path);
	if (kc->cert.data)
		bad |= set_blob(easy, CURLOPT_SSLCERT_BLOB, &kc->cert);
	if (kc->key.path)
		bad |= libcurl.easy_setopt(easy, CURLOPT_SSLKEY, kc->key.path);
	if (kc->key.data)
		bad |= set_blob(easy, CURLOPT_SSLKEY_BLOB, &kc->key);
	return bad;
}

static CURLcode set_connection(CURL *easy)
{
	CURLcode bad = 0;

	bad |= libcurl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	bad |= libcurl.easy_setopt(easy, CURLOPT_PROXY, "");
	bad |= libcurl.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= libcurl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	bad |= libcurl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	bad |= libcurl.easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
	bad |= libcurl.easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	bad |= libcurl.easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	bad |= libcurl.easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);
	bad |= libcurl.easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	return bad;
}

/* -ENOMEM. */
__attribute__((format(printf, 2, 3)))
static int add_header(struct k8s_request *req, const char *fmt, ...)
{
	struct curl_slist *more;
	char *line;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	more = libcurl.slist_append(req->headers, line);
	explicit_bzero(line, n);
	free(line);
	if (!more)
		return -ENOMEM;
	req->headers = more;
	return 0;
}

static int add_token(struct k8s_request *req, const struct kubeconfig *kc)
{
	char *token = malloc(K8S_TOKEN_MAX);
	int err;

	if (!token)
		return -ENOMEM;
	err = k8s_token_read(&kc->token, token);
	if (!err)
		err = add_header(req, "Authorization: Bearer %s", token);
	explicit_bzero(token, K8S_TOKEN_MAX);
	free(token);
	return err == -ENOENT && !kc->token.path ? 0 : err;
}

/*
 * The URL names whom the certificate is asked for; where that is not the
 * server's own name, the connection goes to the server all the same.
 */
static int set_url(struct k8s_request *req, const struct kubeconfig *kc, const char *target)
{
	const char *host = kc->server + strlen("https://"), *port = strrchr(host, ':');
	char *url, *to;
	int n;

	if (port && strchr(port, ']'))
		port = NULL;
	if (kc->tls_name)
		n = asprintf(&url, "https://%s%s%s", kc->tls_name, port ? port : "", target);
	else
		n = asprintf(&url, "%s%s", kc->server, target);
	if (n < 0)
		return -ENOMEM;
	n = libcurl.easy_setopt(req->easy, CURLOPT_URL, url);
	free(url);
	if (n || !kc->tls_name)
		return n ? -ENOMEM : 0;
	if (asprintf(&to, "::%.*s:%s", port ? (int)(port - host) : (int)strlen(host), host,
		     port ? port + 1 : "443") < 0)
		return -ENOMEM;
	req->connect_to = libcurl.slist_append(NULL, to);
	free(to);
	if (!req->connect_to || libcurl.easy_setopt(req->easy, CURLOPT_CONNECT_TO, req->connect_to))
		return -ENOMEM;
	return add_header(req, "Host: %s", host);
}

static int set_body(struct k8s_request *req, const struct k8s_request_params *p)
{
	CURLcode bad;

	if (libcurl.easy_setopt(req->easy, CURLOPT_CUSTOMREQUEST, p->method))
		return -ENOMEM;
	if (!p->type)
		return 0;
	req->body = strdup(p->body);
	if (!req->body || add_header(req, "Content-Type: %s", p->type))
		return -ENOMEM;
	bad = libcurl.easy_setopt(req->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(req->body));
	bad |= libcurl.easy_setopt(req->easy, CURLOPT_POSTFIELDS, req->body);
	return bad ? -ENOMEM : 0;
}

static int set_request(struct k8s_request *req, const struct k8s_request_params *p)
{
	const struct kubeconfig *kc = &req->client->kc;
	CURL *easy = req->easy;
	CURLcode bad = set_connection(easy) | set_tls(easy, kc);
	int err;

	bad |= libcurl.easy_setopt(easy, CURLOPT_PRIVATE, req);
	bad |= libcurl.easy_setopt(easy, CURLOPT_ERRORBUFFER, req->error);
	bad |= libcurl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	bad |= libcurl.easy_setopt(easy, CURLOPT_HEADERDATA, req);
	bad |= libcurl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	bad |= libcurl.easy_setopt(easy, CURLOPT_WRITEDATA, req);
	bad |= libcurl.easy_setopt(easy, CURLOPT_USERAGENT, "sluiced/" SLUICE_VERSION);
	bad |= libcurl.easy_setopt(easy, CURLOPT_TIMEOUT, (long)p->timeout_s);
	/* an option that this libcurl doesn't have must not make a request less safe */
	if (bad)
		return -ENOTSUP;
	err = add_header(req, "Accept: application/json");
	if (!err)
		err = add_token(req, kc);
	if (!err)
		err = set_url(req, kc, p->target);
	if (!err)
		err = set_body(req, p);
	if (!err && libcurl.easy_setopt(easy, CURLOPT_HTTPHEADER, req->headers))
		err = -ENOMEM;
	return err;
}

int k8s_request_start(struct k8s_client *c, const struct k8s_request_params *p,
		      const struct k8s_request_ops *ops, void *arg, struct k8s_request **out)
{
	struct k8s_request *req = calloc(1, sizeof(*req));
	int err;

	if (!req)
		return -ENOMEM;
	req->easy = libcurl.easy_init();
	if (!req->easy) {
		free(req);
		return -ENOMEM;
	}
	req->client = c;
	req->ops = *ops;
	req->arg = arg;
	req->link = &c->requests;
	req->next = c->requests;
	if (req->next)
		req->next->link = &req->next;
	c->requests = req;
	err = set_request(req, p);
	if (!err && libcurl.multi_add_handle(c->multi, req->easy))
		err = -ENOMEM;
	if (err)
		request_free(req);
	else
		*out = req;
	return err;
}

void k8s_request_cancel(struct k8s_request *req)
{
	if (req)
		request_free(req);
}
