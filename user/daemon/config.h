/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon was told: defaults, then sluiced.yaml, then SLUICE_* of the
 * environment, then the command line, each over the one before. One table in
 * config.c names every option once; --help, the environment's names and the
 * file's keys all come from it.
 */
#ifndef SLUICED_CONFIG_H
#define SLUICED_CONFIG_H

#include <net/if.h>
#include <stdbool.h>
#include "common/log.h"
#include "daemon/policy.h"

#define CONFIG_FILE_DEFAULT	"/etc/sluice/sluiced.yaml"
#define CONFIG_PATH_MAX		256
#define CONFIG_OPTIONS_MAX	32

enum config_encap {
	CONFIG_ENCAP_DIRECT,
	CONFIG_ENCAP_VXLAN,
	CONFIG_ENCAP_GENEVE,
};

enum config_source {
	CONFIG_SOURCE_DIRECTORY,
	CONFIG_SOURCE_KUBERNETES,
};

enum config_datapath {
	CONFIG_DATAPATH_AUTO,
	CONFIG_DATAPATH_VETH,
	CONFIG_DATAPATH_NETKIT,
};

enum config_xdp {
	CONFIG_XDP_OFF,
	CONFIG_XDP_NATIVE,
	CONFIG_XDP_GENERIC,
};

struct config {
	char config[CONFIG_PATH_MAX];
	char node_name[254];
	char pin_root[CONFIG_PATH_MAX];
	char state_dir[CONFIG_PATH_MAX];
	char run_dir[CONFIG_PATH_MAX];
	unsigned int source;		/* enum config_source */
	char manifests[CONFIG_PATH_MAX];
	char kubeconfig[CONFIG_PATH_MAX];	/* "": the service account of a pod */
	char uplink[IFNAMSIZ];		/* "auto", "none" or a device */
	unsigned int xdp;		/* enum config_xdp */
	unsigned int encap;		/* enum config_encap */
	unsigned int vni;
	unsigned int port;		/* of the tunnel, UDP; 0: its kind's own */
	unsigned int mtu;		/* of pods, bytes; 0: derived */
	unsigned int datapath;		/* enum config_datapath */
	unsigned int masquerade;	/* 0 or 1 */
	unsigned int masquerade_ports[2];
	char cgroup[CONFIG_PATH_MAX];	/* "auto", "none", or a directory */
	unsigned int flow_max, half_max, rule_max, class_max, addr_max, route_max;
	char install_from[CONFIG_PATH_MAX];
	char install_plugin[CONFIG_PATH_MAX], install_config[CONFIG_PATH_MAX];	/* "": not wanted */
	char health[64];		/* "none", or an address and a port */
	char metrics[64];		/* the same */
	unsigned int mount_bpffs;	/* 0 or 1 */
	unsigned int log_level;		/* enum log_level */
};

/* The command line, read once; values point into argv. */
struct config_args {
	const char *value[CONFIG_OPTIONS_MAX];
	bool check_config;
	bool unload;
	bool bind;
};

/* Exits with 2 and a message on wrong usage, with 0 after --help and --version. */
void config_args_parse(int argc, char **argv, struct config_args *args);

/* An option as --help shows it; @arg and @dflt are NULL for one that takes no value. */
struct config_doc {
	const char *name, *arg, *dflt, *help;
	bool live;			/* taken on SIGHUP */
};

/* For the manual page: the @i-th option (false: there is none), and what --help says around. */
bool config_doc(size_t i, struct config_doc *out);
const char *config_doc_summary(void);
const char *config_doc_about(void);

/*
 * config_build() - put the layers together
 *
 * -EINVAL with @diag for a wrong value, naming file and line, variable or
 * option; -ENOENT when a file named on the command line or in the
 * environment is not there. @out is whole or untouched.
 */
int config_build(const struct config_args *args, struct config *out, struct diag *diag);

/* One layer alone: a sluiced.yaml of @len bytes over what @cfg holds. */
int config_parse_yaml(struct config *cfg, const char *file, const char *text, size_t len,
		      struct diag *diag);

/*
 * config_reload() - take from @next into @cfg what may change while running
 *
 * Logs each option that differs and needs a restart. Returns true when
 * something was taken.
 */
bool config_reload(struct config *cfg, const struct config *next);

/* UDP port in use: @port, or 4789 (VXLAN, RFC 7348), 6081 (Geneve, RFC 8926). */
unsigned int config_tunnel_port(const struct config *cfg);

/* "file:line:column: field: text", parts that are unknown left out. */
void diag_format(const struct diag *d, char *buf, size_t len);

#endif
