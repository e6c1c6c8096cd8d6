/* SPDX-License-Identifier: MIT
 *
 * One small HTTP request to a machine that is near, and its answer: the router's UPnP, a tunnel program's own page.
 *
 * A connection for each; an IP address, never a name. All of it together has one deadline and one bound of bytes
 * (ATR_HTTP_ANSWER_BYTES_MAX), so neither an endless answer nor one that comes a byte a second holds anything up.
 *
 * @locality the loop's thread. */
#ifndef ATR_REACH_HTTP_CALL_H
#define ATR_REACH_HTTP_CALL_H

#include "proto/http.h"

#include <stdint.h>
#include <uv.h>

typedef struct atr_http_call atr_http_call;

/* `err`: 0 and the answer, which is valid until this returns; ATR_CONNREFUSED (nobody listens there); ATR_UNREACHABLE; ATR_TIMEOUT;
 * ATR_LIMIT (too long an answer); ATR_PROTO (none that is one). The call is over, and no pointer to it counts any more. */
typedef void (*atr_http_done)(void *ctx, int err, const atr_http_answer *answer);

/* Copies `to` and `request`. `done` comes once, never from within. NULL: there is no memory. */
atr_http_call *atr_http_call_new(uv_loop_t *loop, const struct sockaddr *to, atr_span request, uint32_t timeout_ms,
                                 atr_http_done done, void *ctx);

/* `done` does not come any more. The memory goes when the loop has closed the handles. NULL is allowed. */
void atr_http_call_cancel(atr_http_call *call);

#endif
