/* SPDX-License-Identifier: MIT
 *
 * atrium_peer.c - Atrium's side of the relay benchmarks: one participant with the engine that Blender uses
 *
 * Commands and events go through the engine's queues as JSON, as the add-on's do.
 *
 *   atrium_peer pub PORT COUNT RATE          makes the room, sends COUNT operations of PAYLOAD_BYTES at RATE a second (0: as fast as it goes)
 *   atrium_peer sub PORT COUNT [FILE]        a tap: takes COUNT operations from its queue, checks their numbers
 *   atrium_peer sub-merged PORT COUNT        a member with a replica; several operations on a document may come as one event
 *   atrium_peer bulk-send PORT BYTES         makes the room, sends BYTES of blobs, one to a document
 *   atrium_peer bulk-recv PORT BYTES         until all of them are here
 *   atrium_peer presence-send PORT BYTES     bulk-send, and presence 50 times a second until the receiver says it is done
 *   atrium_peer presence-recv PORT BYTES FILE
 *
 * Each prints "ready" when it is in the room; those that send start at a line on their standard input. At its end each prints one JSON line. ATRIUM_HOME
 * names its folder.
 */
#include "participant.h"

#include "base/hash.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
  POLL_MAX = 512,
  DOCS = 64,
  BLOB_BYTES = 16 << 20,
  BLOBS_MAX = 64,
  PRESENCE_HZ = 50,
};

/* --- operations --- */

static void publish(uint64_t count, double rate)
{
  char text[COMMAND_BYTES], doc[33];
  const char patch_head[] = "{\"p\":{\"v\":\"";
  const char patch_tail[] = "\"}}";
  char patch[PAYLOAD_BYTES];

  make_room(DOCS);
  say_ready(true);
  memset(patch, 'x', sizeof patch);
  memcpy(patch, patch_head, sizeof patch_head - 1);
  memcpy(patch + sizeof patch - (sizeof patch_tail - 1), patch_tail, sizeof patch_tail - 1);
  const uint64_t start_ns = bench_now_ns();
  for (uint64_t i = 0; i < count; i++) {
    if (rate > 0)
      bench_sleep_until(start_ns + (uint64_t)((double)i / rate * 1e9));
    doc_name(doc, (unsigned)(i % DOCS));
    bench_stamp(patch + sizeof patch_head - 1, i, bench_now_ns());
    const int n =
        snprintf(text, sizeof text, "{\"t\":\"submit\",\"room\":\"%s\",\"doc\":\"%s\",\"kind\":\"edit\",\"tree\":%.*s}",
                 room, doc, PAYLOAD_BYTES, patch);
    send_text(text, (size_t)n);
  }
  command("{\"t\":\"flush\",\"room\":\"%s\",\"n\":2}", room); /* every operation is acknowledged */
  run_until(saw_flushed);
  printf("{\"start_ns\": %" PRIu64 "}\n", start_ns);
}

static struct {
  uint64_t count, next;
  bool merged, timed;
  bench_samples samples;
} taken;

static bool take_operation(const atr_client_event *e)
{
  uint64_t number = 0, sent_ns = 0;
  const char *stamp = is(e, taken.merged ? "doc" : "op") ? find(e->json, e->len, "\"v\":\"") : NULL;

  if (!stamp)
    return false;
  if (bench_stamp_read(stamp, &number, &sent_ns))
    bench_die("an operation holds no stamp");
  if (taken.merged ? number + DOCS < taken.next : number != taken.next)
    bench_die("an operation is out of order");
  if (number >= taken.next)
    taken.next = number + 1;
  if (taken.timed)
    bench_sample(&taken.samples, sent_ns, bench_now_ns());
  return taken.next == taken.count;
}

static void subscribe(uint64_t count, bool merged, const char *samples_path)
{
  join_room(!merged);
  say_ready(false);
  taken.count = count;
  taken.merged = merged;
  taken.timed = samples_path != NULL;
  run_until(take_operation);
  printf("{\"received\": %" PRIu64 ", \"end_ns\": %" PRIu64 "}\n", count, bench_now_ns());
  if (samples_path && bench_samples_write(&taken.samples, samples_path))
    bench_die("cannot write the samples");
}

/* --- blobs and presence --- */

/* What is sent is there before the clock starts, as the plain relay's bytes are; naming it, that is hashing it, counts. */
static atr_bytes *blobs[BLOBS_MAX];
static unsigned n_blobs;

/* Bytes that do not compress; the blobs differ in their first four. */
static atr_bytes *make_blob(unsigned i, uint64_t bytes)
{
  atr_bytes *blob = atr_bytes_new(bytes);

  if (!blob)
    bench_die("out of memory");
  uint8_t *to = atr_bytes_mutable(blob);
  for (uint64_t at = 0, x = 88172645463325252u; at + sizeof x <= bytes; at += sizeof x) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    memcpy(to + at, &x, sizeof x);
  }
  memcpy(to, &i, sizeof i);
  return blob;
}

static unsigned blob_count(uint64_t bytes)
{
  return (unsigned)((bytes + BLOB_BYTES - 1) / BLOB_BYTES);
}

static void make_blobs(uint64_t bytes)
{
  n_blobs = blob_count(bytes);
  if (n_blobs > BLOBS_MAX)
    bench_die("more blobs than this program holds");
  for (unsigned i = 0; i < n_blobs; i++) {
    const uint64_t left = bytes - (uint64_t)i * BLOB_BYTES;
    blobs[i] = make_blob(i, left < BLOB_BYTES ? left : BLOB_BYTES);
  }
}

static void send_blob(unsigned i)
{
  const uint64_t bytes = atr_bytes_len(blobs[i]);
  char hex[ATR_HASH_HEX + 1], doc[33];
  atr_hash hash;

  atr_sha256_of(atr_bytes_data(blobs[i]), bytes, &hash);
  if (atr_client_put_blob(engine, &hash, blobs[i]) < 0)
    bench_die("the queue is full");
  atr_hash_to_hex(&hash, hex);
  doc_name(doc, i);
  command("{\"t\":\"submit\",\"room\":\"%s\",\"doc\":\"%s\",\"kind\":\"edit\",\"tree\":{\"p\":{\"v\":[\"$blob\",\"%s\","
          "\"u1\",[%" PRIu64 "]]}}}",
          room, doc, hex, bytes);
}

static uint64_t send_blobs(void)
{
  const uint64_t start_ns = bench_now_ns();

  for (unsigned i = 0; i < n_blobs; i++)
    send_blob(i);
  return start_ns;
}

static void bulk_send(uint64_t bytes)
{
  make_blobs(bytes);
  make_room(n_blobs);
  say_ready(true);
  const uint64_t start_ns = send_blobs();
  command("{\"t\":\"flush\",\"room\":\"%s\",\"n\":2}", room);
  run_until(saw_flushed);
  printf("{\"start_ns\": %" PRIu64 "}\n", start_ns);
}

/* Never ends: the receiver knows when all is there, and whoever started both ends this one. */
static void presence_send(uint64_t bytes)
{
  make_blobs(bytes);
  make_room(n_blobs);
  say_ready(true);
  const uint64_t start_ns = send_blobs();
  for (uint64_t i = 0; !time_is_up(); i++) {
    atr_client_event *events[POLL_MAX];
    char stamp[STAMP_BYTES];

    bench_sleep_until(start_ns + i * (1000000000u / PRESENCE_HZ));
    bench_stamp(stamp, i, bench_now_ns());
    command("{\"t\":\"presence\",\"room\":\"%s\",\"data\":{\"v\":\"%.*s\"}}", room, STAMP_BYTES, stamp);
    for (size_t n = atr_client_poll(engine, events, POLL_MAX); n-- > 0;)
      free(events[n]);
  }
}

static bool take_blob(const atr_client_event *e)
{
  uint64_t number = 0, sent_ns = 0;
  const char *stamp = is(e, "presence") ? find(e->json, e->len, "\"v\":\"") : NULL;

  if (stamp && !bench_stamp_read(stamp, &number, &sent_ns))
    bench_sample(&taken.samples, sent_ns, bench_now_ns());
  if (is(e, "doc") && find(e->json, e->len, "[\"$blob\""))
    taken.next++;
  return taken.next == taken.count;
}

static void bulk_receive(uint64_t bytes, const char *samples_path)
{
  join_room(false);
  say_ready(false);
  taken.count = blob_count(bytes);
  run_until(take_blob);
  printf("{\"received\": %" PRIu64 ", \"end_ns\": %" PRIu64 "}\n", bytes, bench_now_ns());
  if (samples_path && bench_samples_write(&taken.samples, samples_path))
    bench_die("cannot write the samples");
}

int main(int argc, char **argv)
{
  if (argc < 4)
    bench_die("usage: see the head of atrium_peer.c");
  const char *mode = argv[1], *extra = argc > 4 ? argv[4] : NULL;
  const uint64_t amount = strtoull(argv[3], NULL, 10);

  signal(SIGPIPE, SIG_IGN);
  enter(atoi(argv[2]));
  if (!strcmp(mode, "pub"))
    publish(amount, extra ? atof(extra) : 0);
  else if (!strcmp(mode, "sub"))
    subscribe(amount, false, extra);
  else if (!strcmp(mode, "sub-merged"))
    subscribe(amount, true, NULL);
  else if (!strcmp(mode, "bulk-send"))
    bulk_send(amount);
  else if (!strcmp(mode, "presence-send"))
    presence_send(amount);
  else
    bulk_receive(amount, extra);
  atr_client_free(engine);
  return 0;
}
