/* SPDX-License-Identifier: MIT
 *
 * TLS 1.3 over any stream, both sides with a key.
 *
 * OpenSSL sees two BIOs of ours: reading takes from the bytes that the lower stream just delivered, writing appends
 * to one buffer that goes down as a whole, many records at a time. Hence no system call per record and no copy
 * between them.
 *
 * A peer's certificate is a carrier for its key and nothing else: any certificate with an Ed25519 key whose owner
 * signs the handshake is accepted here, and whoever owns the stream decides by the key: afterwards (atr_tls_peer_spki), or, where it
 * is known whose key must come, before ours is shown (atr_tls_expect). A peer without one is refused. TLS 1.3 only, X25519, no tickets, no early data, no renegotiation, ALPN `atrium/1` on both
 * sides.
 *
 * @locality a config may be shared by loops on several threads once it is made; a stream runs on its loop's thread.
 */
#ifndef ATR_TRANSPORT_TLS_H
#define ATR_TRANSPORT_TLS_H

#include "base/id.h"
#include "transport/stream.h"

#include <openssl/types.h>

typedef struct atr_tls_config atr_tls_config;

/* References to key and certificate are taken, not stolen. 0, ATR_CRYPTO or ATR_NOMEM. */
int atr_tls_config_new(atr_tls_config **out, EVP_PKEY *key, X509 *certificate);
void atr_tls_config_free(atr_tls_config *config);

/* New sending keys after so many records; ATR_TLS_REKEY_RECORDS unless a test wants to see it happen. */
void atr_tls_config_set_rekey(atr_tls_config *config, uint64_t records);

/* Takes `lower`, also on failure. The handshake starts once reading starts; on_open() tells that it is done. `config`
 * outlives the stream. */
int atr_tls_stream_new(atr_stream **out, atr_stream *lower, const atr_tls_config *config, bool is_server);

/* TLS as tunnels and web servers speak it: 1.2 or later, with the name that is asked for, and nothing is proved by it. A way to
 * get through, inside of which our own TLS runs. Takes `lower`, also on failure. */
int atr_tls_outer_new(atr_stream **out, atr_stream *lower, const char *host);

/* Only this key is let through, which is copied. A server with another one gets an alert instead of our certificate, and never learns who called; the stream
 * ends with ATR_KEY_CHANGED. Before the handshake, that is before reading starts. */
void atr_tls_expect(atr_stream *stream, const atr_hash *key);

/* DER of the peer's SubjectPublicKeyInfo, as long as the stream lives; empty before on_open(). After ATR_KEY_CHANGED the one that was shown, which
 * nobody has proved. Only for TLS streams. */
atr_span atr_tls_peer_spki(const atr_stream *stream);

/* `n` bytes that both ends of this connection know and nobody else does (RFC 8446, 7.5). 0 or ATR_CRYPTO. */
int atr_tls_export(const atr_stream *stream, const char *label, uint8_t *out, size_t n);

#endif
