/* SPDX-License-Identifier: MIT
 *
 * One queue out, one table in. A chunk is at most CHUNK_BYTES so that it fits into a frame as it is; on a slow line the
 * session asks for less and gets less, and a cursor never waits for more than it asked for.
 *
 * Compression is tried on the first chunk and, where it does not pay, on every PROBE_EVERY-th, so that images and noise cost
 * next to nothing. A delta is packed as a whole: it is one message's worth more often than not. */
#include "blob/xfer.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/pages.h"
#include "base/table.h"
#include "blob/blobs.h"
#include "proto/delta.h"
#include "proto/message.h"
#include "proto/pack.h"

#include <utlist.h>

enum {
  CHUNK_BYTES = 60 * 1024,
  CHUNK_BYTES_MIN = 2 * 1024,
  PROBE_EVERY = 16,
  DELTA_PIECE_BYTES = ATR_FRAME_PAYLOAD_BYTES_MAX - ATR_MSG_BLOB_DELTA_HEAD_BYTES,
  DELTA_ELEM_BYTES = 4,
  /* Memory of a blob is asked for in such steps: what a peer announces costs nothing, only what it sends. */
  READY_BYTES = 1 << 20,
};

typedef struct outgoing {
  struct outgoing *prev, *next;
  UT_hash_handle hh;
  atr_hash hash, base;
  atr_bytes *bytes;
  atr_bytes *delta; /* packed; NULL: whole */
  uint64_t offset;
  uint64_t unsent;  /* bytes of the blob; of a delta all of them until it has gone */
  uint32_t no_pack; /* chunks until compression is tried again */
  bool delta_tried, has_base;
} outgoing;

typedef struct incoming {
  UT_hash_handle hh;
  atr_hash hash, base_hash;
  uint64_t size, got;
  uint64_t ready; /* bytes whose memory was asked for */
  uint64_t total; /* of the delta */
  atr_bytes *base;
  atr_bytes *bytes; /* the blob, or the packed delta */
  atr_sha256 *sha;
  bool begun, is_delta;
} incoming;

struct atr_xfer {
  atr_blobs *blobs;
  atr_xfer_received on_received;
  void *ctx;
  outgoing *queue, *queued;
  incoming *expected;
  atr_pack_ctx *pack;
  size_t n_queued, memory;
  uint64_t arrived, unsent;
};

int atr_xfer_new(atr_xfer **out, atr_blobs *blobs, atr_xfer_received on_received, void *ctx)
{
  atr_xfer *x = calloc(1, sizeof *x);

  *out = x;
  if (!x)
    return ATR_NOMEM;
  x->blobs = blobs;
  x->on_received = on_received;
  x->ctx = ctx;
  return 0;
}

static void drop_outgoing(atr_xfer *x, outgoing *o)
{
  DL_DELETE(x->queue, o);
  HASH_DEL(x->queued, o);
  x->n_queued--;
  x->unsent -= o->unsent;
  atr_bytes_release(o->bytes);
  atr_bytes_release(o->delta);
  free(o);
}

static void drop_incoming(atr_xfer *x, incoming *in)
{
  HASH_DEL(x->expected, in);
  x->arrived -= in->got;
  if (in->bytes)
    x->memory -= atr_bytes_len(in->bytes);
  atr_bytes_release(in->base);
  atr_bytes_release(in->bytes);
  atr_sha256_free(in->sha);
  free(in);
}

void atr_xfer_reset(atr_xfer *x)
{
  incoming *in, *tmp;

  while (x->queue)
    drop_outgoing(x, x->queue);
  HASH_ITER (hh, x->expected, in, tmp) {
    drop_incoming(x, in);
  }
}

void atr_xfer_free(atr_xfer *x)
{
  if (!x)
    return;
  atr_xfer_reset(x);
  atr_pack_ctx_free(x->pack);
  free(x);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

int atr_xfer_send(atr_xfer *x, const atr_hash *hash, const atr_hash *base)
{
  atr_bytes *bytes = atr_blobs_get(x->blobs, hash);
  outgoing *o;

  if (!bytes)
    return ATR_NOENT;
  HASH_FIND(hh, x->queued, hash, sizeof *hash, o);
  if (o)
    return 0;
  o = calloc(1, sizeof *o);
  if (!o)
    return ATR_NOMEM;
  o->hash = *hash;
  o->has_base = base && !atr_hash_is_zero(base);
  if (o->has_base)
    o->base = *base;
  HASH_ADD(hh, x->queued, hash, sizeof o->hash, o);
  if (!atr_table_added(o)) {
    free(o);
    return ATR_NOMEM;
  }
  o->bytes = atr_bytes_retain(bytes);
  DL_APPEND(x->queue, o);
  x->n_queued++;
  o->unsent = atr_bytes_len(bytes);
  x->unsent += o->unsent;
  return 0;
}

size_t atr_xfer_queued(const atr_xfer *x)
{
  return x->n_queued;
}

static atr_pack_ctx *packer(atr_xfer *x)
{
  if (!x->pack)
    x->pack = atr_pack_ctx_new();
  return x->pack;
}

/* u32 unpacked length (0: not packed), then the delta. */
static atr_bytes *pack_delta(atr_xfer *x, atr_span delta)
{
  atr_bytes *bytes = NULL;
  atr_buf out;
  int pays;

  atr_buf_init(&out, delta.n + 4);
  atr_buf_append_u32(&out, (uint32_t)delta.n);
  pays = out.err ? out.err : atr_pack(packer(x), delta, &out);
  if (pays == 0) {
    atr_buf_clear(&out);
    atr_buf_append_u32(&out, 0);
    pays = atr_buf_append(&out, delta.p, delta.n);
  }
  if (pays >= 0)
    bytes = atr_bytes_copy(out.data, out.len);
  atr_buf_free(&out);
  return bytes;
}

static void try_delta(atr_xfer *x, outgoing *o)
{
  atr_bytes *base = o->has_base ? atr_blobs_get(x->blobs, &o->base) : NULL;
  atr_bytes *ready = o->has_base ? atr_blobs_delta(x->blobs, &o->hash, &o->base) : NULL;
  atr_buf delta;

  o->delta_tried = true;
  if (atr_bytes_len(o->bytes) > ATR_DELTA_BLOB_BYTES_MAX)
    return;
  if (ready) {
    o->delta = atr_bytes_retain(ready);
    return;
  }
  if (!base)
    return;
  atr_buf_init(&delta, atr_bytes_len(o->bytes) + 64);
  if (atr_delta_encode(atr_bytes_span(base), atr_bytes_span(o->bytes), DELTA_ELEM_BYTES, &delta) == 1)
    o->delta = pack_delta(x, atr_buf_span(&delta));
  atr_buf_free(&delta);
  if (o->delta)
    atr_blobs_set_delta(x->blobs, &o->hash, &o->base, atr_bytes_retain(o->delta));
}

static int append_delta(outgoing *o, uint32_t room, atr_buf *out, size_t budget, bool *last)
{
  size_t left = atr_bytes_len(o->delta) - o->offset, mark;
  size_t n = budget > CHUNK_BYTES_MIN ? budget : CHUNK_BYTES_MIN;
  atr_msg_blob_delta m = {.room = room,
                          .hash = o->hash,
                          .base = o->base,
                          .size = atr_bytes_len(o->bytes),
                          .total = atr_bytes_len(o->delta),
                          .offset = o->offset};
  int err = atr_frame_begin(out, &mark);

  n = n > DELTA_PIECE_BYTES ? DELTA_PIECE_BYTES : n;
  n = n > left ? left : n;
  if (!err)
    err = atr_msg_write_blob_delta_head(out, &m);
  if (!err)
    err = atr_buf_append(out, atr_bytes_data(o->delta) + o->offset, n);
  if (!err)
    err = atr_frame_end(out, mark, ATR_LANE_BULK);
  o->offset += n;
  *last = o->offset == atr_bytes_len(o->delta);
  return err;
}

/* 1: appended compressed; 0: it does not pay, nothing was appended. */
static int append_packed(atr_xfer *x, outgoing *o, atr_msg_blob_data *m, atr_span raw, atr_buf *out)
{
  size_t before = out->len;
  int pays;

  if (o->no_pack) {
    o->no_pack--;
    return 0;
  }
  m->flags |= ATR_BLOB_DATA_ZSTD;
  pays = atr_msg_write_blob_data_head(out, m);
  if (!pays)
    pays = atr_buf_append_u32(out, (uint32_t)raw.n);
  if (!pays)
    pays = atr_pack(packer(x), raw, out);
  if (pays != 1) {
    atr_buf_truncate(out, before);
    m->flags &= (uint8_t)~ATR_BLOB_DATA_ZSTD;
    o->no_pack = PROBE_EVERY;
  }
  return pays;
}

static int append_data(atr_xfer *x, outgoing *o, uint32_t room, atr_buf *out, size_t budget, bool *last)
{
  size_t left = atr_bytes_len(o->bytes) - o->offset, mark;
  size_t n = budget > CHUNK_BYTES_MIN ? budget : CHUNK_BYTES_MIN;
  atr_msg_blob_data m = {.room = room, .hash = o->hash, .size = atr_bytes_len(o->bytes), .offset = o->offset};
  atr_span raw;
  int err = atr_frame_begin(out, &mark);

  n = n > CHUNK_BYTES ? CHUNK_BYTES : n;
  n = n > left ? left : n;
  raw = atr_span_of(atr_bytes_data(o->bytes) + o->offset, n);
  *last = n == left;
  m.flags = *last ? ATR_BLOB_DATA_LAST : 0;
  if (!err)
    err = append_packed(x, o, &m, raw, out);
  if (!err) {
    err = atr_msg_write_blob_data_head(out, &m);
    if (!err)
      err = atr_buf_append(out, raw.p, raw.n);
  }
  if (err >= 0)
    err = atr_frame_end(out, mark, ATR_LANE_BULK);
  o->offset += n;
  o->unsent -= n;
  x->unsent -= n;
  return err;
}

int64_t atr_xfer_pull(atr_xfer *x, uint32_t room, atr_buf *out, size_t budget)
{
  size_t start = out->len, end = start + (budget ? budget : 1);
  int err = 0;

  while (!err && x->queue && out->len < end) {
    outgoing *o = x->queue;
    bool last;

    if (!o->delta_tried)
      try_delta(x, o);
    err = o->delta ? append_delta(o, room, out, end - out->len, &last)
                   : append_data(x, o, room, out, end - out->len, &last);
    if (!err && last)
      drop_outgoing(x, o);
  }
  return err ? err : (int64_t)(out->len - start);
}

/* --- receiving -------------------------------------------------------------------------------------------------- */

static incoming *find(const atr_xfer *x, const atr_hash *hash)
{
  incoming *in;

  HASH_FIND(hh, x->expected, hash, sizeof *hash, in);
  return in;
}

int atr_xfer_expect(atr_xfer *x, const atr_hash *hash, uint64_t size, const atr_hash *base)
{
  atr_bytes *base_bytes = base ? atr_blobs_get(x->blobs, base) : NULL;
  incoming *in = find(x, hash);

  if (in)
    return 0;
  in = calloc(1, sizeof *in);
  if (!in)
    return ATR_NOMEM;
  in->hash = *hash;
  in->size = size;
  HASH_ADD(hh, x->expected, hash, sizeof in->hash, in);
  if (!atr_table_added(in)) {
    free(in);
    return ATR_NOMEM;
  }
  if (base_bytes) { /* kept: the table may drop it before the delta is complete */
    in->base = atr_bytes_retain(base_bytes);
    in->base_hash = *base;
  }
  return 0;
}

void atr_xfer_expect_no_more(atr_xfer *x, const atr_hash *hash)
{
  incoming *in = find(x, hash);

  if (in && !in->begun)
    drop_incoming(x, in);
}

bool atr_xfer_expects(const atr_xfer *x, const atr_hash *hash)
{
  return find(x, hash) != NULL;
}

static int begin(atr_xfer *x, incoming *in, uint64_t size, uint64_t bytes, bool is_delta)
{
  if (in->begun)
    return size == in->size && is_delta == in->is_delta ? 0 : ATR_PROTO;
  if (size > ATR_BLOB_BYTES_MAX || (in->size != UINT64_MAX && in->size != size))
    return ATR_BLOB_SIZE;
  if (bytes > ATR_ARRIVING_BYTES_MAX - x->memory)
    return ATR_LIMIT;
  in->begun = true;
  in->is_delta = is_delta;
  in->size = size;
  in->bytes = atr_bytes_new(bytes);
  if (!in->bytes)
    return ATR_NOMEM;
  x->memory += bytes; /* drop_incoming() counts what is there */
  in->sha = is_delta ? NULL : atr_sha256_new();
  return is_delta || in->sha ? 0 : ATR_NOMEM;
}

static int finish(atr_xfer *x, incoming *in, atr_bytes *bytes, const atr_hash *computed)
{
  atr_hash hash = in->hash, base = in->base_hash;
  atr_bytes *delta = in->is_delta ? atr_bytes_retain(in->bytes) : NULL;
  int err = atr_hash_equal(computed, &hash) ? 0 : ATR_BLOB_HASH;

  if (!err)
    err = atr_blobs_put(x->blobs, &hash, atr_bytes_retain(bytes));
  if (!err && delta)
    atr_blobs_set_delta(x->blobs, &hash, &base, atr_bytes_retain(delta));
  atr_bytes_release(delta);
  if (err)
    return err;
  drop_incoming(x, in);
  x->on_received(x->ctx, &hash);
  return 0;
}

/* Memory for the next `n` bytes, in steps that are worth a call. Small blobs fit into memory that the process has already. */
static void make_ready(incoming *in, size_t n)
{
  uint64_t step = READY_BYTES;

  if (in->size < READY_BYTES || in->got + n <= in->ready)
    return;
  if (step > in->size - in->ready)
    step = in->size - in->ready;
  atr_pages_will_write(atr_bytes_mutable(in->bytes) + in->ready, (size_t)step);
  in->ready += step;
}

static int receive_data(atr_xfer *x, uint32_t room, atr_span message)
{
  atr_msg_blob_data m;
  atr_hash computed;
  incoming *in;
  uint8_t *to;
  size_t n;
  int err = atr_msg_read_blob_data(message, &m);

  if (err)
    return err;
  in = find(x, &m.hash);
  if (m.room != room || !in)
    return ATR_PROTO;
  err = begin(x, in, m.size, m.size, false);
  if (err)
    return err;
  n = m.bytes.n;
  if (m.flags & ATR_BLOB_DATA_ZSTD) {
    if (n < 4)
      return ATR_PROTO;
    n = atr_get_u32(m.bytes.p);
  }
  if (m.offset != in->got || n > in->size - in->got || n > CHUNK_BYTES || (!n && in->size))
    return ATR_PROTO;
  make_ready(in, n);
  to = atr_bytes_mutable(in->bytes) + in->got;
  if (m.flags & ATR_BLOB_DATA_ZSTD)
    err = atr_unpack(packer(x), atr_span_of(m.bytes.p + 4, m.bytes.n - 4), to, n);
  else if (n)
    memcpy(to, m.bytes.p, n);
  if (!err && n)
    err = atr_sha256_update(in->sha, to, n);
  if (err)
    return err;
  in->got += n;
  x->arrived += n;
  if (in->got < in->size)
    return 0;
  err = atr_sha256_final(in->sha, &computed);
  return err ? err : finish(x, in, in->bytes, &computed);
}

static int apply_delta(atr_xfer *x, const incoming *in, atr_bytes **out)
{
  const uint8_t *p = atr_bytes_data(in->bytes);
  size_t n = atr_bytes_len(in->bytes) - 4, raw = atr_get_u32(p);
  atr_bytes *plain = NULL, *next = NULL;
  atr_span delta = {p + 4, n};
  uint64_t base_len, next_len;
  int err = 0;

  if (raw > in->size + ATR_KIB(64))
    return ATR_DELTA; /* one that does not pay: never made by us */
  if (raw) {
    plain = atr_bytes_new(raw);
    err = plain ? atr_unpack(packer(x), delta, atr_bytes_mutable(plain), raw) : ATR_NOMEM;
    if (plain)
      delta = atr_bytes_span(plain);
  }
  if (!err)
    err = atr_delta_sizes(delta, &base_len, &next_len);
  if (!err && next_len != in->size)
    err = ATR_DELTA;
  if (!err) {
    next = atr_bytes_new(in->size);
    err = next ? atr_delta_apply(atr_bytes_span(in->base), delta, atr_bytes_mutable(next), in->size) : ATR_NOMEM;
  }
  atr_bytes_release(plain);
  if (err) {
    atr_bytes_release(next);
    next = NULL;
  }
  *out = next;
  return err;
}

static int receive_delta(atr_xfer *x, uint32_t room, atr_span message)
{
  atr_msg_blob_delta m;
  atr_bytes *next;
  atr_hash computed;
  incoming *in;
  int err = atr_msg_read_blob_delta(message, &m);

  if (err)
    return err;
  in = find(x, &m.hash);
  if (m.room != room || !in || !in->base || !atr_hash_equal(&m.base, &in->base_hash) || m.total < 4 ||
      m.size > ATR_DELTA_BLOB_BYTES_MAX || m.total > m.size + ATR_KIB(64))
    return ATR_PROTO;
  err = begin(x, in, m.size, m.total, true);
  if (err)
    return err;
  if (m.offset != in->got || m.total != atr_bytes_len(in->bytes) || !m.bytes.n || m.bytes.n > m.total - in->got)
    return ATR_PROTO;
  memcpy(atr_bytes_mutable(in->bytes) + in->got, m.bytes.p, m.bytes.n);
  in->got += m.bytes.n;
  x->arrived += m.bytes.n;
  if (in->got < m.total)
    return 0;
  err = apply_delta(x, in, &next);
  if (err)
    return err;
  err = atr_sha256_of(atr_bytes_data(next), atr_bytes_len(next), &computed);
  if (!err)
    err = finish(x, in, next, &computed);
  atr_bytes_release(next);
  return err;
}

int atr_xfer_receive(atr_xfer *x, uint32_t room, atr_span message)
{
  if (message.n && message.p[0] == ATR_MSG_BLOB_DATA)
    return receive_data(x, room, message);
  if (message.n && message.p[0] == ATR_MSG_BLOB_DELTA)
    return receive_delta(x, room, message);
  return ATR_PROTO;
}

uint64_t atr_xfer_unsent(const atr_xfer *x)
{
  return x->unsent;
}

uint64_t atr_xfer_arrived(const atr_xfer *x)
{
  return x->arrived;
}

size_t atr_xfer_memory(const atr_xfer *x)
{
  return x->memory;
}
