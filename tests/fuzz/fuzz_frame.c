/* SPDX-License-Identifier: MIT
 *
 * The pieces in which bytes arrive do not matter: the reader gives the same messages and the same error for the whole
 * input at once and for pieces of the length that its first byte says. */
#include "fuzz.h"

#include "base/hash.h"
#include "proto/frame.h"

struct seen {
  uint64_t hash;
  size_t messages;
};

static int note(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  struct seen *seen = ctx;

  CHECK(len > 0);
  seen->hash = seen->hash * 31 + (uint64_t)lane + atr_xxh64(msg, len);
  seen->messages++;
  return 0;
}

static int feed(const uint8_t *data, size_t size, size_t piece, struct seen *seen)
{
  atr_frame_reader *reader = atr_frame_reader_new();
  int err = 0;

  CHECK(reader);
  for (size_t at = 0; at < size && !err; at += piece) {
    size_t n = size - at < piece ? size - at : piece;
    uint8_t *copy = malloc(n); /* exact, for AddressSanitizer */

    memcpy(copy, data + at, n);
    err = atr_frame_reader_feed(reader, copy, n, note, seen);
    free(copy);
  }
  CHECK(atr_frame_reader_held(reader) <= size);
  atr_frame_reader_free(reader);
  return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct seen whole = {0, 0}, pieces = {0, 0};
  int err_whole, err_pieces;

  if (size < 2)
    return 0;
  err_whole = feed(data + 1, size - 1, size, &whole);
  err_pieces = feed(data + 1, size - 1, (size_t)data[0] + 1, &pieces);
  CHECK(err_whole == err_pieces);
  CHECK(whole.hash == pieces.hash && whole.messages == pieces.messages);
  return 0;
}
