// SPDX-License-Identifier: GPL-2.0
/* Options of the daemon: layers, places of errors, what a reload takes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "daemon/config.h"
#include "unit.h"

static struct config base(void)
{
	struct config_args args = { 0 };
	struct config cfg;
	struct diag diag;

	setenv("SLUICE_NODE_NAME", "unit", 1);
	setenv("SLUICE_CONFIG", "/dev/null", 1);
	assert_int_equal(config_build(&args, &cfg, &diag), 0);
	return cfg;
}

static int parse(struct config *cfg, const char *text, struct diag *diag)
{
	return config_parse_yaml(cfg, "t.yaml", text, strlen(text), diag);
}

static void defaults(void **state)
{
	struct config cfg = base();

	(void)state;
	assert_string_equal(cfg.pin_root, SLUICE_PIN_ROOT);
	assert_string_equal(cfg.state_dir, SLUICE_STATE_DIR);
	assert_string_equal(cfg.run_dir, SLUICE_RUN_DIR);
	assert_string_equal(cfg.uplink, "auto");
	assert_int_equal(cfg.encap, CONFIG_ENCAP_DIRECT);
	assert_int_equal(cfg.masquerade, 1);
	assert_int_equal(cfg.masquerade_ports[0], SL_NAT_PORT_MIN_DEFAULT);
	assert_int_equal(cfg.masquerade_ports[1], SL_NAT_PORT_MAX_DEFAULT);
	assert_int_equal(cfg.flow_max, 131072);
	assert_int_equal(cfg.log_level, LOG_LEVEL_INFO);
}

static void file_sets_options(void **state)
{
	struct config cfg = base();
	struct diag diag;

	(void)state;
	assert_int_equal(parse(&cfg, "# a comment\nnode-name: n1\nencap: vxlan\nvni: 77\nmtu: 1400\n"
			       "masquerade: no\nmasquerade-ports: 100-200\nuplink: eth7\n"
			       "log-level: debug\n", &diag), 0);
	assert_string_equal(cfg.node_name, "n1");
	assert_int_equal(cfg.encap, CONFIG_ENCAP_VXLAN);
	assert_int_equal(cfg.vni, 77);
	assert_int_equal(cfg.mtu, 1400);
	assert_int_equal(cfg.masquerade, 0);
	assert_int_equal(cfg.masquerade_ports[0], 100);
	assert_int_equal(cfg.masquerade_ports[1], 200);
	assert_string_equal(cfg.uplink, "eth7");
	assert_int_equal(cfg.log_level, LOG_LEVEL_DEBUG);
}

static void empty_files_are_fine(void **state)
{
	static const char *const texts[] = { "", "\n", "# nothing\n", "---\n", "---\n...\n", "{}" };
	struct config cfg = base(), before = cfg;
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(parse(&cfg, texts[i], &diag), 0);
	assert_memory_equal(&cfg, &before, sizeof(cfg));
}

static void wrong_files_name_the_place(void **state)
{
	static const struct {
		const char *text;
		int line, column;
		const char *field;
	} cases[] = {
		{ "encap: direct\nencpa: vxlan\n", 2, 1, "encpa" },
		{ "config: /x\n", 1, 1, "config" },
		{ "mtu: 1500\n\nmtu: 1400\n", 3, 1, "mtu" },
		{ "vni: 0\n", 1, 6, "vni" },
		{ "vni: 16777216\n", 1, 6, "vni" },
		{ "vni: -1\n", 1, 6, "vni" },
		{ "vni: 1x\n", 1, 6, "vni" },
		{ "vni: 99999999999999999999\n", 1, 6, "vni" },
		{ "vni: ''\n", 1, 6, "vni" },
		{ "masquerade: maybe\n", 1, 13, "masquerade" },
		{ "masquerade-ports: 9-1\n", 1, 19, "masquerade-ports" },
		{ "masquerade-ports: 0-1\n", 1, 19, "masquerade-ports" },
		{ "masquerade-ports: 61000\n", 1, 19, "masquerade-ports" },
		{ "encap: gre\n", 1, 8, "encap" },
		{ "encap: [vxlan]\n", 1, 8, "encap" },
		{ "state-dir: var/lib\n", 1, 12, "state-dir" },
		{ "node-name: Upper\n", 1, 12, "node-name" },
		{ "node-name: a..b\n", 1, 12, "node-name" },
		{ "node-name: -a\n", 1, 12, "node-name" },
		{ "node-name: a-\n", 1, 12, "node-name" },
		{ "uplink: a/b\n", 1, 9, "uplink" },
		{ "uplink: sixteen-bytes-or-more\n", 1, 9, "uplink" },
		{ "log-level: loud\n", 1, 12, "log-level" },
		{ "node-name: \"a\\0b\"\n", 1, 12, "node-name" },
		{ "- a\n", 1, 1, "" },
		{ "mtu\n", 1, 1, "" },
		{ "mtu: 1\n---\nvni: 2\n", 2, 1, "" },
		{ "? {a: b}\n: c\n", 1, 3, "" },
		{ "mtu: *x\n", 1, 6, "mtu" },
		{ "mtu: {\n", 1, 6, "mtu" },
		{ "mtu: \"1\n", 2, 1, "" },
	};
	struct config cfg = base(), before = cfg;
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int err = parse(&cfg, cases[i].text, &diag);

		if (err != -EINVAL || diag.line != cases[i].line ||
		    diag.column != cases[i].column || strcmp(diag.field, cases[i].field) ||
		    !diag.text[0])
			fail_msg("%s: %d, line %d column %d field '%s': %s", cases[i].text, err,
				 diag.line, diag.column, diag.field, diag.text);
		assert_string_equal(diag.file, "t.yaml");
		assert_memory_equal(&cfg, &before, sizeof(cfg));
	}
}

static void layers_go_over_each_other(void **state)
{
	char path[] = "/tmp/sluice-config-XXXXXX";
	char *argv[] = { "sluiced", "--config", path, "--mtu=1300", NULL };
	struct config_args args;
	struct config cfg;
	struct diag diag;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	dprintf(fd, "mtu: 1100\nvni: 5\nencap: vxlan\n");
	close(fd);
	setenv("SLUICE_NODE_NAME", "unit", 1);
	setenv("SLUICE_MTU", "1200", 1);
	setenv("SLUICE_VNI", "6", 1);
	config_args_parse(4, argv, &args);
	assert_int_equal(config_build(&args, &cfg, &diag), 0);
	assert_int_equal(cfg.mtu, 1300);
	assert_int_equal(cfg.vni, 6);
	assert_int_equal(cfg.encap, CONFIG_ENCAP_VXLAN);

	setenv("SLUICE_VNI", "none", 1);
	assert_int_equal(config_build(&args, &cfg, &diag), -EINVAL);
	assert_string_equal(diag.file, "SLUICE_VNI");
	unsetenv("SLUICE_VNI");
	unsetenv("SLUICE_MTU");

	unlink(path);
	assert_int_equal(config_build(&args, &cfg, &diag), -ENOENT);
	assert_string_equal(diag.file, path);
}

static void reload_takes_what_it_may(void **state)
{
	struct config cfg = base(), next = cfg;
	struct diag diag;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	assert_false(config_reload(&cfg, &next));
	assert_int_equal(parse(&next, "mtu: 1400\nvni: 9\nuplink: e\n", &diag), 0);
	assert_true(config_reload(&cfg, &next));
	assert_int_equal(cfg.mtu, 1400);
	assert_string_equal(cfg.uplink, "e");
	assert_int_equal(cfg.vni, 1);	/* needs a restart */
	assert_int_equal(parse(&next, "uplink: auto\n", &diag), 0);
	assert_int_equal(parse(&next, "uplink: e\n", &diag), 0);
	next.vni = cfg.vni;
	assert_false(config_reload(&cfg, &next));
	log_set_level(LOG_LEVEL_INFO);
}

static void ports_of_tunnels(void **state)
{
	struct config cfg = base();

	(void)state;
	cfg.encap = CONFIG_ENCAP_VXLAN;
	assert_int_equal(config_tunnel_port(&cfg), 4789);
	cfg.encap = CONFIG_ENCAP_GENEVE;
	assert_int_equal(config_tunnel_port(&cfg), 6081);
	cfg.port = 99;
	assert_int_equal(config_tunnel_port(&cfg), 99);
}

static void diagnostics_read_well(void **state)
{
	struct diag d = { .file = "f", .line = 3, .column = 4, .field = "a.b", .text = "no" };
	char buf[64];

	(void)state;
	diag_format(&d, buf, sizeof(buf));
	assert_string_equal(buf, "f:3:4: a.b: no");
	d.column = 0;
	diag_format(&d, buf, sizeof(buf));
	assert_string_equal(buf, "f:3: a.b: no");
	d.line = 0;
	d.field[0] = '\0';
	diag_format(&d, buf, sizeof(buf));
	assert_string_equal(buf, "f: no");
	d.file[0] = '\0';
	diag_format(&d, buf, sizeof(buf));
	assert_string_equal(buf, "no");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(file_sets_options),
		cmocka_unit_test(empty_files_are_fine),
		cmocka_unit_test(wrong_files_name_the_place),
		cmocka_unit_test(layers_go_over_each_other),
		cmocka_unit_test(reload_takes_what_it_may),
		cmocka_unit_test(ports_of_tunnels),
		cmocka_unit_test(diagnostics_read_well),
	};

	return unit_run(tests, NULL, NULL);
}
