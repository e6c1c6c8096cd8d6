/* SPDX-License-Identifier: MIT
 *
 * What any program of this machine may answer in the place of a tunnel's: an endpoint that counts has an address that an invite can hold, and
 * is never this machine. */
#include "fuzz.h"

#include "reach/agents.h"

#include <string.h>

static void check(const atr_endpoint *one)
{
  char text[ATR_ADDRESS_TEXT_BYTES], why[128];
  atr_address again;

  CHECK(one->program && one->address.host[0] && !atr_address_is_loopback(&one->address));
  atr_address_text(&one->address, text);
  CHECK(atr_address_parse(text, strlen(text), 1, &again, why, sizeof why) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  atr_endpoint list[ATR_ENDPOINTS_MAX], quick;
  atr_span body = {data, size};
  size_t n = atr_agents_read_ngrok(body, 12800, list, 0);

  CHECK(n <= ATR_ENDPOINTS_MAX);
  for (size_t i = 0; i < n; i++)
    check(&list[i]);
  if (atr_agents_read_quicktunnel(body, &quick))
    check(&quick);
  (void)atr_agents_leads_here(body, 12800);
  return 0;
}
