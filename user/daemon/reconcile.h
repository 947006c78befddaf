/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Plan to tables, make before break, so that at every instant every endpoint
 * decides wholly by what it did before or wholly by what is planned:
 *
 *   1. what stands in the way is renamed in the plan (ids that mean something
 *      else in the tables, and are in force)
 *   2. new port sets, new rules: nothing points to them yet
 *   3. classes into the column that nobody reads
 *   4. the word of each endpoint: rule set, column, generation, at once
 *   5. the other column follows, so that they are equal at rest
 *   6. what nothing points to is deleted
 *
 * Whatever instant the writer dies at, the next commit reads everything back
 * and goes on from what it finds.
 */
#ifndef SLUICED_RECONCILE_H
#define SLUICED_RECONCILE_H

#include "daemon/compile.h"
#include "daemon/mirror.h"

struct reconciler {
	struct mirror mirror;
	struct compiler *c;
	__u32 last_gen;			/* of any endpoint, ever */
	unsigned int column;		/* in force */
};

int reconcile_init(struct reconciler *r, const struct tables *t, struct compiler *c);
void reconcile_exit(struct reconciler *r);

/*
 * Writes the difference. On error the tables say what they said before, or,
 * when the words had been switched already, what is wanted, with remains that
 * the next call clears away.
 */
int reconcile_commit(struct reconciler *r);

/* Reads back and counts what differs from the plan; then commits. */
int reconcile_repair(struct reconciler *r);

#endif
