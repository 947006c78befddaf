// SPDX-License-Identifier: GPL-2.0
/* Initialisation and its reverse, in order; nothing else lives here. */
#include <linux/module.h>
#include "sluice.h"

static int __init sluice_init(void)
{
	int err;

	err = sluice_pipeline_init();
	if (err)
		return err;
	err = sluice_event_init();
	if (err)
		goto err_pipeline_exit;
	err = sluice_netlink_init();
	if (err)
		goto err_event_exit;
	/* Last: from here on a loader may bind its maps. */
	err = sluice_kfunc_init();
	if (err)
		goto err_netlink_exit;
	return 0;

err_netlink_exit:
	sluice_netlink_exit();
err_event_exit:
	sluice_event_exit();
err_pipeline_exit:
	sluice_pipeline_exit();
	return err;
}

static void __exit sluice_exit(void)
{
	/* While the family is still ours: its groups may be another's afterwards. */
	sluice_event_exit();
	/* No message and no socket's end comes in any more ... */
	sluice_netlink_exit();
	/* ... so that the maps can be let go. */
	sluice_pipeline_exit();
}

module_init(sluice_init);
module_exit(sluice_exit);

MODULE_DESCRIPTION("sluice: netlink family of the node dataplane");
MODULE_VERSION(SLUICE_MODULE_VERSION);
MODULE_ALIAS_GENL_FAMILY(SLUICE_FAMILY_NAME);
MODULE_LICENSE("GPL");
