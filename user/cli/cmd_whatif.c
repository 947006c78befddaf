// SPDX-License-Identifier: GPL-2.0
/* sluice whatif: which verdicts would be others if these objects were applied. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "daemon_list.h"
#include "names.h"
#include "out.h"

#define PATIENCE_MS	60000		/* all pairs of a large cluster take a while */
#define TEXT_MAX	(12 << 20)	/* bytes of manifests: a request has an end */
#define NAMED		4		/* ends that a line names */

/* ------------------------------------------------------------------- manifests */

struct manifests {
	struct cli *cli;
	json_t *files;			/* [{"name", "text"}] */
	size_t len;
};

static int add_text(struct manifests *m, const char *name, const char *text, size_t len)
{
	const char *nul = memchr(text, '\0', len);
	json_t *file;

	m->len += len;
	if (m->len > TEXT_MAX)
		return cli_fail(m->cli, "%s: more than %d MiB of manifests at once", name,
				TEXT_MAX >> 20);
	if (nul)
		return cli_fail(m->cli, "%s: byte %td is NUL: no text", name, nul - text + 1);
	file = json_pack("{s:s, s:s%}", "name", name, "text", text, len);
	if (!file)
		return cli_fail(m->cli, "%s: not UTF-8", name);
	return json_array_append_new(m->files, file) ? cli_fail(m->cli, "out of memory") : CLI_OK;
}

static int add_stream(struct manifests *m, const char *name, FILE *f)
{
	size_t room = 64 << 10, len = 0, n = 1;
	char *text = malloc(room), *more;
	int status;

	while (text && n && len <= TEXT_MAX) {
		if (len == room) {
			more = realloc(text, room *= 2);
			if (!more)
				break;
			text = more;
		}
		n = fread(text + len, 1, room - len, f);
		len += n;
	}
	if (!text || (n && len <= TEXT_MAX))
		status = cli_fail(m->cli, "%s: out of memory", name);
	else if (ferror(f))
		status = cli_fail(m->cli, "%s: %s", name, strerror(errno));
	else
		status = add_text(m, name, text, len);
	free(text);
	return status;
}

static int add_file(struct manifests *m, const char *path)
{
	FILE *f = fopen(path, "re");
	int status;

	if (!f)
		return cli_fail(m->cli, "%s: %s", path, strerror(errno));
	status = add_stream(m, path, f);
	fclose(f);
	return status;
}

/* The daemon's own rule for a directory of manifests. */
static int is_manifest(const struct dirent *de)
{
	const char *dot = strrchr(de->d_name, '.');

	return de->d_name[0] != '.' && dot &&
	       (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

static int add_dir(struct manifests *m, const char *path)
{
	int n, i, status = CLI_OK;
	struct dirent **list;
	char *file;

	n = scandir(path, &list, is_manifest, alphasort);
	if (n < 0)
		return cli_fail(m->cli, "%s: %s", path, strerror(errno));
	for (i = 0; i < n; i++) {
		if (status == CLI_OK) {
			if (asprintf(&file, "%s/%s", path, list[i]->d_name) < 0)
				file = NULL;
			status = file ? add_file(m, file) : cli_fail(m->cli, "out of memory");
			free(file);
		}
		free(list[i]);
	}
	free(list);
	if (!n)
		status = cli_fail(m->cli, "%s: no *.yaml, *.yml or *.json in it", path);
	return status;
}

static int add_path(struct manifests *m, const char *path)
{
	struct stat st;

	if (!strcmp(path, "-"))
		return add_stream(m, "standard input", stdin);
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return add_dir(m, path);
	return add_file(m, path);
}

/* ---------------------------------------------------------------------- answer */

#define END_KEYS(end)                                                                          \
	{ end, "array of objects", "who, at most 200 of them" },                               \
	{ end "[].pod", "string or null", "NAMESPACE/NAME" },                                  \
	{ end "[].node", "string or null", "node whose address it is" },                       \
	{ end "[].address", "string or null", "of a node; or a block, of which is meant what " \
					      "is no pod's, no node's and in no narrower block" }
#define SIDE_KEYS(side, what)                                                                  \
	{ side, "object", what },                                                              \
	{ side ".verdict", "string", "allow or deny" },                                        \
	{ side ".egress", "object or null", "what the sender's policies say; null: no pod" },  \
	{ side ".egress.verdict", "string or null", "allow or deny" },                         \
	{ side ".egress.decider", "object or null", "who decides; null: nobody" },             \
	NAME_RULE_KEYS(side ".egress.decider."),                                               \
	{ side ".ingress", "object or null", "what the receiver's policies say; null: no pod" }, \
	{ side ".ingress.verdict", "string or null", "allow or deny" },                        \
	{ side ".ingress.decider", "object or null", "who decides; null: nobody" },            \
	NAME_RULE_KEYS(side ".ingress.decider.")

static const struct cli_key keys[] = {
	{ "objects", "array of objects", "the objects given" },
	{ "objects[].kind", "string", "kind of the object" },
	{ "objects[].namespace", "string or null", "its namespace" },
	{ "objects[].name", "string", "its name" },
	{ "objects[].change", "string", "created, changed, unchanged, deleted, or absent: not there "
					"to be deleted" },
	{ "refused", "array of objects", "what would be refused; the last good version would stay" },
	{ "refused[].kind", "string or null", "kind of the object, where it could be read" },
	{ "refused[].namespace", "string or null", "its namespace" },
	{ "refused[].name", "string or null", "its name" },
	{ "refused[].file", "string", "file it is in" },
	{ "refused[].line", "integer", "line of the mistake" },
	{ "refused[].column", "integer", "column of the mistake" },
	{ "refused[].field", "string", "field that is wrong" },
	{ "refused[].text", "string", "what is wrong" },
	{ "pairs", "integer", "pairs of ends with another verdict on some port" },
	{ "complete", "boolean", "false: there are more flips than the list has" },
	{ "flips", "array of objects", "other verdicts, at most 1000: from each to each" },
	END_KEYS("flips[].from"),
	{ "flips[].fromCount", "integer", "number of senders" },
	END_KEYS("flips[].to"),
	{ "flips[].toCount", "integer", "number of receivers" },
	{ "flips[].family", "string or null", "ipv4 or ipv6 where it is one alone" },
	{ "flips[].ports", "array of strings", "any, other (what has no ports), or a protocol with "
					       "or without ports: tcp/80, udp/1-53, sctp" },
	SIDE_KEYS("flips[].before", "the verdict now"),
	SIDE_KEYS("flips[].after", "the verdict then"),
	{ "flowsCut", "integer", "connections of this node that would be cut" },
	{ "flows", "array of objects", "at most 1000 of them" },
	{ "flows[].protocol", "string", "tcp, udp, sctp, icmp, icmpv6 or other" },
	{ "flows[].source", "object", "who spoke first" },
	{ "flows[].source.address", "string", "IPv4 or IPv6 address" },
	{ "flows[].source.port", "integer", "port; the identifier for ICMP echo" },
	{ "flows[].source.pod", "string or null", "NAMESPACE/NAME, where known" },
	{ "flows[].destination", "object", "the other end" },
	{ "flows[].destination.address", "string", "as for source" },
	{ "flows[].destination.port", "integer", "as for source" },
	{ "flows[].destination.pod", "string or null", "as for source" },
	{ "flows[].direction", "string", "egress or ingress: whose policies would refuse it" },
	{ "flows[].decider", "object or null", "who would refuse it" },
	NAME_RULE_KEYS("flows[].decider."),
	{ .path = NULL },
};

static size_t put(char *buf, size_t len, size_t used, const char *text)
{
	int n = snprintf(buf + used, len - used, "%s", text);

	return used + n < len ? used + n : len - 1;
}

static void end_text(const json_t *end, char *buf, size_t len)
{
	const char *pod = out_string(end, "pod"), *node = out_string(end, "node");
	const char *address = out_string(end, "address");

	if (*pod)
		snprintf(buf, len, "%s", pod);
	else if (*node)
		snprintf(buf, len, "node %s (%s)", node, address);
	else
		snprintf(buf, len, "others in %s", address);
}

/* "shop/web-1, shop/web-2 and 3 more" */
static void ends_text(const json_t *ends, json_int_t count, char *buf, size_t len)
{
	char name[300], more[48];
	size_t used = 0, i;
	const json_t *e;

	buf[0] = '\0';
	json_array_foreach((json_t *)ends, i, e) {
		if (i == NAMED)
			break;
		end_text(e, name, sizeof(name));
		used = put(buf, len, used, i ? ", " : "");
		used = put(buf, len, used, name);
	}
	if (count > (json_int_t)i) {
		snprintf(more, sizeof(more), " and %" JSON_INTEGER_FORMAT " more",
			 count - (json_int_t)i);
		put(buf, len, used, more);
	}
}

static bool allows(const json_t *verdict)
{
	return !strcmp(out_string(verdict, "verdict"), "allow");
}

/* Of a refusal, who refuses; of what is allowed, everybody who was asked. */
static void why_text(const json_t *verdict, char *buf, size_t len)
{
	static const char *const sides[] = { "egress", "ingress" };
	static const char *const whose[] = { "sender", "receiver" };
	char why[OUT_CELL];
	const json_t *side;
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < 2; i++) {
		side = out_get(verdict, sides[i]);
		if (!side || allows(side) != allows(verdict))
			continue;
		name_verdict_text(side, why, sizeof(why));
		used = put(buf, len, used, used ? "; " : "");
		used = put(buf, len, used, whose[i]);
		used = put(buf, len, used, ": ");
		used = put(buf, len, used, why);
	}
}

static void show_flip(struct cli *cli, const json_t *flip)
{
	char text[2 * OUT_CELL], to[2 * OUT_CELL];
	struct out_cell ports = { .text = "" };
	bool allowed = allows(out_get(flip, "after"));
	const char *family = out_string(flip, "family");

	ends_text(out_get(flip, "from"), out_integer(flip, "fromCount"), text, sizeof(text));
	ends_text(out_get(flip, "to"), out_integer(flip, "toCount"), to, sizeof(to));
	fputc('\n', cli->out);
	out_line(cli, allowed ? "allowed" : "REFUSED", allowed ? STYLE_GOOD : STYLE_BAD, "%s", text);
	out_line(cli, "to", STYLE_NONE, "%s", to);
	out_join(flip, "ports", &ports);
	out_line(cli, "on", STYLE_NONE, "%s%s%s", ports.text, *family ? " by " : "",
		 !strcmp(family, "ipv4") ? "IPv4" : *family ? "IPv6" : "");
	why_text(out_get(flip, "before"), text, sizeof(text));
	out_line(cli, "before", STYLE_NONE, "%s", text);
	why_text(out_get(flip, "after"), text, sizeof(text));
	out_line(cli, "after", STYLE_NONE, "%s", text);
}

static void show_flow(struct cli *cli, const json_t *flow)
{
	const json_t *side = json_pack("{s:s, s:O?}", "verdict", "deny", "decider",
				       (json_t *)out_get(flow, "decider"));
	struct out_cell from = { .text = "" }, to = { .text = "" };
	char why[OUT_CELL];

	out_end(flow, "source", &from);
	out_end(flow, "destination", &to);
	name_verdict_text(side, why, sizeof(why));
	out_line(cli, "cut", STYLE_BAD, "%s %s to %s: %s", out_string(flow, "protocol"), from.text,
		 to.text, why);
	json_decref((json_t *)side);
}

static void show_objects(struct cli *cli, const json_t *obj)
{
	const json_t *o;
	size_t i;

	json_array_foreach((json_t *)out_get(obj, "objects"), i, o) {
		const char *ns = out_string(o, "namespace");

		out_line(cli, i ? "" : "objects", STYLE_NONE, "%s %s%s%s: %s",
			 out_string(o, "kind"), ns, *ns ? "/" : "", out_string(o, "name"),
			 out_string(o, "change"));
	}
}

static void show(struct cli *cli, const json_t *obj)
{
	json_int_t flips = out_integer(obj, "pairs"), cut = out_integer(obj, "flowsCut");
	const json_t *e;
	size_t i;

	show_objects(cli, obj);
	json_array_foreach((json_t *)out_get(obj, "flips"), i, e)
		show_flip(cli, e);
	fputc('\n', cli->out);
	if (!flips)
		out_line(cli, "verdicts", STYLE_GOOD, "none would be another one");
	else
		out_line(cli, "verdicts", STYLE_STRONG,
			 "%" JSON_INTEGER_FORMAT " pairs would have another one%s", flips,
			 json_is_true(out_get(obj, "complete")) ? "" : "; not all are listed");
	json_array_foreach((json_t *)out_get(obj, "flows"), i, e)
		show_flow(cli, e);
	out_line(cli, "connections", cut ? STYLE_BAD : STYLE_NONE,
		 "%" JSON_INTEGER_FORMAT " of this node would be cut", cut);
}

static void complain(struct cli *cli, const json_t *refused)
{
	const json_t *r;
	size_t i;

	json_array_foreach((json_t *)refused, i, r)
		cli_fail(cli, "%s:%d:%d: %s%s%s", out_string(r, "file"),
			 (int)out_integer(r, "line"), (int)out_integer(r, "column"),
			 out_string(r, "field"), *out_string(r, "field") ? ": " : "",
			 out_string(r, "text"));
}

static int answer(struct cli *cli, const json_t *obj)
{
	int status = CLI_OK;

	if (cli->json)
		status = out_object(cli, obj);
	else
		show(cli, obj);
	if (status != CLI_OK)
		return status;
	complain(cli, out_get(obj, "refused"));
	if (json_array_size(out_get(obj, "refused")))
		return CLI_FAILED;
	return out_integer(obj, "pairs") ? CLI_FOUND : CLI_OK;
}

static int run(struct cli *cli)
{
	struct manifests m = { .cli = cli, .files = json_array() };
	const char *path = cli_text(cli, "file");
	json_t *obj;
	int status;

	if (!path) {
		json_decref(m.files);
		return cli_misuse(cli, "which objects? give '--file FILE', a directory, or '-' for the "
				       "standard input");
	}
	status = add_path(&m, path);
	if (status != CLI_OK) {
		json_decref(m.files);
		return status;
	}
	cli->patience_ms = PATIENCE_MS;
	obj = daemon_object(cli, "whatif", json_pack("{s:o, s:b}", "files", m.files, "delete",
						     cli_given(cli, "delete")));
	if (!obj)
		return CLI_FAILED;
	status = answer(cli, obj);
	json_decref(obj);
	return status;
}

const struct cli_command cmd_whatif = {
	.name = "whatif",
	.summary = "What would change if these objects were applied, or deleted; nothing is",
	.text = "Compares the objects that are in force with what they would be: every pair of ends "
		"in the cluster, whichever node they are on, and every port. Told are the pairs with "
		"another verdict, who decides before and after, and which connections of this node "
		"would be cut. A pod that is new or would go has no verdict to lose and is not "
		"compared.\n"
		"\n"
		"Objects that are refused are told, and the last good version of them is taken, as it "
		"would be in force.",
	.options = (const struct cli_option[]){
		{ .name = "file", .letter = 'f', .type = CLI_FILE,
		  .help = "objects to apply, as YAML or JSON; of a directory all *.yaml, *.yml and "
			  "*.json; - is the standard input" },
		{ .name = "delete", .type = CLI_FLAG, .help = "delete these objects instead" },
		{ .name = NULL } },
	.keys = keys,
	.failure = "an object is refused",
	.found = "some verdict would be another one",
	.examples = (const struct cli_example[]){
		{ "whatif -f deny-all.yaml", "whom would it cut off?" },
		{ "whatif --delete -f old/ -o json", "in a pipeline: is anything in there still "
						     "needed?" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_RESULT,
	.run = run,
};
