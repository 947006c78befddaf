// SPDX-License-Identifier: GPL-2.0
/* Kubeconfigs: what is taken, what is refused and where, and tokens. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "k8s/base64.h"
#include "k8s/kubeconfig.h"
#include "unit.h"

#define CONTEXT \
	"apiVersion: v1\nkind: Config\ncurrent-context: c\n" \
	"contexts: [{name: other, context: {cluster: x, user: x}}, {name: c, context: {cluster: k, user: u}}]\n"
#define CLUSTER "clusters: [{name: k, cluster: {server: 'https://10.0.0.1:6443/', " \
	"certificate-authority: pki/ca.crt}}]\n"
/* "-----BEGIN X-----\n" */
#define PEM "LS0tLS1CRUdJTiBYLS0tLS0K"

static int parse(const char *text, struct kubeconfig *kc, struct diag *diag)
{
	*diag = (struct diag){};
	return kubeconfig_parse("/etc/k/config", text, strlen(text), kc, diag);
}

static void certificates(void **state)
{
	struct kubeconfig kc;
	struct diag diag;

	(void)state;
	assert_int_equal(parse(CONTEXT CLUSTER "users: [{name: u, user: {client-certificate-data: " PEM
			       ", client-certificate: /not/this, client-key: /abs/key}}]\n", &kc, &diag), 0);
	assert_string_equal(kc.server, "https://10.0.0.1:6443");
	assert_string_equal(kc.ca.path, "/etc/k/pki/ca.crt");
	assert_string_equal(kc.cert.data, "-----BEGIN X-----\n");
	assert_null(kc.cert.path);
	assert_string_equal(kc.key.path, "/abs/key");
	assert_null(kc.tls_name);
	kubeconfig_exit(&kc);
	assert_null(kc.server);
}

static void tokens(void **state)
{
	char buf[K8S_TOKEN_MAX];
	struct kubeconfig kc;
	struct diag diag;

	(void)state;
	assert_int_equal(parse(CONTEXT CLUSTER "users: [{name: u, user: {token: abc.def}}]\n",
			       &kc, &diag), 0);
	assert_int_equal(k8s_token_read(&kc.token, buf), 0);
	assert_string_equal(buf, "abc.def");
	kubeconfig_exit(&kc);
	assert_int_equal(parse(CONTEXT CLUSTER "users: [{name: u, user: {token: abc, tokenFile: t}}]\n",
			       &kc, &diag), 0);
	assert_string_equal(kc.token.path, "/etc/k/t");
	assert_null(kc.token.data);
	kubeconfig_exit(&kc);
	assert_int_equal(parse(CONTEXT CLUSTER "users: [{name: u, user: {}}]\n", &kc, &diag), 0);
	assert_int_equal(k8s_token_read(&kc.token, buf), -ENOENT);
	kubeconfig_exit(&kc);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* The file is looked at each time; what it says must fit into one header. */
static void rotated_token(void **state)
{
	char path[] = "/tmp/sluice-token.XXXXXX", buf[K8S_TOKEN_MAX], link[64];
	struct k8s_secret s = { .path = path };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(k8s_token_read(&s, buf), -EBADMSG);
	put(path, "first\n");
	assert_int_equal(k8s_token_read(&s, buf), 0);
	assert_string_equal(buf, "first");
	put(path, "second");
	assert_int_equal(k8s_token_read(&s, buf), 0);
	assert_string_equal(buf, "second");
	/* as it is mounted */
	snprintf(link, sizeof(link), "%s.link", path);
	assert_int_equal(symlink(path, link), 0);
	s.path = link;
	assert_int_equal(k8s_token_read(&s, buf), 0);
	assert_string_equal(buf, "second");
	assert_int_equal(unlink(link), 0);
	s.path = path;
	put(path, "a\r\nX-Evil: 1\r\n");
	assert_int_equal(k8s_token_read(&s, buf), -EBADMSG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(k8s_token_read(&s, buf), -ENOENT);
}

static void refused(void **state)
{
#define WITH_CLUSTER(c) CONTEXT "clusters: [{name: k, cluster: {" c "}}]\nusers: [{name: u, user: {}}]\n"
#define WITH_USER(u) CONTEXT CLUSTER "users: [{name: u, user: {" u "}}]\n"
	static const struct {
		const char *text, *field;
	} cases[] = {
		{ "", "" },
		{ "[]", "" },
		{ "a: [", "" },
		{ "apiVersion: v1\n", "current-context" },
		{ "current-context: c\n", "contexts" },
		{ "current-context: c\ncontexts: {}\n", "contexts" },
		{ "current-context: c\ncontexts: [{name: c}]\n", "contexts[0].context" },
		{ "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n",
		  "contexts[0].context.user" },
		{ CONTEXT, "clusters" },
		{ CONTEXT CLUSTER, "users" },
		{ WITH_CLUSTER("certificate-authority: /x"), "clusters[0].cluster.server" },
		{ WITH_CLUSTER("server: 'http://a'"), "clusters[0].cluster.server" },
		{ WITH_CLUSTER("server: 'https://'"), "clusters[0].cluster.server" },
		{ WITH_CLUSTER("server: 'https:///x'"), "clusters[0].cluster.server" },
		{ WITH_CLUSTER("server: 'https://u:p@a'"), "clusters[0].cluster.server" },
		{ WITH_CLUSTER("server: 'file:///etc/passwd'"), "clusters[0].cluster.server" },
		{ WITH_CLUSTER("server: \"https://a\\r\\nb\""), "clusters[0].cluster.server" },
		{ WITH_CLUSTER("server: 'https://a', insecure-skip-tls-verify: true"),
		  "clusters[0].cluster.insecure-skip-tls-verify" },
		{ WITH_CLUSTER("server: 'https://a', proxy-url: 'http://p'"),
		  "clusters[0].cluster.proxy-url" },
		{ WITH_CLUSTER("server: 'https://a', certificate-authority-data: '%'"),
		  "clusters[0].cluster.certificate-authority-data" },
		{ WITH_CLUSTER("server: 'https://a', certificate-authority-data: aGk="),
		  "clusters[0].cluster.certificate-authority-data" },
		{ WITH_USER("exec: {command: sh}"), "users[0].user.exec" },
		{ WITH_USER("username: a"), "users[0].user.username" },
		{ WITH_USER("client-key: /k"), "users[0].user" },
		{ WITH_USER("client-certificate-data: " PEM), "users[0].user" },
		{ WITH_USER("token: \"a\\r\\nb\""), "users[0].user.token" },
		{ WITH_USER("token: 7"), "users[0].user.token" },
	};
	static const struct kubeconfig none;
	struct kubeconfig kc;
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(parse(cases[i].text, &kc, &diag), -EINVAL);
		assert_true(diag.text[0]);
		assert_string_equal(diag.file, "/etc/k/config");
		assert_string_equal(diag.field, cases[i].field);
		assert_memory_equal(&kc, &none, sizeof(kc));
	}
}

static void in_cluster(void **state)
{
	struct kubeconfig kc;

	(void)state;
	assert_int_equal(kubeconfig_in_cluster("/sa", "10.96.0.1", "443", &kc), 0);
	assert_string_equal(kc.server, "https://10.96.0.1:443");
	assert_string_equal(kc.ca.path, "/sa/ca.crt");
	assert_string_equal(kc.token.path, "/sa/token");
	kubeconfig_exit(&kc);
	assert_int_equal(kubeconfig_in_cluster("/sa", "fd00::1", "6443", &kc), 0);
	assert_string_equal(kc.server, "https://[fd00::1]:6443");
	kubeconfig_exit(&kc);
	assert_int_equal(kubeconfig_in_cluster("/sa", "api.example.com", "6443", &kc), 0);
	assert_string_equal(kc.server, "https://api.example.com:6443");
	kubeconfig_exit(&kc);
	assert_int_equal(kubeconfig_in_cluster("/sa", "api.example.com@evil", "443", &kc), -EINVAL);
	assert_int_equal(kubeconfig_in_cluster("/sa", NULL, "443", &kc), -ENOENT);
	assert_int_equal(kubeconfig_in_cluster("/sa", "10.0.0.1", "", &kc), -ENOENT);
	assert_int_equal(kubeconfig_in_cluster("/sa", "a/b", "443", &kc), -EINVAL);
	assert_int_equal(kubeconfig_in_cluster("/sa", "10.0.0.1", "0", &kc), -EINVAL);
	assert_int_equal(kubeconfig_in_cluster("/sa", "10.0.0.1", "65536", &kc), -EINVAL);
	assert_int_equal(kubeconfig_in_cluster("/sa", "10.0.0.1", "4 3", &kc), -EINVAL);
}

static void base64(void **state)
{
	static const struct {
		const char *text, *out;	/* NULL: refused */
	} cases[] = {
		{ "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" },
		{ "Zm9v\nYmE=\n", "fooba" }, { "Zm9vYmFy", "foobar" },
		{ "Zg", NULL }, { "Zg=", NULL }, { "Zg===", NULL }, { "Z", NULL }, { "=", NULL },
		{ "====", NULL }, { "Zh==", NULL }, { "Zm9=", NULL }, { "Zg==Zg==", NULL },
		{ "Zm-_", NULL }, { "Zm 9", NULL },
	};
	char *out;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int err = base64_decode(cases[i].text, &out, &len);

		assert_int_equal(err, cases[i].out ? 0 : -EINVAL);
		if (err)
			continue;
		assert_string_equal(out, cases[i].out);
		assert_int_equal(len, strlen(cases[i].out));
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates),
		cmocka_unit_test(tokens),
		cmocka_unit_test(rotated_token),
		cmocka_unit_test(refused),
		cmocka_unit_test(in_cluster),
		cmocka_unit_test(base64),
	};

	return unit_run(tests, NULL, NULL);
}
