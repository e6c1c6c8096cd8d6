/* SPDX-License-Identifier: MIT
 *
 * What people type or paste into the Host box, as an address.
 *
 * A name, an IPv4 or an IPv6 address, with or without a port: `localhost`, `192.168.0.48:9090`, `::1`,
 * `[fe80::1%eth0]:12800`, `somehost:9090`; with a scheme where a program prints one: `tcp://0.tcp.example.org:12489`,
 * `atrium://host`, and `wss://`, `ws://`, `https://`, `http://` for tunnels that carry only HTTP. Spaces, quotes and
 * what chat programs put around a pasted text are forgiven, and so is a whole line that has one address with a scheme
 * in it, such as `Forwarding  tcp://0.tcp.example.org:12489 -> localhost:12800`, or one with a port, such as
 * `listening at bore.example.org:35735`, or a sentence, or all that a tunnel's program has on its screen; of several addresses the one that
 * leads to another machine. A pure parser: it asks nobody; whether a name exists is the resolver's business (race.h).
 */
#ifndef ATR_TRANSPORT_ADDRESS_H
#define ATR_TRANSPORT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATR_ADDRESS_NAME_BYTES 256
#define ATR_ADDRESS_PATH_BYTES 256
#define ATR_ADDRESS_TEXT_BYTES (ATR_ADDRESS_NAME_BYTES + ATR_ADDRESS_PATH_BYTES + 24)

typedef enum atr_address_kind { ATR_ADDRESS_NAME, ATR_ADDRESS_IPV4, ATR_ADDRESS_IPV6 } atr_address_kind;

/* What carries our TLS. */
typedef enum atr_carrier {
  ATR_CARRIER_TCP,
  ATR_CARRIER_WS, /* a WebSocket */
  ATR_CARRIER_WSS /* a WebSocket inside of the tunnel's own TLS, which proves nothing to us */
} atr_carrier;

typedef struct atr_address {
  atr_address_kind kind;
  char host[ATR_ADDRESS_NAME_BYTES]; /* lower case, no brackets; IPv6 in its shortest form, with %scope */
  uint16_t port;
  bool has_port; /* it was typed */
  atr_carrier carrier;
  char path[ATR_ADDRESS_PATH_BYTES]; /* of a WebSocket: begins with a slash; else empty */
} atr_address;

/* 0 or ATR_ADDR_SYNTAX; then `why` gets one sentence that says what is wrong. `port_default` counts where none was
 * typed. */
int atr_address_parse(const char *text, size_t len, uint16_t port_default, atr_address *out, char *why,
                      size_t why_bytes);

/* "host:port", IPv6 in brackets, "wss://host:port/path": one spelling for what is the same. For who is to connect to it: it may hold a secret. */
void atr_address_text(const atr_address *address, char out[ATR_ADDRESS_TEXT_BYTES]);

/* The same for messages, logs and reports, and as the name of a pin: what stands behind a question mark often lets its bearer in, so there are stars in its
 * place, and four digits that tell one from another: "wss://host:port/path?***1f0a". This text, read as an address, is shown as itself. */
void atr_address_shown(const atr_address *address, char out[ATR_ADDRESS_TEXT_BYTES]);

/* What may hold a secret in a text that is no address: a query, and what stands before an @. In place. */
void atr_address_hide(char *string);

/* localhost, ip6-localhost, 127.0.0.0/8 and ::1, as typed. */
bool atr_address_is_loopback(const atr_address *address);

#endif
