/* SPDX-License-Identifier: MIT
 *
 * Looking for hosts on the local network, while the application wants to.
 *
 * It has nothing to do with the connection: one may look while one is connected, and what is found is never connected by itself. A
 * host that was found is a hint. `known` says only that the key that it announces is the one pinned for its address, or one that is pinned for another
 * address and was proved here a moment ago (glance.c): whoever has got a new address is found again. When the user connects, the key is
 * proved (anew) and trust.c decides as for an address that was typed, or by the key that the application names. */
#include "client/internal.h"

#include "reach/firewall.h"

/* This machine's own firewall, which may drop the answers: they come from those whom nobody has spoken to alone. */
static void write_firewall(atr_jw *w)
{
  char line[ATR_FIREWALL_COMMAND_BYTES];
  atr_firewall firewall = atr_firewall_look("", 0);

  atr_firewall_answers_command(firewall, ATR_DISCOVERY_PORT, line);
  if (!line[0])
    return;
  atr_jw_object(w, "firewall");
  atr_jw_str(w, "tool", atr_firewall_name(firewall));
  atr_jw_str(w, "command", line);
  atr_jw_end(w);
}

static void tell_hosts(atr_client *c, const atr_neighbor **shown, size_t n)
{
  atr_jw w = event_begin(c, "hosts");

  atr_jw_array(&w, "hosts");
  for (size_t i = 0; i < n; i++) {
    atr_jw_object(&w, NULL);
    atr_jw_str(&w, "name", shown[i]->name);
    atr_jw_str(&w, "address", shown[i]->address);
    atr_jw_hash(&w, "key", &shown[i]->key);
    atr_jw_bool(&w, "known", atr_neighbor_is_known(shown[i]));
    if (glances_rooms(c->glances, shown[i]))
      atr_jw_tree(&w, "rooms", glances_rooms(c->glances, shown[i]));
    atr_jw_end(&w);
  }
  atr_jw_end(&w);
  if (n == 0)
    write_firewall(&w);
  event_end(c, &w, "hosts");
}

static void on_change(void *ctx, const atr_neighbors *neighbors)
{
  const atr_neighbor *shown[ATR_NEIGHBORS_MAX];
  size_t n = atr_neighbors_shown(neighbors, shown);
  atr_client *c = ctx;

  glances_shown(c->glances, shown, n);
  tell_hosts(c, shown, n);
}

void discover_tell(atr_client *c)
{
  const atr_neighbor *shown[ATR_NEIGHBORS_MAX];

  tell_hosts(c, shown, atr_neighbors_shown(atr_seeker_neighbors(c->seeker), shown));
}

atr_known discover_knows(const atr_client *c, const char *address, const atr_hash *key)
{
  if (atr_pins_check(c->home, address, key, NULL) == ATR_PIN_MATCHES)
    return ATR_KNOWN_PINNED;
  return atr_pins_know(c->home, key) == 1 ? ATR_KNOWN_MAYBE : ATR_KNOWN_NOT;
}

static atr_known knows(void *ctx, const char *address, const atr_hash *key)
{
  return discover_knows(ctx, address, key);
}

/* Looking again begins anew: what was known of a host may have changed with a connection. */
void discover_set(atr_client *c, const cJSON *message)
{
  atr_seeker_callbacks callbacks = {on_change, knows, c};
  uint64_t port = 0;
  bool on = false, rooms = false;
  int err;

  if (atr_json_get_bool(message, "on", &on) < 0 ||
      (atr_json_get(message, "port") && atr_json_get_u64(message, "port", 65535, &port) < 0)) {
    event_error(c, ATR_INVAL, NULL, "discover", NULL);
    return;
  }
  (void)atr_json_get_bool(message, "rooms", &rooms);
  discover_end(c);
  tell_hosts(c, NULL, 0);
  if (!on)
    return;
  if (rooms)
    c->glances = glances_new(c);
  err = atr_seeker_new(&c->seeker, &c->loop, (uint16_t)port, &callbacks);
  if (err < 0)
    event_error(c, err, "The local network cannot be asked for hosts.", "discover", NULL);
}

void discover_end(atr_client *c)
{
  glances_free(c->glances);
  c->glances = NULL;
  atr_seeker_free(c->seeker);
  c->seeker = NULL;
}
