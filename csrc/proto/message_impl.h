/* SPDX-License-Identifier: MIT
 *
 * What the readers and writers of messages share; only csrc/proto/message*.c include it.
 *
 * A writer asks for all its bytes at once and fills them in: a message is appended whole or not at all. A reader goes
 * through atr_rd and asks once at its end whether all was there. */
#ifndef ATR_PROTO_MESSAGE_IMPL_H
#define ATR_PROTO_MESSAGE_IMPL_H

#include "base/error.h"
#include "base/limits.h"
#include "proto/message.h"

#include <string.h>

static inline atr_rd message_open(atr_span msg, uint8_t type)
{
  atr_rd rd = atr_rd_of(msg.p, msg.n);

  if (atr_rd_u8(&rd) != type)
    rd.err = ATR_PROTO;
  return rd;
}

/* `n` writable bytes at the end of `out`, counted already; NULL with *err set where they do not fit. */
static inline uint8_t *message_room(atr_buf *out, size_t n, int *err)
{
  *err = atr_buf_reserve(out, n);
  if (*err)
    return NULL;
  atr_buf_added(out, n);
  return out->data + out->len - n;
}

static inline uint8_t *put_bytes(uint8_t *p, const void *bytes, size_t n)
{
  if (n)
    memcpy(p, bytes, n);
  return p + n;
}

static inline uint8_t *put_u8(uint8_t *p, uint8_t v)
{
  *p = v;
  return p + 1;
}

static inline uint8_t *put_u16(uint8_t *p, uint16_t v)
{
  atr_put_u16(p, v);
  return p + 2;
}

static inline uint8_t *put_u32(uint8_t *p, uint32_t v)
{
  atr_put_u32(p, v);
  return p + 4;
}

static inline uint8_t *put_u64(uint8_t *p, uint64_t v)
{
  atr_put_u64(p, v);
  return p + 8;
}

/* The `count` entries that come next in the message. */
atr_list message_read_list(atr_rd *rd, uint32_t count, uint32_t count_max, uint32_t entry_bytes);

#endif
