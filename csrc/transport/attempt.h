/* SPDX-License-Identifier: MIT
 *
 * One attempt of a race: everything between a socket address and a result.
 *
 * Without a key that must be proved the result is the connected stream. With one, TLS runs over it, and only the peer
 * that owns the key is a result: behind an address out of an invite anything may answer - a printer in the guest's own
 * network, or somebody who would like to be the host.
 *
 * @locality everything here runs on the loop's thread. */
#ifndef ATR_TRANSPORT_ATTEMPT_H
#define ATR_TRANSPORT_ATTEMPT_H

#include "base/id.h"
#include "transport/stream.h"
#include "transport/tls.h"

typedef struct atr_attempt atr_attempt;

/* Called once, never from inside, and not after cancelling. The stream is now the callee's: plain, or TLS with its
 * handshake behind it and reading off. Errors: those of tcp.h, ATR_TLS, ATR_NOT_ATRIUM, ATR_KEY_CHANGED (another key was
 * proved), ATR_CRYPTO, ATR_NOMEM. */
typedef void (*atr_attempt_done)(void *ctx, int err, atr_stream *stream);

/* `tls` and `key` both NULL: a plain stream. `key` is copied, `tls` outlives the stream. 0 or an error. */
int atr_attempt_start(atr_attempt **out, atr_net *net, const struct sockaddr *to, const atr_tls_config *tls,
                      const atr_hash *key, atr_attempt_done done, void *ctx);
void atr_attempt_cancel(atr_attempt *attempt);

/* What silence would mean now: ATR_SILENT while nobody has answered at all, ATR_TIMEOUT afterwards. */
int atr_attempt_silence(const atr_attempt *attempt);

#endif
