/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An API server as the source of objects: one watcher for each kind. The
 * first commit waits for the complete list of every kind; a server that goes
 * away later takes nothing with it.
 */
#ifndef SLUICED_SOURCE_K8S_H
#define SLUICED_SOURCE_K8S_H

#include "daemon/source.h"

/*
 * source_k8s_open() - follow an API server
 * @kubeconfig: path of a kubeconfig; "": the service account that a pod is given
 *
 * Connects to nothing yet. Logs what is wrong and returns -EINVAL, -ENOENT (not
 * in a pod), -ENOMEM or the errno of reading the file.
 */
int source_k8s_open(const struct source_ctx *ctx, const char *kubeconfig, struct source **out);

#endif
