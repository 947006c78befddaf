/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The plugin and its network configuration, put where the container runtime
 * looks for them. The runtime takes a node for ready as soon as there is a
 * configuration: so that comes last, once pods can be added.
 */
#ifndef SLUICED_INSTALL_H
#define SLUICED_INSTALL_H

#include "daemon/config.h"

/*
 * install_run() - bring both up to date
 * @cfg: from install_from to install_plugin and install_config, directories
 *       that are there; "": not wanted
 *
 * Each file is replaced whole or not at all, and left alone where it is right
 * already. Logs what fails; returns the errno of it.
 */
int install_run(const struct config *cfg);

#endif
