/* SPDX-License-Identifier: MIT
 *
 * CPace: two sides that know one password agree on a key, and who does not know it learns nothing that he could try
 * guesses against later (draft-irtf-cfrg-cpace-21, suite CPACE-RISTR255-SHA512, initiator and responder, with the key
 * confirmation of its section on explicit mutual authentication).
 *
 * Each run is one guess: a wrong password shows only in the peer's tag. The caller counts the guesses (server/guard.h),
 * and binds the run to its connection: the session id is TLS's exporter, the associated data the two keys' hashes, so
 * that nobody in the middle can carry the messages from one connection to another.
 *
 * Without sockets. A run is a plain struct that one side fills in three steps: start, agree, confirm; wiped at the end. */
#ifndef ATR_SESSION_CPACE_H
#define ATR_SESSION_CPACE_H

#include "base/buf.h"

#include <stdbool.h>

#define ATR_CPACE_SHARE_BYTES 32
#define ATR_CPACE_SCALAR_BYTES 32
#define ATR_CPACE_TAG_BYTES 64
#define ATR_CPACE_ISK_BYTES 64
#define ATR_CPACE_SID_BYTES_MAX 64
#define ATR_CPACE_AD_BYTES_MAX 64
#define ATR_CPACE_SECRET_BYTES_MAX 128
#define ATR_CPACE_CI_BYTES_MAX 128

typedef struct atr_cpace {
  bool is_initiator;
  bool has_agreed; /* there is a tag to be expected: before, any guess of it is wrong */
  uint8_t scalar[ATR_CPACE_SCALAR_BYTES];
  uint8_t share[ATR_CPACE_SHARE_BYTES]; /* goes to the peer */
  uint8_t sid[ATR_CPACE_SID_BYTES_MAX];
  size_t sid_bytes;
  uint8_t ad[ATR_CPACE_AD_BYTES_MAX]; /* our own */
  size_t ad_bytes;
  uint8_t isk[ATR_CPACE_ISK_BYTES];      /* the key agreed on, once confirmed of any use */
  uint8_t tag[ATR_CPACE_TAG_BYTES];      /* goes to the peer, second */
  uint8_t expected[ATR_CPACE_TAG_BYTES]; /* what the peer must send */
} atr_cpace;

/* Makes the share. `secret`: what both know (here Argon2id of the password). `ci`: names both sides. `ad`: what this side
 * vouches for. `scalar`: NULL for a random one, 32 bytes below 2^252 in tests. 0, ATR_LIMIT (a part is too long),
 * ATR_RANDOM or ATR_CRYPTO. */
int atr_cpace_start(atr_cpace *run, bool is_initiator, atr_span secret, atr_span ci, atr_span sid, atr_span ad,
                    const uint8_t *scalar);

/* Takes the peer's share and what it vouches for: `isk`, `tag` and `expected` are set. ATR_PROTO where the share is no
 * element of the group, or its neutral one. */
int atr_cpace_agree(atr_cpace *run, const uint8_t peer_share[ATR_CPACE_SHARE_BYTES], atr_span peer_ad);

/* 0 where the peer knows the password, else ATR_PASSWORD; takes the same time either way. ATR_PROTO where nothing has been
 * agreed on yet: a tag that comes before the share proves nothing, whatever it is. */
int atr_cpace_confirm(const atr_cpace *run, const uint8_t peer_tag[ATR_CPACE_TAG_BYTES]);

/* Nothing of the run stays in memory. */
void atr_cpace_wipe(atr_cpace *run);

/* The bytes that are hashed to the generator, for the draft's test vectors. 0 or ATR_LIMIT. */
int atr_cpace_generator_string(atr_buf *out, atr_span secret, atr_span ci, atr_span sid);

#endif
