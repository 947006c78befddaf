/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What would be different: the objects as they are and as they would be,
 * compiled beside each other, and every pair of ends judged by both. Nothing
 * of it reaches the kernel, and the policy it begins from is only read.
 *
 * Ends that no rule tells apart in either state are judged once, so the
 * answer is exact and the work goes with the number of policies, not with
 * that of pods. An end is a pod with an address, wherever it runs; a node's
 * own address; or the rest of an address block. Pods that only one of the two
 * states has are no end: they have no verdict to lose.
 */
#ifndef SLUICED_WHATIF_H
#define SLUICED_WHATIF_H

#include "daemon/policy.h"

/* What one answer lists; whatever there is more is counted. */
#define WHATIF_FLIPS_MAX	1000
#define WHATIF_ENDS_MAX		200	/* of one flip, on either side */
#define WHATIF_FLOWS_MAX	1000

struct whatif;

/* -ENOMEM. @pol must outlive it. */
int whatif_new(const struct policy *pol, struct whatif **out);
void whatif_free(struct whatif *w);

/*
 * What would be applied, deleted or, because it is wrong, refused: then the
 * last good version stays. Takes @obj. -ENOMEM.
 */
int whatif_apply(struct whatif *w, struct object *obj);
int whatif_delete(struct whatif *w, const struct object_id *id);
int whatif_refuse(struct whatif *w, const struct object_id *id, const struct diag *diag);

/* Once, after all that. -ENOMEM. */
int whatif_compare(struct whatif *w);
/*
 * After whatif_compare(): notes a flow of the flow table if it is allowed now
 * and would not be. Of the ends only endpoints of this node are asked, as the
 * pipeline does. -ENOMEM.
 */
int whatif_flow(struct whatif *w, const struct sl_tuple *key, const struct sl_flow *flow);

/* The `whatif` answer of Documentation/control.md; a new reference, or NULL. */
json_t *whatif_json(const struct whatif *w);

#endif
