/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The CNI plugin: what its parts share. One process is one command; a struct
 * cni holds what the runtime asked (environment, configuration) and, after a
 * failure, the error that it is answered with.
 *
 * Specification: CNI 1.1.0, github.com/containernetworking/cni, SPEC.md.
 */
#ifndef SLUICE_CNI_H
#define SLUICE_CNI_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include "common/log.h"
#include "lib/sluice.h"

#define CNI_STDIN_MAX	(1 << 20)	/* bytes of configuration */

enum cni_command {
	CNI_COMMAND_ADD,
	CNI_COMMAND_DEL,
	CNI_COMMAND_CHECK,
	CNI_COMMAND_STATUS,
	CNI_COMMAND_GC,
	CNI_COMMAND_VERSION,
	__CNI_COMMAND_MAX,
};

/* In order of age. */
enum cni_version {
	CNI_VERSION_0_1_0,
	CNI_VERSION_0_2_0,
	CNI_VERSION_0_3_0,
	CNI_VERSION_0_3_1,
	CNI_VERSION_0_4_0,
	CNI_VERSION_1_0_0,
	CNI_VERSION_1_1_0,
	__CNI_VERSION_MAX,
};

/* Section 5, "Error"; from 100 on they are ours, see Documentation/cni.md. */
enum cni_code {
	CNI_CODE_VERSION	= 1,
	CNI_CODE_UNSUPPORTED	= 2,
	CNI_CODE_CONTAINER	= 3,
	CNI_CODE_ENVIRONMENT	= 4,
	CNI_CODE_IO		= 5,
	CNI_CODE_DECODE		= 6,
	CNI_CODE_CONFIG		= 7,
	CNI_CODE_AGAIN		= 11,
	CNI_CODE_UNAVAILABLE	= 50,
	CNI_CODE_EXHAUSTED	= 100,	/* no free address */
	CNI_CODE_EXISTS		= 101,	/* attachment, interface or address is there already */
	CNI_CODE_KERNEL		= 102,	/* the kernel refused something */
	CNI_CODE_DAEMON		= 103,	/* the daemon refused something */
	CNI_CODE_CHECK		= 104,	/* CHECK: something is not as ADD left it */
	CNI_CODE_INTERNAL	= 105,	/* out of memory and the like */
};

struct cni_error {
	int code;			/* 0: none */
	char msg[256];
	char details[1024];
};

/* Pointers are the environment's; NULL where a variable is not set. */
struct cni_env {
	enum cni_command command;
	const char *container_id, *ifname, *netns;
	/* From CNI_ARGS, owned; "" when absent. */
	char *pod_namespace, *pod_name, *pod_uid;
	union sl_addr want[__SL_FAMILY_MAX];	/* IP=; all zero: any */
};

/* Pointers belong to @doc. */
struct cni_conf {
	json_t *doc;
	enum cni_version version;
	const char *name;
	const char *socket, *state_dir;
	enum log_level log_level;
	const json_t *dns;		/* NULL: none */
	const json_t *prev_result;	/* NULL: none */
	const json_t *valid;		/* GC: attachments to keep; NULL: no list, keep all */
	union sl_addr want[__SL_FAMILY_MAX];	/* runtimeConfig.ips; all zero: any */
	__u8 mac[6];			/* runtimeConfig.mac */
	bool has_mac;
};

struct cni {
	struct cni_env env;
	struct cni_conf conf;
	struct cni_error err;
};

/* Remembers the first error only, what follows is its consequence. Returns -1. */
int cni_fail(struct cni_error *err, enum cni_code code, const char *msg, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same with strerror(-@error) as the details. */
int cni_fail_errno(struct cni_error *err, enum cni_code code, const char *msg, int error);

/*
 * cni_env_parse() - validate what the command needs of the environment
 * @get: getenv(), or a test's
 */
int cni_env_parse(struct cni_env *env, const char *(*get)(const char *name),
		  struct cni_error *err);
void cni_env_clear(struct cni_env *env);
const char *cni_command_name(enum cni_command command);

/*
 * cni_conf_parse() - decode and validate the configuration of @command
 *
 * conf->version is set as soon as it is known, so that the error can be
 * answered in the caller's version.
 */
int cni_conf_parse(struct cni_conf *conf, enum cni_command command, const char *text, size_t len,
		   struct cni_error *err);
void cni_conf_clear(struct cni_conf *conf);
const char *cni_version_name(enum cni_version version);

/* One process: environment, stdin, the command, the answer on @out. Exit code. */
int cni_run(const char *(*get)(const char *name), int in, FILE *out);

/* Each answers on @out only when it returns 0. */
int cni_add(struct cni *cni, FILE *out);
int cni_del(struct cni *cni);
int cni_gc(struct cni *cni);
int cni_check(struct cni *cni);
int cni_status(struct cni *cni);

#endif /* SLUICE_CNI_H */
