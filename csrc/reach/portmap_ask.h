/* SPDX-License-Identifier: MIT
 *
 * One question to the router, in one of the three ways it may understand: pass this port on, or no longer. Each is a machine of its own with one
 * result; portmap.c decides which is asked when, and what follows.
 *
 *   portmap_ask.c     what they share: the end of a question, its handles
 *   portmap_pcp.c     a packet of our own and its answer
 *   portmap_natpmp.c  libnatpmp, whose socket never blocks, on the loop
 *   portmap_upnp.c    a search, a description, and several calls
 *
 * @locality the loop's thread. */
#ifndef ATR_REACH_PORTMAP_ASK_H
#define ATR_REACH_PORTMAP_ASK_H

#include "proto/pcp.h"
#include "proto/upnp.h"
#include "reach/portmap.h"
#include "reach/portmap_router.h"

typedef struct atr_ask atr_ask;

typedef struct atr_ask_request {
  uint8_t router[4], inner[4];
  bool is_ipv6; /* these instead, and PCP alone: a hole in the firewall */
  atr_router_ipv6 ipv6;
  uint16_t control_port; /* of PCP */
  uint16_t inner_port;
  uint16_t outer_port;                /* wanted; of a mapping that is taken back: its own */
  uint32_t lifetime_s;                /* 0: take it back */
  uint8_t nonce[ATR_PCP_NONCE_BYTES]; /* PCP: the right to the mapping */
  atr_upnp_service service;           /* UPnP: who has mapped it before; no type: not known */
} atr_ask_request;

typedef struct atr_ask_answer {
  atr_portmap_reason reason; /* FINE; SILENT: nobody there speaks this */
  bool has_outer;            /* also with a refusal, at times */
  uint8_t outer[4];
  uint8_t outer_ipv6[16];
  uint16_t outer_port;
  uint32_t lifetime_s;
  uint32_t left_s; /* of it, as the router's table has it, which may be less than it was asked for; 0: not said */
  bool has_epoch;  /* since when the router has its table */
  uint32_t epoch_s;
  atr_upnp_service service;
} atr_ask_answer;

typedef void (*atr_ask_done)(void *ctx, const atr_ask_answer *answer);

/* A way to ask. `begin` copies the request, and answers with `done` once, never from within; NULL: there is no memory. */
typedef struct atr_asker {
  atr_portmap_way way;
  atr_ask *(*begin)(uv_loop_t *loop, const atr_ask_request *request, atr_ask_done done, void *ctx);
} atr_asker;

extern const atr_asker atr_ask_pcp, atr_ask_natpmp, atr_ask_upnp;

/* `done` does not come any more; the memory goes when the loop has closed the handles. NULL is allowed. */
void atr_ask_cancel(atr_ask *ask);

/* --- for the three ------------------------------------------------------------------------------------------- */

/* The first member of each one's own struct, which is one malloc'ed block. */
struct atr_ask {
  atr_ask_request request;
  atr_ask_answer answer; /* as far as it is known; portmap.c looks at it when it gives up */
  uv_timer_t timer;
  int open_handles;
  bool is_over;
  void (*on_over)(atr_ask *ask); /* closes its own handles, at the end of whatever kind */
  atr_ask_done done;
  void *ctx;
};

void atr_ask_init(atr_ask *ask, uv_loop_t *loop, const atr_ask_request *request, void (*on_over)(atr_ask *ask),
                  atr_ask_done done, void *ctx);
/* A handle whose `data` is the question: counted, and closed. */
void atr_ask_opened(atr_ask *ask);
void atr_ask_close(atr_ask *ask, uv_handle_t *handle);
/* The result, at once: never from within begin(). The last thing a callback does. */
void atr_ask_finish(atr_ask *ask, atr_portmap_reason reason);
/* The same in the next turn of the loop; the timer is no one else's any more. */
void atr_ask_finish_soon(atr_ask *ask, atr_portmap_reason reason);

/* What it may call its outer address: the address of a machine. Otherwise the answer has none. */
void atr_ask_set_outer(atr_ask *ask, const uint8_t outer[4]);

struct sockaddr_in atr_ask_socket_address(const uint8_t ip[4], uint16_t port);

#endif
