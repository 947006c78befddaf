// SPDX-License-Identifier: GPL-2.0
/*
 * A process of its own: the kernel shows a module's types to nobody without
 * CAP_SYS_ADMIN, which a running daemon has given up.
 */
#include "daemon/bind.h"

#include <errno.h>
#include <string.h>
#include "common/log.h"
#include "lib/sluice.h"

static const char *explain(int err)
{
	if (err == -ENODEV)
		return "the module is not loaded";
	if (err == -EOPNOTSUPP)
		return "the module offers nothing to bind to: was it built for this kernel?";
	if (err == -EPROTO)
		return "the module knows another version of the tables";
	return strerror(-err);
}

int bind_run(const struct config *cfg)
{
	struct sluice *sl;
	int err = sluice_open(cfg->pin_root, &sl);

	if (err) {
		log_error("bind: %s: %s", cfg->pin_root,
			  err == -ENOENT ? "nothing is loaded" : strerror(-err));
		return 1;
	}
	err = sluice_kmod_bind(sl);
	sluice_close(sl);
	if (err)
		log_error("bind: %s", explain(err));
	return err ? 1 : 0;
}
