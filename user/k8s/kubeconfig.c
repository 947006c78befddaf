// SPDX-License-Identifier: GPL-2.0
/* Kubeconfigs and service accounts; see kubeconfig.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/file.h"
#include "daemon/parse.h"
#include "k8s/base64.h"
#include "k8s/kubeconfig.h"

/* ----------------------------------------------------------------- secrets */

static void secret_exit(struct k8s_secret *s)
{
	if (s->data)
		explicit_bzero(s->data, s->len);
	free(s->data);
	free(s->path);
}

void kubeconfig_exit(struct kubeconfig *kc)
{
	secret_exit(&kc->ca);
	secret_exit(&kc->cert);
	secret_exit(&kc->key);
	secret_exit(&kc->token);
	free(kc->server);
	free(kc->tls_name);
	*kc = (struct kubeconfig){};
}

static bool given(const struct k8s_secret *s)
{
	return s->path || s->data;
}

/* RFC 6750, b64token: anything else could end the header, or begin another. */
static bool token_ok(const char *s, size_t len)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~+/=";

	return len && len < K8S_TOKEN_MAX && strlen(s) == len && strspn(s, chars) == len;
}

static int token_copy(const char *s, size_t len, char *buf)
{
	while (len && (s[len - 1] == '\n' || s[len - 1] == '\r' || s[len - 1] == ' '))
		len--;
	if (len >= K8S_TOKEN_MAX)
		return -EFBIG;
	memcpy(buf, s, len);
	buf[len] = '\0';
	return token_ok(buf, len) ? 0 : -EBADMSG;
}

int k8s_token_read(const struct k8s_secret *token, char *buf)
{
	size_t len;
	char *data;
	int err;

	if (token->data)
		return token_copy(token->data, token->len, buf);
	if (!token->path)
		return -ENOENT;
	err = file_read_linked(token->path, K8S_TOKEN_MAX, &data, &len);
	if (err)
		return err;
	err = token_copy(data, len, buf);
	explicit_bzero(data, len);
	free(data);
	return err;
}

/* ------------------------------------------------------------------- fields */

struct reading {
	struct parse p;
	size_t dir;			/* bytes of the file's name up to its last slash */
};

static int dup_string(const char *s, char **out)
{
	*out = strdup(s);
	return *out ? 0 : -ENOMEM;
}

static int get_string(const struct reading *r, const struct tree *map, const struct path *up,
		      const char *key, char **out)
{
	struct path at;
	const struct tree *t = parse_field(map, key, up, &at);
	const char *s = "";
	int err = t ? parse_string(&r->p, &at, t, &s) : 0;

	/* an empty text is what the tools write for none */
	if (err || !s[0])
		return err;
	return dup_string(s, out);
}

static int get_path(const struct reading *r, const struct tree *map, const struct path *up,
		    const char *key, char **out)
{
	char *s = NULL;
	int err = get_string(r, map, up, key, &s);

	if (err || !s || s[0] == '/') {
		*out = s;
		return err;
	}
	if (asprintf(out, "%.*s%s", (int)r->dir, r->p.file, s) < 0) {
		*out = NULL;
		err = -ENOMEM;
	}
	free(s);
	return err;
}

/* @key names a file, @key-data has its content, which wins, as with kubectl. */
static int get_secret(const struct reading *r, const struct tree *map, const struct path *up,
		      const char *key, struct k8s_secret *out)
{
	char name[64];
	struct path at;
	const struct tree *t;
	const char *s = "";
	int err;

	snprintf(name, sizeof(name), "%s-data", key);
	t = parse_field(map, name, up, &at);
	err = t ? parse_string(&r->p, &at, t, &s) : 0;
	if (err || !s[0])
		return err ? err : get_path(r, map, up, key, &out->path);
	err = base64_decode(s, &out->data, &out->len);
	/* the text is a secret: it is not repeated */
	if (err == -EINVAL)
		return parse_fail(&r->p, &at, t, "is no base64");
	if (!err && !strstr(out->data, "-----BEGIN "))
		return parse_fail(&r->p, &at, t, "holds no PEM");
	return err;
}

static int refuse(const struct reading *r, const struct tree *map, const struct path *up,
		  const char *key, const char *instead)
{
	struct path at;
	const struct tree *t = parse_field(map, key, up, &at);

	return t ? parse_fail(&r->p, &at, t, "is not supported: %s", instead) : 0;
}

/* ------------------------------------------------------------------ sections */

/* The map @inner of the entry called @name in the list @section; its path in @at[3]. */
static int find_named(const struct reading *r, const struct tree *doc, const char *section,
		      const char *inner, const char *name, struct path at[3],
		      const struct tree **out)
{
	const struct tree *list = parse_field(doc, section, NULL, &at[0]), *t;
	unsigned int i;
	int err = list ? parse_type(&r->p, &at[0], list, TREE_SEQ) : 0;

	if (err)
		return err;
	for (i = 0; list && i < list->n; i++) {
		t = tree_get(list->item[i], "name");
		if (!t || t->type != TREE_STRING || strcmp(t->s, name))
			continue;
		at[1] = (struct path){ &at[0], NULL, i };
		*out = parse_field(list->item[i], inner, &at[1], &at[2]);
		if (!*out)
			return parse_fail(&r->p, &at[2], list->item[i], "missing");
		return parse_type(&r->p, &at[2], *out, TREE_MAP);
	}
	return parse_fail(&r->p, &at[0], list ? list : doc, "has no entry called \"%.64s\"", name);
}

static int need_string(const struct reading *r, const struct tree *map, const struct path *up,
		       const char *key, const char **out)
{
	struct path at;
	const struct tree *t = parse_field(map, key, up, &at);

	if (!t)
		return parse_fail(&r->p, &at, map, "missing");
	return parse_string(&r->p, &at, t, out);
}

static int check_server(const struct reading *r, const struct path *at, const struct tree *t,
			const char *s)
{
	if (!strncmp(s, "http://", 7))
		return parse_fail(&r->p, at, t, "must begin with https://: a plain-text server could be anybody");
	if (strncmp(s, "https://", 8) || !s[8] || s[8] == '/')
		return parse_fail(&r->p, at, t, "must be https://HOST[:PORT]");
	if (strpbrk(s, " \t\r\n\"@?#\\"))
		return parse_fail(&r->p, at, t, "has a character that no server's address has");
	return 0;
}

static int read_cluster(const struct reading *r, const struct tree *map, const struct path *up,
			struct kubeconfig *kc)
{
	struct path at = { up, "server", 0 };
	const char *server;
	bool skip = false;
	const struct tree *t;
	size_t n;
	int err = need_string(r, map, up, "server", &server);

	if (!err)
		err = check_server(r, &at, tree_get(map, "server"), server);
	if (!err)
		err = dup_string(server, &kc->server);
	if (err)
		return err;
	for (n = strlen(kc->server); kc->server[n - 1] == '/'; n--)
		kc->server[n - 1] = '\0';
	t = parse_field(map, "insecure-skip-tls-verify", up, &at);
	err = t ? parse_bool(&r->p, &at, t, &skip) : 0;
	if (!err && skip)
		err = parse_fail(&r->p, &at, t, "is refused: name the server's CA instead");
	if (!err)
		err = refuse(r, map, up, "proxy-url", "give an address that is reached directly");
	if (!err)
		err = get_string(r, map, up, "tls-server-name", &kc->tls_name);
	return err ? err : get_secret(r, map, up, "certificate-authority", &kc->ca);
}

static int read_token(const struct reading *r, const struct tree *map, const struct path *up,
		      struct kubeconfig *kc)
{
	const struct path at = { up, "token", 0 };
	int err = get_path(r, map, up, "tokenFile", &kc->token.path);

	/* the file wins, as with kubectl: it is the one that is rotated */
	if (err || kc->token.path)
		return err;
	err = get_string(r, map, up, "token", &kc->token.data);
	if (err || !kc->token.data)
		return err;
	kc->token.len = strlen(kc->token.data);
	if (!token_ok(kc->token.data, kc->token.len))
		return parse_fail(&r->p, &at, tree_get(map, "token"), "is no bearer token");
	return 0;
}

static int read_user(const struct reading *r, const struct tree *map, const struct path *up,
		     struct kubeconfig *kc)
{
	static const char *const foreign[] = { "exec", "auth-provider", "username", "password",
					       "as", NULL };
	const char *const *f;
	int err = 0;

	for (f = foreign; !err && *f; f++)
		err = refuse(r, map, up, *f, "use a client certificate, token or tokenFile");
	if (!err)
		err = get_secret(r, map, up, "client-certificate", &kc->cert);
	if (!err)
		err = get_secret(r, map, up, "client-key", &kc->key);
	if (!err && given(&kc->cert) != given(&kc->key))
		err = parse_fail(&r->p, up, map, "client-certificate and client-key need each other");
	return err ? err : read_token(r, map, up, kc);
}

static int read_context(const struct reading *r, const struct tree *doc, struct kubeconfig *kc)
{
	const char *current, *cluster, *user;
	const struct tree *context, *map;
	struct path at[3], sub[3];
	int err = need_string(r, doc, NULL, "current-context", &current);

	if (!err)
		err = find_named(r, doc, "contexts", "context", current, at, &context);
	if (!err)
		err = need_string(r, context, &at[2], "cluster", &cluster);
	if (!err)
		err = need_string(r, context, &at[2], "user", &user);
	if (!err)
		err = find_named(r, doc, "clusters", "cluster", cluster, sub, &map);
	if (!err)
		err = read_cluster(r, map, &sub[2], kc);
	if (!err)
		err = find_named(r, doc, "users", "user", user, sub, &map);
	return err ? err : read_user(r, map, &sub[2], kc);
}

int kubeconfig_parse(const char *file, const char *text, size_t len, struct kubeconfig *out,
		     struct diag *diag)
{
	const char *slash = strrchr(file, '/');
	const struct reading r = { { file, diag }, slash ? slash + 1 - file : 0 };
	struct tree_reader *reader;
	const struct tree *doc = NULL;
	int err;

	*out = (struct kubeconfig){};
	if (len > KUBECONFIG_MAX_BYTES)
		return parse_fail(&r.p, NULL, NULL, "larger than %u MiB",
				  KUBECONFIG_MAX_BYTES >> 20);
	err = tree_open(file, text, len, &reader);
	if (err)
		return err;
	err = tree_read(reader, &doc, diag);
	if (err >= 0 && !doc)
		err = parse_fail(&r.p, NULL, NULL, "is empty");
	else if (err > 0)
		err = parse_type(&r.p, NULL, doc, TREE_MAP);
	if (!err)
		err = read_context(&r, doc, out);
	tree_close(reader);
	if (err)
		kubeconfig_exit(out);
	return err;
}

/* --------------------------------------------------------------- in a cluster */

static int in_cluster_server(const char *host, const char *port, char **out)
{
	unsigned char addr[sizeof(struct in6_addr)];
	bool v6 = inet_pton(AF_INET6, host, addr) == 1;

	if (!v6 && inet_pton(AF_INET, host, addr) != 1 && !is_dns_subdomain(host, strlen(host)))
		return -EINVAL;
	if (strlen(port) > 5 || port[strspn(port, "0123456789")] || atoi(port) < 1 ||
	    atoi(port) > 65535)
		return -EINVAL;
	if (asprintf(out, v6 ? "https://[%s]:%s" : "https://%s:%s", host, port) < 0) {
		*out = NULL;
		return -ENOMEM;
	}
	return 0;
}

int kubeconfig_in_cluster(const char *dir, const char *host, const char *port,
			  struct kubeconfig *out)
{
	int err;

	*out = (struct kubeconfig){};
	if (!host || !host[0] || !port || !port[0])
		return -ENOENT;
	err = in_cluster_server(host, port, &out->server);
	if (err)
		return err;
	if (asprintf(&out->ca.path, "%s/ca.crt", dir) < 0)
		out->ca.path = NULL;
	if (asprintf(&out->token.path, "%s/token", dir) < 0)
		out->token.path = NULL;
	if (out->ca.path && out->token.path)
		return 0;
	kubeconfig_exit(out);
	return -ENOMEM;
}
