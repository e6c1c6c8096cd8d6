/* SPDX-License-Identifier: MIT
 *
 * client.h - the engine of one participant: a thread, and two queues of messages
 *
 * The application (Blender's main thread, a script) sends commands and polls events, both JSON texts (docs/architecture.md lists
 * them). Everything else - resolving, TLS, trust, rooms, merging, hashing what arrives, reconnecting - happens on the engine's own thread
 * and never calls back into the application.
 *
 * Two bounded rings connect the threads. Towards the engine "full" is a result that the application sees; towards the application it
 * makes the engine keep what it owes: documents are not delivered yet (the replica has them anyway), and of everything else
 * that describes a state only the newest is kept.
 *
 * The functions below are for the application's thread, one call at a time, except where noted. None waits, except
 * atr_client_wait and atr_client_free.
 */
#ifndef ATR_CLIENT_CLIENT_H
#define ATR_CLIENT_CLIENT_H

#include "base/id.h"
#include "base/mem.h"
#include "session/identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atr_client atr_client;

typedef struct atr_client_config {
  const char *home;   /* ATRIUM_HOME: key, pins, tokens; made if missing */
  bool interactive;   /* somebody can be asked about an unknown key */
  bool first_use;     /* otherwise: ATRIUM_TRUST=first-use trusts it unasked */
  size_t queue_slots; /* 0: ATR_QUEUE_SLOTS */
} atr_client_config;

/* Opens the key in `home` and starts the thread. `why` gets one sentence about a failure. */
int atr_client_new(atr_client **out, const atr_client_config *config, char *why, size_t why_bytes);

/* Queues a command (copied). ATR_FULL: nothing was taken. ATR_MESSAGE_SIZE: no document is that large. */
int atr_client_send(atr_client *client, const char *json, size_t len);

/* One event on its way to the application; the poller owns it and frees it with free(). */
typedef struct atr_client_event {
  uint64_t n; /* number of a `doc` event, counted per engine; 0 for the others */
  size_t len;
  char json[];
} atr_client_event;

/* Takes up to `max` events, oldest first; returns how many. */
size_t atr_client_poll(atr_client *client, atr_client_event **events, size_t max);

/* Sleeps until there is an event (true) or the time is over (false). Any one thread at a time, which polls next. */
bool atr_client_wait(atr_client *client, uint32_t timeout_ms);

/* Makes the present or the next atr_client_wait() return at once. Any thread. */
void atr_client_interrupt(atr_client *client);

/* Hands over a blob whose hash the caller has just computed. Takes one reference, also on failure. 0 or ATR_FULL. */
int atr_client_put_blob(atr_client *client, const atr_hash *hash, atr_bytes *bytes);

/* The blob with one more owner, or NULL where it is not here. Any thread. */
atr_bytes *atr_client_blob(atr_client *client, const atr_hash *hash);

const atr_identity *atr_client_identity(const atr_client *client);
const atr_id *atr_client_participant(const atr_client *client);

/* Says goodbye where there is somebody to say it to, ends the thread, waits for it (at most some 100 ms), frees all. */
void atr_client_free(atr_client *client);

#endif
