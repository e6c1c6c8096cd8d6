/* SPDX-License-Identifier: MIT
 *
 * One attempt of a race: everything between a socket address and a result.
 *
 * A TCP connection first; for a web address a WebSocket over it, and for wss:// the tunnel's own TLS below that (websocket.h,
 * tls.h). Without a key that must be proved, that is the result. With one, TLS runs over it, and only the peer
 * that owns the key is a result: behind an address out of an invite anything may answer - a printer in the guest's own
 * network, or somebody who would like to be the host. He is not shown our certificate.
 *
 * @locality everything here runs on the loop's thread. */
#ifndef ATR_TRANSPORT_ATTEMPT_H
#define ATR_TRANSPORT_ATTEMPT_H

#include "base/id.h"
#include "transport/address.h"
#include "transport/stream.h"
#include "transport/tls.h"

typedef struct atr_attempt atr_attempt;

typedef struct atr_attempt_target {
  const struct sockaddr *to;
  const atr_address *web;    /* NULL: plain TCP. Outlives the attempt */
  const atr_tls_config *tls; /* with `key`: who answers must prove that. Outlives the stream; the key is copied */
  const atr_hash *key;
} atr_attempt_target;

/* Called once, never from inside, and not after cancelling. The stream is now the callee's: plain, or TLS with its
 * handshake behind it and reading off. Errors: those of tcp.h, ATR_TLS, ATR_NOT_ATRIUM, ATR_HTTPS_ONLY, ATR_TUNNEL_EMPTY, ATR_KEY_CHANGED (another key was
 * shown), ATR_CRYPTO, ATR_NOMEM. */
typedef void (*atr_attempt_done)(void *ctx, int err, atr_stream *stream);

/* 0 or an error. */
int atr_attempt_start(atr_attempt **out, atr_net *net, const atr_attempt_target *target, atr_attempt_done done,
                      void *ctx);
void atr_attempt_cancel(atr_attempt *attempt);

/* What silence would mean now: ATR_SILENT while nobody has answered at all, ATR_TIMEOUT afterwards. */
int atr_attempt_silence(const atr_attempt *attempt);

#endif
