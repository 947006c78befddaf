// SPDX-License-Identifier: GPL-2.0
/* Options: one table, four layers. See config.h. */
#include "daemon/config.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>
#include "daemon/health.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONFIG_FILE_LIMIT (64 * 1024)

enum config_type {
	CONFIG_PATH,			/* absolute */
	CONFIG_CGROUP,			/* "auto", "none", or a path */
	CONFIG_NAME,			/* DNS subdomain, RFC 1123 */
	CONFIG_IFNAME,
	CONFIG_UINT,			/* min to max */
	CONFIG_BOOL,
	CONFIG_PORTS,			/* "first-last" */
	CONFIG_LISTEN,			/* "address:port", "[address]:port" or "none" */
	CONFIG_CHOICE,			/* index into choices[] */
	CONFIG_LEVEL,
};

struct config_option {
	const char *name;
	const char *arg;		/* shown in --help */
	const char *dflt;
	const char *help;
	enum config_type type;
	size_t offset, size;
	unsigned int min, max;
	const char *const *choices;
	bool live;			/* taken on SIGHUP */
};

static const char *const source_names[] = { "directory", "kubernetes", NULL };
static const char *const encap_names[] = { "direct", "vxlan", "geneve", NULL };
static const char *const xdp_names[] = { "off", "native", "generic", NULL };
static const char *const datapath_names[] = { "auto", "veth", "netkit", NULL };

#define FIELD(f) .offset = offsetof(struct config, f), .size = sizeof(((struct config *)0)->f)

/* Every option; the empty default of node-name stands for the host's name. */
static const struct config_option config_options[] = {
	{ "config", "FILE", CONFIG_FILE_DEFAULT, "read options from FILE", CONFIG_PATH,
	  FIELD(config) },
	{ "node-name", "NAME", "", "name of this node's Node object (default: the host's name)",
	  CONFIG_NAME, FIELD(node_name) },
	{ "pin-root", "DIR", SLUICE_PIN_ROOT, "where maps, programs and links are pinned",
	  CONFIG_PATH, FIELD(pin_root) },
	{ "mount-bpffs", "BOOL", "yes",
	  "mount a bpffs there if none is; in a container that would end with it",
	  CONFIG_BOOL, FIELD(mount_bpffs) },
	{ "state-dir", "DIR", SLUICE_STATE_DIR, "endpoint records and address allocations",
	  CONFIG_PATH, FIELD(state_dir) },
	{ "run-dir", "DIR", SLUICE_RUN_DIR, "control socket", CONFIG_PATH, FIELD(run_dir) },
	{ "source", "KIND", "directory",
	  "where Kubernetes objects come from: directory (--manifests) or kubernetes, the API server",
	  CONFIG_CHOICE, FIELD(source), .choices = source_names },
	{ "kubeconfig", "FILE", "", "how to reach the API server (default: as a pod's service account)",
	  CONFIG_PATH, FIELD(kubeconfig) },
	{ "manifests", "DIR", "/etc/sluice/manifests", "Kubernetes objects, watched", CONFIG_PATH,
	  FIELD(manifests) },
	{ "uplink", "DEV", "auto",
	  "device to other nodes; auto: that of the default route, else that of the node's "
	  "address; none: a node by itself",
	  CONFIG_IFNAME, FIELD(uplink), .live = true },
	{ "xdp", "MODE", "off",
	  "packets through this node leave the uplink's driver again: native, generic (for trying) or off",
	  CONFIG_CHOICE, FIELD(xdp), .choices = xdp_names },
	{ "encap", "KIND", "direct", "how other nodes' pods are reached: direct, vxlan or geneve",
	  CONFIG_CHOICE, FIELD(encap), .choices = encap_names },
	{ "vni", "N", "1", "VXLAN or Geneve network identifier", CONFIG_UINT, FIELD(vni), 1,
	  (1U << 24) - 1 },
	{ "port", "N", "0", "UDP port of the tunnel; 0: 4789 for VXLAN, 6081 for Geneve",
	  CONFIG_UINT, FIELD(port), 0, 65535 },
	{ "mtu", "BYTES", "0", "of pods; 0: the uplink's less what encapsulation takes",
	  CONFIG_UINT, FIELD(mtu), 0, 65535, .live = true },
	{ "datapath", "KIND", "auto", "device pairs of new pods: veth, netkit or auto",
	  CONFIG_CHOICE, FIELD(datapath), .choices = datapath_names, .live = true },
	{ "masquerade", "BOOL", "yes", "pods talk to the outside by the node's address",
	  CONFIG_BOOL, FIELD(masquerade), .live = true },
	{ "masquerade-ports", "A-B", "61000-65535", "source ports to masquerade with",
	  CONFIG_PORTS, FIELD(masquerade_ports), .live = true },
	{ "cgroup", "DIR", "auto",
	  "whose sockets reach services at connect(): a cgroup2 directory; auto: everybody's; none",
	  CONFIG_CGROUP, FIELD(cgroup) },
	{ "flow-max", "N", "131072", "established flows", CONFIG_UINT, FIELD(flow_max), 1024,
	  1U << 26 },
	{ "half-max", "N", "32768", "half-open flows", CONFIG_UINT, FIELD(half_max), 1024,
	  1U << 24 },
	{ "rule-max", "N", "1048576", "rule table entries", CONFIG_UINT, FIELD(rule_max), 1024,
	  1U << 26 },
	{ "class-max", "N", "65536", "addresses and ranges with a class", CONFIG_UINT,
	  FIELD(class_max), 256, 1U << 24 },
	{ "addr-max", "N", "65536", "addresses of this node, its pods and of services", CONFIG_UINT,
	  FIELD(addr_max), 256, 1U << 20 },
	{ "route-max", "N", "16384", "pod ranges and addresses of nodes", CONFIG_UINT,
	  FIELD(route_max), 256, 1U << 20 },
	{ "install-plugin", "DIR", "", "put sluice-cni there once ready (default: nowhere)", CONFIG_PATH,
	  FIELD(install_plugin) },
	{ "install-config", "DIR", "",
	  "put 10-sluice.conflist there after that (default: nowhere)", CONFIG_PATH,
	  FIELD(install_config) },
	{ "install-from", "DIR", "/opt/sluice", "where both are taken from", CONFIG_PATH,
	  FIELD(install_from) },
	{ "health", "ADDR:PORT", "none",
	  "where probes are answered by HTTP, on /healthz and /readyz; none: nowhere",
	  CONFIG_LISTEN, FIELD(health) },
	{ "metrics", "ADDR:PORT", "none",
	  "where metrics are told by HTTP, on /metrics; none: nowhere",
	  CONFIG_LISTEN, FIELD(metrics) },
	{ "log-level", "LEVEL", "info", "debug, info, warning or error", CONFIG_LEVEL,
	  FIELD(log_level), .live = true },
};

_Static_assert(ARRAY_LEN(config_options) <= CONFIG_OPTIONS_MAX, "more options than args hold");

/* ------------------------------------------------------------- complaints */

void diag_format(const struct diag *d, char *buf, size_t len)
{
	char place[32] = "";

	if (d->line && d->column)
		snprintf(place, sizeof(place), "%d:%d:", d->line, d->column);
	else if (d->line)
		snprintf(place, sizeof(place), "%d:", d->line);
	snprintf(buf, len, "%s%s%s%s%s%s%s", d->file, d->file[0] ? ":" : "", place,
		 d->file[0] ? " " : "", d->field, d->field[0] ? ": " : "", d->text);
}

__attribute__((format(printf, 3, 4)))
static int config_complain(struct diag *diag, const char *field, const char *fmt, ...)
{
	va_list ap;

	snprintf(diag->field, sizeof(diag->field), "%s", field);
	va_start(ap, fmt);
	vsnprintf(diag->text, sizeof(diag->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ----------------------------------------------------------------- values */

static int parse_uint(const char *text, unsigned int min, unsigned int max, unsigned int *out)
{
	unsigned long v;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *end || v < min || v > max)
		return -EINVAL;
	*out = (unsigned int)v;
	return 0;
}

static int parse_bool(const char *text, unsigned int *out)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };

	for (unsigned int i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(text, words[i])) {
			*out = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_ports(const char *text, unsigned int out[2])
{
	char first[8];
	const char *dash = strchr(text, '-');
	unsigned int a, b;

	if (!dash || (size_t)(dash - text) >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	if (parse_uint(first, 1, 65535, &a) || parse_uint(dash + 1, 1, 65535, &b) || a > b)
		return -EINVAL;
	out[0] = a;
	out[1] = b;
	return 0;
}

static bool valid_name(const char *s)
{
	bool edge = true;		/* a label begins here: no '-' or '.' */

	if (!*s || strlen(s) > 253)
		return false;
	for (; *s; s++) {
		if (*s == '.') {
			if (edge || s[-1] == '-')
				return false;
			edge = true;
		} else if (*s == '-' && edge) {
			return false;
		} else if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '-') {
			return false;
		} else {
			edge = false;
		}
	}
	return !edge && s[-1] != '-';
}

static bool valid_ifname(const char *s)
{
	if (!*s || strlen(s) >= IFNAMSIZ || !strcmp(s, ".") || !strcmp(s, ".."))
		return false;
	for (; *s; s++) {
		if (*s == '/' || *s == ':' || isspace((unsigned char)*s))
			return false;
	}
	return true;
}

static int config_set_text(const struct config_option *o, char *field, const char *text,
			   struct diag *diag)
{
	if (strlen(text) >= o->size)
		return config_complain(diag, o->name, "longer than %zu bytes", o->size - 1);
	if (o->type == CONFIG_CGROUP && text[0] != '/' && strcmp(text, "auto") && strcmp(text, "none"))
		return config_complain(diag, o->name, "'%s' is not auto, none or an absolute path", text);
	if (o->type == CONFIG_PATH && text[0] != '/')
		return config_complain(diag, o->name, "'%s' is not an absolute path", text);
	if (o->type == CONFIG_NAME && !valid_name(text))
		return config_complain(diag, o->name,
				       "'%s' is not a name: lower case letters, digits, '-', '.'",
				       text);
	if (o->type == CONFIG_IFNAME && !valid_ifname(text))
		return config_complain(diag, o->name, "'%s' can't be the name of a device", text);
	memset(field, 0, o->size);	/* config_reload() compares whole fields */
	strcpy(field, text);
	return 0;
}

static int config_set_choice(const struct config_option *o, unsigned int *field, const char *text,
			     struct diag *diag)
{
	char list[128] = "";

	for (unsigned int i = 0; o->choices[i]; i++) {
		if (!strcmp(text, o->choices[i])) {
			*field = i;
			return 0;
		}
		if (i)
			strncat(list, ", ", sizeof(list) - strlen(list) - 1);
		strncat(list, o->choices[i], sizeof(list) - strlen(list) - 1);
	}
	return config_complain(diag, o->name, "'%s' is not one of %s", text, list);
}

static int config_set(struct config *cfg, const struct config_option *o, const char *text,
		      struct diag *diag)
{
	void *field = (char *)cfg + o->offset;
	struct sockaddr_storage sa;
	enum log_level level;
	socklen_t len;

	switch (o->type) {
	case CONFIG_PATH:
	case CONFIG_CGROUP:
	case CONFIG_NAME:
	case CONFIG_IFNAME:
		return config_set_text(o, field, text, diag);
	case CONFIG_LISTEN:
		if (strcmp(text, "none") && !health_parse(text, &sa, &len))
			return config_complain(diag, o->name,
					       "'%s' is not an address and a port like 127.0.0.1:9879",
					       text);
		return config_set_text(o, field, text, diag);
	case CONFIG_UINT:
		if (parse_uint(text, o->min, o->max, field))
			return config_complain(diag, o->name, "'%s' is not a number from %u to %u",
					       text, o->min, o->max);
		return 0;
	case CONFIG_BOOL:
		if (parse_bool(text, field))
			return config_complain(diag, o->name, "'%s' is neither yes nor no", text);
		return 0;
	case CONFIG_PORTS:
		if (parse_ports(text, field))
			return config_complain(diag, o->name,
					       "'%s' is not a range of ports like 61000-65535",
					       text);
		return 0;
	case CONFIG_CHOICE:
		return config_set_choice(o, field, text, diag);
	case CONFIG_LEVEL:
		if (log_level_parse(text, &level))
			return config_complain(diag, o->name,
					       "'%s' is not one of debug, info, warning, error",
					       text);
		*(unsigned int *)field = level;
		return 0;
	}
	return -EINVAL;
}

static const struct config_option *config_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(config_options); i++) {
		if (!strcmp(config_options[i].name, name))
			return &config_options[i];
	}
	return NULL;
}

/* ------------------------------------------------------------ sluiced.yaml */

struct config_yaml {
	yaml_parser_t parser;
	yaml_event_t event;
	struct diag *diag;
	bool seen[CONFIG_OPTIONS_MAX];
};

static int config_yaml_place(struct config_yaml *y, const yaml_mark_t *mark)
{
	y->diag->line = (int)mark->line + 1;
	y->diag->column = (int)mark->column + 1;
	return -EINVAL;
}

static int config_yaml_next(struct config_yaml *y)
{
	yaml_event_delete(&y->event);
	if (yaml_parser_parse(&y->parser, &y->event))
		return 0;
	config_yaml_place(y, &y->parser.problem_mark);
	config_complain(y->diag, "", "%s", y->parser.problem ? y->parser.problem : "not YAML");
	return -EINVAL;
}

static int config_yaml_expect(struct config_yaml *y, yaml_event_type_t type, const char *what)
{
	int err = config_yaml_next(y);

	if (err)
		return err;
	if (y->event.type == type)
		return 0;
	config_complain(y->diag, "", "expected %s", what);
	return config_yaml_place(y, &y->event.start_mark);
}

/* The event is the key's; leaves the value's behind. */
static int config_yaml_pair(struct config_yaml *y, struct config *cfg)
{
	const struct config_option *o;
	int err;

	config_yaml_place(y, &y->event.start_mark);
	if (y->event.type != YAML_SCALAR_EVENT)
		return config_complain(y->diag, "", "expected the name of an option");
	o = config_find((const char *)y->event.data.scalar.value);
	if (!o || !strcmp(o->name, "config"))
		return config_complain(y->diag, (const char *)y->event.data.scalar.value,
				       "there is no such option; 'sluiced --help' lists them");
	if (y->seen[o - config_options])
		return config_complain(y->diag, o->name, "given twice");
	y->seen[o - config_options] = true;
	err = config_yaml_next(y);
	if (err)
		return err;
	config_yaml_place(y, &y->event.start_mark);
	if (y->event.type != YAML_SCALAR_EVENT)
		return config_complain(y->diag, o->name, "expected one value");
	if (strlen((const char *)y->event.data.scalar.value) != y->event.data.scalar.length)
		return config_complain(y->diag, o->name, "contains a NUL byte");
	return config_set(cfg, o, (const char *)y->event.data.scalar.value, y->diag);
}

static int config_yaml_read(struct config_yaml *y, struct config *cfg)
{
	int err = config_yaml_expect(y, YAML_STREAM_START_EVENT, "a YAML stream");

	if (!err)
		err = config_yaml_next(y);
	if (err || y->event.type == YAML_STREAM_END_EVENT)
		return err;		/* empty, or comments alone */
	err = config_yaml_next(y);
	if (err)
		return err;
	if (y->event.type == YAML_SCALAR_EVENT && !y->event.data.scalar.length)
		return config_yaml_expect(y, YAML_DOCUMENT_END_EVENT, "nothing more");
	if (y->event.type != YAML_MAPPING_START_EVENT) {
		config_complain(y->diag, "", "expected 'option: value' lines");
		return config_yaml_place(y, &y->event.start_mark);
	}
	for (;;) {
		err = config_yaml_next(y);
		if (err)
			return err;
		if (y->event.type == YAML_MAPPING_END_EVENT)
			break;
		err = config_yaml_pair(y, cfg);
		if (err)
			return err;
	}
	err = config_yaml_expect(y, YAML_DOCUMENT_END_EVENT, "the end of the document");
	return err ? err : config_yaml_expect(y, YAML_STREAM_END_EVENT, "only one document");
}

int config_parse_yaml(struct config *cfg, const char *file, const char *text, size_t len,
		      struct diag *diag)
{
	struct config_yaml y = { .diag = diag };
	struct config next = *cfg;
	int err;

	memset(diag, 0, sizeof(*diag));
	snprintf(diag->file, sizeof(diag->file), "%s", file);
	if (!yaml_parser_initialize(&y.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&y.parser, (const unsigned char *)text, len);
	err = config_yaml_read(&y, &next);
	yaml_event_delete(&y.event);
	yaml_parser_delete(&y.parser);
	if (!err)
		*cfg = next;
	return err;
}

static int config_read_file(struct config *cfg, bool required, struct diag *diag)
{
	char *text = NULL;
	ssize_t n = 0;
	int err, fd;

	fd = open(cfg->config, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !required)
		return 0;
	snprintf(diag->file, sizeof(diag->file), "%s", cfg->config);
	if (fd < 0) {
		err = -errno;
		config_complain(diag, "", "%s", strerror(-err));
		return err;
	}
	err = -ENOMEM;
	text = malloc(CONFIG_FILE_LIMIT + 1);
	if (!text)
		goto out;
	n = read(fd, text, CONFIG_FILE_LIMIT + 1);
	err = n < 0 ? -errno : -EFBIG;
	if (n < 0 || n > CONFIG_FILE_LIMIT)
		config_complain(diag, "", "%s", strerror(-err));
	else
		err = config_parse_yaml(cfg, cfg->config, text, (size_t)n, diag);
out:
	free(text);
	close(fd);
	return err;
}

/* ------------------------------------------------------------------ layers */

static const char *config_env(const struct config_option *o, char *var, size_t len)
{
	size_t n = (size_t)snprintf(var, len, "SLUICE_%s", o->name);

	for (size_t i = 0; i < n; i++)
		var[i] = var[i] == '-' ? '_' : (char)toupper((unsigned char)var[i]);
	return getenv(var);
}

static int config_set_defaults(struct config *cfg, struct diag *diag)
{
	char *host;

	memset(cfg, 0, sizeof(*cfg));
	for (size_t i = 0; i < ARRAY_LEN(config_options); i++) {
		if (config_options[i].dflt[0] &&
		    config_set(cfg, &config_options[i], config_options[i].dflt, diag))
			return -EINVAL;
	}
	host = cfg->node_name;
	if (gethostname(host, sizeof(cfg->node_name) - 1))
		return -errno;
	for (; *host; host++)
		*host = (char)tolower((unsigned char)*host);
	return 0;
}

/* --config and SLUICE_CONFIG come before the file that they name. */
static int config_set_layer(struct config *cfg, const struct config_args *args, size_t i,
			    struct diag *diag)
{
	const struct config_option *o = &config_options[i];
	const char *value;
	char var[64];
	int err = 0;

	value = config_env(o, var, sizeof(var));
	if (value) {
		snprintf(diag->file, sizeof(diag->file), "%s", var);
		err = config_set(cfg, o, value, diag);
	}
	if (!err && args->value[i]) {
		snprintf(diag->file, sizeof(diag->file), "--%s", o->name);
		err = config_set(cfg, o, args->value[i], diag);
	}
	return err;
}

int config_build(const struct config_args *args, struct config *out, struct diag *diag)
{
	size_t config_index = (size_t)(config_find("config") - config_options);
	struct config cfg;
	char var[64];
	int err;

	memset(diag, 0, sizeof(*diag));
	err = config_set_defaults(&cfg, diag);
	if (!err)
		err = config_set_layer(&cfg, args, config_index, diag);
	if (err)
		return err;
	err = config_read_file(&cfg, args->value[config_index] ||
			       config_env(&config_options[config_index], var, sizeof(var)), diag);
	if (err)
		return err;
	memset(diag, 0, sizeof(*diag));
	for (size_t i = 0; i < ARRAY_LEN(config_options); i++) {
		err = config_set_layer(&cfg, args, i, diag);
		if (err)
			return err;
	}
	memset(diag, 0, sizeof(*diag));
	if (!valid_name(cfg.node_name))
		return config_complain(diag, "node-name",
				       "the host's name '%s' can't be a node's: set --node-name",
				       cfg.node_name);
	*out = cfg;
	return 0;
}

bool config_reload(struct config *cfg, const struct config *next)
{
	bool taken = false;

	for (size_t i = 0; i < ARRAY_LEN(config_options); i++) {
		const struct config_option *o = &config_options[i];
		void *mine = (char *)cfg + o->offset;
		const void *other = (const char *)next + o->offset;

		if (!memcmp(mine, other, o->size))
			continue;
		if (!o->live) {
			log_warning("%s changed in %s: takes effect at the next start", o->name,
				    cfg->config);
			continue;
		}
		memcpy(mine, other, o->size);
		taken = true;
	}
	return taken;
}

unsigned int config_tunnel_port(const struct config *cfg)
{
	if (cfg->port)
		return cfg->port;
	return cfg->encap == CONFIG_ENCAP_GENEVE ? 6081 : 4789;
}

/* ------------------------------------------------------------ command line */

#define KEY_OPTION	0x100		/* + index in config_options */
#define KEY_CHECK	0x200
#define KEY_UNLOAD	0x201
#define KEY_BIND	0x202

static const struct argp_option config_modes[] = {
	{ "check-config", KEY_CHECK, NULL, 0,
	  "check options and manifests, print what is wrong, exit 0 or 1", 1 },
	{ "unload", KEY_UNLOAD, NULL, 0,
	  "detach all programs, remove what is pinned and the node's routes, exit", 1 },
	{ "bind", KEY_BIND, NULL, 0,
	  "give the tables to a kernel module that was loaded after them, exit", 1 },
};

#define CONFIG_SUMMARY \
	"The sluice daemon: Kubernetes objects in, tables of the BPF pipeline out"
#define CONFIG_ABOUT \
	"Each option but --check-config, --unload and --bind may be set as 'name: value' in " \
	"sluiced.yaml and as SLUICE_NAME in the environment (upper case, '_' for '-'); the command line counts " \
	"first, then the environment, then the file. SIGHUP reads the file again. Exit status: 0 " \
	"done, 1 failed, 2 wrong usage."

const char *config_doc_summary(void)
{
	return CONFIG_SUMMARY;
}

const char *config_doc_about(void)
{
	return CONFIG_ABOUT;
}

bool config_doc(size_t i, struct config_doc *out)
{
	const struct config_option *o;

	*out = (struct config_doc){ 0 };
	if (i < ARRAY_LEN(config_modes)) {
		out->name = config_modes[i].name;
		out->help = config_modes[i].doc;
		return true;
	}
	i -= ARRAY_LEN(config_modes);
	if (i >= ARRAY_LEN(config_options))
		return false;
	o = &config_options[i];
	*out = (struct config_doc){ o->name, o->arg, o->dflt, o->help, o->live };
	return true;
}

static error_t config_argp_parse(int key, char *arg, struct argp_state *state)
{
	struct config_args *args = state->input;

	if (key >= KEY_OPTION && key < KEY_OPTION + (int)ARRAY_LEN(config_options)) {
		args->value[key - KEY_OPTION] = arg;
		return 0;
	}
	switch (key) {
	case KEY_CHECK:
		args->check_config = true;
		return 0;
	case KEY_UNLOAD:
		args->unload = true;
		return 0;
	case KEY_BIND:
		args->bind = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void config_argp_option(struct argp_option *to, size_t i, char help[256])
{
	const struct config_option *o = &config_options[i];

	snprintf(help, 256, "%s%s%s%s", o->help, o->dflt[0] ? " (default: " : "", o->dflt,
		 o->dflt[0] ? ")" : "");
	*to = (struct argp_option){
		.name = o->name,
		.key = KEY_OPTION + (int)i,
		.arg = o->arg,
		.doc = help,
		.group = 2,
	};
}

void config_args_parse(int argc, char **argv, struct config_args *args)
{
	static char help[ARRAY_LEN(config_options)][256];
	struct argp_option options[ARRAY_LEN(config_modes) + ARRAY_LEN(config_options) + 1] = {};
	const struct argp argp = {
		.options = options,
		.parser = config_argp_parse,
		.doc = CONFIG_SUMMARY ".\v" CONFIG_ABOUT,
	};

	memset(args, 0, sizeof(*args));
	memcpy(options, config_modes, sizeof(config_modes));
	for (size_t i = 0; i < ARRAY_LEN(config_options); i++)
		config_argp_option(&options[ARRAY_LEN(config_modes) + i], i, help[i]);
	argp_program_version = "sluiced " SLUICE_VERSION;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, args);
	if (args->check_config + args->unload + args->bind > 1) {
		fprintf(stderr, "sluiced: --check-config, --unload and --bind exclude each other\n");
		exit(2);
	}
}
