/* SPDX-License-Identifier: MIT
 *
 * The machine changes its networks: another Wi-Fi, a VPN that ends, a lid that is opened elsewhere.
 *
 * TCP notices nothing of it: packets leave with an address that is no longer there, or wait for an answer that cannot come, until keepalive gives
 * up some 25 s later. So the engine looks at the machine's interfaces itself. Where the address of the connection is gone (and still is a look later:
 * Wi-Fi blinks when it changes stations) the connection counts as lost, and where a network has come while the engine pauses between two attempts,
 * the next attempt is now. libuv has no word for "tell me when they change", and a look costs less than a tenth of a millisecond. */
#include "client/internal.h"

#include "base/hash.h"
#include "reach/networks.h"
#include "reach/origin.h"

#include <string.h>

/* Changes when an address comes or goes, whatever their order. */
static uint64_t digest_of(const atr_networks *networks)
{
  uint64_t digest = (uint64_t)networks->n;

  for (int i = 0; i < networks->n; i++) {
    const uv_interface_address_t *one = &networks->list[i];
    bool is_v4 = one->address.address4.sin_family == AF_INET;

    digest += is_v4 ? atr_xxh64(&one->address.address4.sin_addr, sizeof one->address.address4.sin_addr)
                    : atr_xxh64(&one->address.address6.sin6_addr, sizeof one->address.address6.sin6_addr);
  }
  return digest;
}

static bool holds(const atr_networks *networks, const char *address)
{
  atr_ip wanted;

  if (!atr_ip_read(address, &wanted))
    return true;
  for (int i = 0; i < networks->n; i++) {
    const uv_interface_address_t *one = &networks->list[i];
    bool is_v4 = one->address.address4.sin_family == AF_INET;

    if (is_v4 == (wanted.bits == 32) &&
        memcmp(wanted.bytes, is_v4 ? (const void *)&one->address.address4.sin_addr : &one->address.address6.sin6_addr,
               wanted.bits / 8) == 0)
      return true;
  }
  return false;
}

static void look_at_connection(atr_client *c, const atr_networks *networks)
{
  if (holds(networks, atr_session_local_address(c->session))) {
    c->looks_without = 0;
    return;
  }
  if (++c->looks_without < 2)
    return;
  c->looks_without = 0;
  link_left_network(c);
}

void roaming_tick(atr_client *c, uint64_t now_ms)
{
  atr_networks networks = {0};
  uint64_t digest;

  if (now_ms < c->look_at_ms || (c->link != LINK_PAUSE && !(c->session && c->was_up)))
    return;
  c->look_at_ms = now_ms + ATR_ROAMING_LOOK_MS;
  atr_networks_read(&networks);
  digest = digest_of(&networks);
  if (networks.n == 0) { /* the system tells nothing */
  } else if (c->link == LINK_PAUSE) {
    if (c->networks_digest && digest != c->networks_digest)
      link_try_now(c);
  } else if (!atr_session_peer_is_loopback(c->session)) {
    look_at_connection(c, &networks);
  }
  c->networks_digest = digest;
  atr_networks_free(&networks);
}
