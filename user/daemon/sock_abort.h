/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagram sockets of the node's own processes that were connected to a backend
 * which is there no more. The kernel would let them send to it for ever; so they are ended
 * (SOCK_DESTROY, sock_diag(7)): who waits for something to read gets ECONNABORTED, who sends
 * EDESTADDRREQ, and connects anew, to a backend that there is. What sl_sock does not name as
 * connected by way of a service is left alone.
 */
#ifndef SLUICED_SOCK_ABORT_H
#define SLUICED_SOCK_ABORT_H

#include "lib/sluice.h"

struct sock_abort;

/*
 * In the caller's network namespace; @sl outlives it. Tries whether the kernel
 * can do it: where it can't, the rest does nothing. -ENOMEM.
 */
int sock_abort_new(struct sluice *sl, struct sock_abort **out);
void sock_abort_free(struct sock_abort *s);	/* NULL is fine */
/* Why nothing will be ended, a clause for people; NULL: it will. */
const char *sock_abort_doubt(const struct sock_abort *s);
/*
 * Looks at every connected datagram socket, and ends those whose backend is gone:
 * how many. Negative: what netlink or a table returned; some may have been ended.
 */
int sock_abort_run(struct sock_abort *s);

#endif
