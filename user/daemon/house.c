// SPDX-License-Identifier: GPL-2.0
/* Timers. See house.h. */
#include "daemon/house.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "daemon/notify.h"

#define HOUSE_EXPIRE_MS		5000
#define HOUSE_RECONCILE_MS	60000

enum {
	HOUSE_EXPIRE,
	HOUSE_RECONCILE,
	HOUSE_WATCHDOG,
	HOUSE_TIMERS,
};

struct house {
	struct house_ctx ctx;
	uv_timer_t timer[HOUSE_TIMERS];
	int open;
	int expire_err;			/* last one logged */
};

static void on_expire(uv_timer_t *timer)
{
	struct house *h = timer->data;
	int n = sluice_flow_expire(h->ctx.sl);

	if (n > 0)
		log_debug("%d flows expired", n);
	if (n < 0 && n != h->expire_err)
		log_error("flow expiry: %s", strerror(-n));
	h->expire_err = n < 0 ? n : 0;
}

static void on_reconcile(uv_timer_t *timer)
{
	struct house *h = timer->data;

	h->ctx.reconcile(h->ctx.arg);
}

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	notify_send("WATCHDOG=1");
}

int house_new(const struct house_ctx *ctx, struct house **out)
{
	struct house *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->ctx = *ctx;
	h->open = HOUSE_TIMERS;
	for (int i = 0; i < HOUSE_TIMERS; i++) {
		uv_timer_init(ctx->loop, &h->timer[i]);
		h->timer[i].data = h;
	}
	uv_timer_start(&h->timer[HOUSE_EXPIRE], on_expire, HOUSE_EXPIRE_MS, HOUSE_EXPIRE_MS);
	uv_timer_start(&h->timer[HOUSE_RECONCILE], on_reconcile, HOUSE_RECONCILE_MS,
		       HOUSE_RECONCILE_MS);
	if (ctx->watchdog_ms)
		uv_timer_start(&h->timer[HOUSE_WATCHDOG], on_watchdog, 0, ctx->watchdog_ms);
	*out = h;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct house *h = handle->data;

	if (!--h->open)
		free(h);
}

void house_free(struct house *house)
{
	if (!house)
		return;
	for (int i = 0; i < HOUSE_TIMERS; i++)
		uv_close((uv_handle_t *)&house->timer[i], on_closed);
}
