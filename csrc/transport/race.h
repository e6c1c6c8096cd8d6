/* SPDX-License-Identifier: MIT
 *
 * Connecting: all addresses of a host race (RFC 8305). The first connection wins; where it is known whose key must answer
 * (an invite), the first that proves it.
 *
 * Names are resolved, the families take turns, a new attempt starts every ATR_RACE_DELAY_MS or as soon as one fails,
 * and the whole has a time limit. An attempt is a small machine of its own with one result (attempt.h).
 *
 * @locality everything here runs on the loop's thread.
 */
#ifndef ATR_TRANSPORT_RACE_H
#define ATR_TRANSPORT_RACE_H

#include "base/id.h"
#include "base/limits.h"
#include "transport/address.h"
#include "transport/stream.h"
#include "transport/tls.h"

typedef struct atr_race atr_race;

typedef struct atr_race_result {
  int err; /* 0, ATR_NAME_SERVER, ATR_RESOLVE, ATR_NAME_INSIDE, ATR_CONNREFUSED, ATR_UNREACHABLE, ATR_SILENT, ATR_IO, ATR_NOMEM, or attempt.h's */
  atr_stream
      *stream; /* the winner, now the callee's; NULL on failure. With a key: TLS, its handshake done, reading off */
  char address[ATR_ADDRESS_TEXT_BYTES]; /* which one won, or which one `err` is about, as it may be shown */
  char via[ATR_ADDRESS_TEXT_BYTES];     /* the given address that won; "": it is a name that has led to this machine */
  char detail[ATR_REASON_BYTES_MAX];    /* every address that was tried and what became of it, one line */
} atr_race_result;

typedef void (*atr_race_done)(void *ctx, const atr_race_result *result);

typedef struct atr_race_options {
  uint32_t timeout_ms;       /* 0: ATR_CONNECT_TIMEOUT_MS */
  uint32_t delay_ms;         /* 0: ATR_RACE_DELAY_MS */
  const atr_tls_config *tls; /* with `key`: whoever wins has proved it. Outlives the stream */
  const atr_hash *key;
  bool is_invited; /* somebody else has chosen the addresses: names among them may not lead inside (scope.h) */
} atr_race_options;

/* done() is called exactly once, never from inside, and not at all after atr_race_cancel(). The race frees itself
 * after either. `options` may be NULL. 0 or ATR_NOMEM. */
int atr_race_start(atr_race **out, atr_net *net, const atr_address *addresses, size_t count,
                   const atr_race_options *options, atr_race_done done, void *ctx);
void atr_race_cancel(atr_race *race);

#endif
