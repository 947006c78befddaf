// SPDX-License-Identifier: GPL-2.0
/* sluiced: what it was asked to do, and the exit code of that. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "common/log.h"
#include "daemon/bind.h"
#include "daemon/check.h"
#include "daemon/daemon.h"
#include "daemon/notify.h"
#include "daemon/unload.h"

int main(int argc, char **argv)
{
	static struct daemon d;
	struct diag diag;
	char text[1024];

	log_open("sluiced");
	umask(077);
	config_args_parse(argc, argv, &d.args);
	if (config_build(&d.args, &d.cfg, &diag)) {
		diag_format(&diag, text, sizeof(text));
		fprintf(stderr, "sluiced: %s\n", text);
		return d.args.check_config ? 1 : 2;
	}
	log_set_level(d.cfg.log_level);
	if (d.args.check_config)
		return check_run(&d.cfg);
	if (d.args.unload)
		return unload_run(&d.cfg);
	if (d.args.bind)
		return bind_run(&d.cfg);
	notify_open();
	return daemon_run(&d);
}
