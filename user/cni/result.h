/* SPDX-License-Identifier: GPL-2.0 */
/* What the plugin answers on stdout, in the shape of each version. */
#ifndef SLUICE_CNI_RESULT_H
#define SLUICE_CNI_RESULT_H

#include "cni/cni.h"
#include "common/record.h"

/*
 * The result of ADD: @rec's interfaces, addresses and routes; in a chain
 * added to what the earlier plugins had. @gateway: by enum sl_family. A new
 * reference, or NULL without memory.
 */
json_t *cni_result(const struct cni_conf *conf, const struct record *rec,
		   const union sl_addr gateway[__SL_FAMILY_MAX]);
/* The answer to VERSION; likewise. */
json_t *cni_version_result(const struct cni_conf *conf);
/* Likewise. */
json_t *cni_error_result(const struct cni_conf *conf, const struct cni_error *err);
/* Steals @doc. -EIO when @out did not take it, -ENOMEM when @doc is NULL. */
int cni_print(FILE *out, json_t *doc);

#endif /* SLUICE_CNI_RESULT_H */
