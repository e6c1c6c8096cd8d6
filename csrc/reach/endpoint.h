/* SPDX-License-Identifier: MIT
 *
 * A public address that a tunnel's program passes on to this server. */
#ifndef ATR_REACH_ENDPOINT_H
#define ATR_REACH_ENDPOINT_H

#include "transport/address.h"

typedef struct atr_endpoint {
  const char *program; /* "ngrok", "cloudflared": a literal */
  atr_address address;
} atr_endpoint;

#endif
