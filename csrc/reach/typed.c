/* SPDX-License-Identifier: MIT
 *
 * Numbers are judged by their range, as reach/origin.h knows them. */
#include "reach/typed.h"

#include "base/error.h"
#include "reach/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char own[] =
    "This address is that of this machine itself. Type the one that your router's status page shows, or a tunnel's.";
static const char of_private_network[] =
    "Nobody on the internet reaches this address: it is one of a private network. "
    "If your router's status page shows it, use a VPN or a tunnel; if it is that of a "
    "relay or an outer router of yours, type its name.";
static const char shared[] = "Nobody on the internet reaches this address: your provider shares it among many "
                             "customers (CGNAT). Use a VPN that all of you are in, or a tunnel.";

/* What keeps the internet from it, NULL where nothing is known that does. */
static const char *fault_of(const atr_address *address)
{
  atr_ip ip;

  if (atr_address_is_loopback(address))
    return own;
  if (address->kind == ATR_ADDRESS_NAME || !atr_ip_read(address->host, &ip))
    return NULL;
  if (atr_ip_is_shared(&ip))
    return shared;
  return atr_ip_is_public(&ip) ? NULL : of_private_network;
}

int atr_typed_read(const char *text, uint16_t port, atr_address *out, char *why, size_t why_bytes)
{
  int err = atr_address_parse(text, strlen(text), port, out, why, why_bytes);
  const char *fault = err ? NULL : fault_of(out);

  if (!fault)
    return err;
  snprintf(why, why_bytes, "%s", fault);
  return ATR_ADDR_SYNTAX;
}

uint16_t atr_typed_port(const char *address_text)
{
  const char *colon = strrchr(address_text, ':');

  return colon && !strstr(address_text, "://") ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}
