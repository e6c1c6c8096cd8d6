/* SPDX-License-Identifier: MIT
 *
 * members_peer.c - members of one room, for what a server and a replica cost: memory with somebody who does not read, idle work, bytes per object
 *
 *   members_peer change PORT COUNT RATE   makes a room of DOCS documents, changes them COUNT times at RATE a second
 *   members_peer follow PORT COUNT FILE   a tap: takes COUNT operations, measures how long each took; where the machine is so busy that it falls
 *                                         behind the ring, documents instead
 *   members_peer hold PORT COUNT          a replica: ends when it holds what all COUNT operations together make of every document
 *   members_peer fill PORT COUNT FILE     makes a room of COUNT documents like the one in FILE, then stays
 *   members_peer weigh PORT COUNT         joins that room and says what its documents occupy
 *   members_peer idle PORT COUNT          joins and stays
 *
 * An operation has OPERATION_BYTES of JSON and sets two properties of one document: a long one that all operations set, and one of KEYS short ones in turn. So a replica
 * that has missed an operation shows it even where a later one has set the long property again. Those that stay are ended by
 * whoever started them.
 */
#include "participant.h"

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  DOCS = 1000,
  KEYS = 20,
  OPERATION_BYTES = 1024,
  SETTLE_MS = 4000,
};

/* --- operations of 1 KB --- */

static uint64_t room_bytes;

/* What the server itself counts for the room's living documents: their text, and its books about them. Other events may follow at once. */
static bool saw_size(const atr_client_event *e)
{
  const char *bytes = is(e, "rooms") ? find(e->json, e->len, "\"bytes\":") : NULL;

  if (bytes)
    room_bytes = strtoull(bytes, NULL, 10);
  return bytes;
}

static void change(uint64_t count, double rate)
{
  char text[COMMAND_BYTES], doc[33], fill[OPERATION_BYTES], stamp[STAMP_BYTES];

  make_room(DOCS);
  say_ready(true);
  memset(fill, 'x', sizeof fill);
  const uint64_t start_ns = bench_now_ns();
  for (uint64_t i = 0; i < count; i++) {
    bench_sleep_until(start_ns + (uint64_t)((double)i / rate * 1e9));
    doc_name(doc, (unsigned)(i % DOCS));
    bench_stamp(stamp, i, bench_now_ns());
    char tail[40];
    const int tail_chars = snprintf(tail, sizeof tail, "\",\"k%02u\":%" PRIu64 "}}", (unsigned)(i / DOCS % KEYS), i);
    const int fill_chars = OPERATION_BYTES - STAMP_BYTES - tail_chars - (int)strlen("{\"p\":{\"v\":\"");
    const int n = snprintf(text, sizeof text,
                           "{\"t\":\"submit\",\"room\":\"%s\",\"doc\":\"%s\",\"kind\":\"edit\",\"tree\":{\"p\":{\"v\":"
                           "\"%.*s%.*s%s}",
                           room, doc, STAMP_BYTES, stamp, fill_chars, fill, tail);
    send_text(text, (size_t)n);
  }
  const uint64_t end_ns = bench_now_ns();
  command("{\"t\":\"flush\",\"room\":\"%s\",\"n\":2}", room);
  run_until(saw_flushed);
  command("{\"t\":\"rooms\"}");
  run_until(saw_size);
  printf("{\"seconds\": %.3f, \"documents_bytes\": %" PRIu64 "}\n", (double)(end_ns - start_ns) / 1e9, room_bytes);
}

static struct {
  uint64_t count, next;
  bool behind;          /* documents have come: the next operation may have any number */
  uint64_t n_documents; /* that came because the ring did not reach back */
  bench_samples samples;
} taken;

static bool take_operation(const atr_client_event *e)
{
  uint64_t number = 0, sent_ns = 0;
  const char *stamp = is(e, "op") ? find(e->json, e->len, "\"v\":\"") : NULL;

  if (!stamp)
    return false;
  if (bench_stamp_read(stamp, &number, &sent_ns))
    bench_die("an operation holds no stamp");
  bench_sample(&taken.samples, sent_ns, bench_now_ns());
  if (find(e->json, e->len, "\"kind\":\"state\"")) {
    taken.behind = true;
    taken.n_documents++;
  } else {
    if (number != taken.next && !taken.behind)
      bench_die("an operation is out of order");
    taken.behind = taken.behind && number < taken.next;
  }
  if (number >= taken.next)
    taken.next = number + 1;
  return taken.next == taken.count;
}

static void follow(uint64_t count, const char *samples_path)
{
  join_room(true);
  say_ready(false);
  taken.count = count;
  run_until(take_operation);
  printf("{\"documents\": %" PRIu64 "}\n", taken.n_documents);
  if (bench_samples_write(&taken.samples, samples_path))
    bench_die("cannot write the samples");
}

/* --- the state at the end --- */

static struct {
  uint64_t rounds;         /* operations on each document */
  uint64_t long_one[DOCS]; /* number of the operation whose value the long property holds; plus 1, 0: none */
  uint64_t short_one[DOCS][KEYS];
  bool whole[DOCS];
  unsigned n_whole;
} held;

static void read_properties(const atr_client_event *e, unsigned doc)
{
  const char *v = find(e->json, e->len, "\"v\":\"");
  uint64_t number = 0, sent_ns = 0;

  if (v && !bench_stamp_read(v, &number, &sent_ns))
    held.long_one[doc] = number + 1;
  for (unsigned k = 0; k < KEYS; k++) {
    char key[16];
    snprintf(key, sizeof key, "\"k%02u\":", k);
    const char *value = find(e->json, e->len, key);
    if (value)
      held.short_one[doc][k] = strtoull(value, NULL, 10) + 1;
  }
}

static bool is_whole(unsigned doc)
{
  const uint64_t last = held.rounds - 1;

  if (held.long_one[doc] != last * DOCS + doc + 1)
    return false;
  for (unsigned k = 0; k < KEYS; k++)
    if (held.short_one[doc][k] != (last - (last - k) % KEYS) * DOCS + doc + 1)
      return false;
  return true;
}

static bool take_document(const atr_client_event *e)
{
  const char *id = is(e, "doc") ? find(e->json, e->len, "\"doc\":\"") : NULL;
  char hex[33] = "";

  if (!id)
    return false;
  memcpy(hex, id, 32);
  const unsigned doc = (unsigned)strtoul(hex, NULL, 16) - 1;
  if (doc >= DOCS)
    bench_die("a document that nobody made");
  if (find(e->json, e->len, "\"kind\":\"create\"")) {
    held.long_one[doc] = 0;
    memset(held.short_one[doc], 0, sizeof held.short_one[doc]);
  }
  read_properties(e, doc);
  held.n_whole -= held.whole[doc];
  held.whole[doc] = is_whole(doc);
  held.n_whole += held.whole[doc];
  return held.n_whole == DOCS;
}

static void hold(uint64_t count)
{
  join_room(false);
  say_ready(false);
  if (count % DOCS || count / DOCS < KEYS)
    bench_die("every document must get each of its properties");
  held.rounds = count / DOCS;
  run_until(take_document);
  printf("{\"documents\": %u, \"end_ns\": %" PRIu64 "}\n", held.n_whole, bench_now_ns());
}

/* --- bytes per object --- */

static char *read_file(const char *path)
{
  FILE *f = fopen(path, "rb");
  char *text = f ? calloc(1, COMMAND_BYTES) : NULL;

  if (!text || !fread(text, 1, COMMAND_BYTES - 1, f))
    bench_die("cannot read the sample document");
  fclose(f);
  return text;
}

/* In the sample @N, @X and @D stand for what differs between objects: name, location, data. */
static void fill(uint64_t count, const char *path)
{
  char *sample = read_file(path), text[2 * COMMAND_BYTES], doc[33];
  char *name = strstr(sample, "@N"), *place = strstr(sample, "@X"), *data = strstr(sample, "@D");

  if (!name || !place || !data || !(name < place && place < data))
    bench_die("the sample document has no places for name, location and data");
  *name = *place = *data = 0;
  make_room(0);
  for (uint64_t i = 0; i < count; i++) {
    doc_name(doc, (unsigned)i);
    const int n = snprintf(
        text, sizeof text,
        "{\"t\":\"submit\",\"room\":\"%s\",\"doc\":\"%s\",\"kind\":\"create\",\"tree\":%sObject.%05u%s%.9g%s%s%s}",
        room, doc, sample, (unsigned)i, name + 2, (double)((float)i * 0.1f), place + 2, doc, data + 2);
    send_text(text, (size_t)n);
  }
  command("{\"t\":\"flush\",\"room\":\"%s\",\"n\":2}", room);
  run_until(saw_flushed);
  say_ready(true);
}

static size_t heap_bytes(void)
{
  const struct mallinfo2 m = mallinfo2();

  return m.uordblks + m.hblkhd;
}

static size_t resident_bytes(void)
{
  FILE *f = fopen("/proc/self/statm", "r");
  unsigned long all = 0, resident = 0;

  if (!f || fscanf(f, "%lu %lu", &all, &resident) != 2)
    bench_die("cannot read /proc/self/statm");
  fclose(f);
  return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Until what the engine needed for joining is freed and its documents rest (ATR_WARM_TICKS); events that still come are taken. */
static void settle(void)
{
  const uint64_t end_ns = bench_now_ns() + SETTLE_MS * UINT64_C(1000000);

  while (bench_now_ns() < end_ns) {
    atr_client_event *events[64];

    for (size_t n = atr_client_poll(engine, events, 64); n-- > 0;)
      free(events[n]);
    const struct timespec nap = {0, 20000000};
    nanosleep(&nap, NULL);
  }
}

static void weigh(uint64_t count)
{
  settle();
  const size_t heap = heap_bytes(), resident = resident_bytes();
  join_room(false);
  settle();
  printf("{\"heap_bytes\": %.0f, \"resident_bytes\": %.0f}\n", (double)(heap_bytes() - heap) / (double)count,
         (double)(resident_bytes() - resident) / (double)count);
}

int main(int argc, char **argv)
{
  if (argc < 4)
    bench_die("usage: see the head of members_peer.c");
  const char *mode = argv[1], *extra = argc > 4 ? argv[4] : "";
  const uint64_t count = strtoull(argv[3], NULL, 10);

  signal(SIGPIPE, SIG_IGN);
  enter(atoi(argv[2]));
  if (!strcmp(mode, "change"))
    change(count, atof(extra));
  else if (!strcmp(mode, "follow"))
    follow(count, extra);
  else if (!strcmp(mode, "hold"))
    hold(count);
  else if (!strcmp(mode, "fill"))
    fill(count, extra);
  else if (!strcmp(mode, "weigh"))
    weigh(count);
  else {
    join_room(false);
    say_ready(true);
  }
  atr_client_free(engine);
  return 0;
}
