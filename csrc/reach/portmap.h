/* SPDX-License-Identifier: MIT
 *
 * The port of a server on the home's router: asks the router to pass on what comes to one of its outer ports, keeps that alive, and takes
 * it back at the end.
 *
 * Three ways are tried, one after the other, and the first that works stays: PCP (RFC 6887), NAT-PMP (RFC 6886), UPnP IGD. Each answer
 * is that of a machine that may be old, wrong or lying, so what is known is a *view*: what the router says, and what of it cannot be true. A
 * mapping proves nothing: whether somebody comes in from outside is for others to see (reach/verdict.h).
 *
 * The same for IPv6 is another portmap: nothing is translated there, but home routers let nothing in that was not asked for. PCP opens a hole for
 * this machine's own address; the view's outer address is that one, unless the router says otherwise.
 *
 * Everything is asked of the default router alone, within bounded times and bytes, and nothing blocks: no step needs more than a turn of the
 * loop, so the end is never waited for. A mapping is asked for again at half of its life, and no later than ATR_PORTMAP_CHECK_MS, as a
 * router that was restarted has forgotten it; and at once when this machine gets another address or another router.
 *
 * @locality everything here runs on the loop's thread. */
#ifndef ATR_REACH_PORTMAP_H
#define ATR_REACH_PORTMAP_H

#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

typedef struct atr_portmap atr_portmap;

typedef enum atr_portmap_state {
  ATR_PORTMAP_OFF,     /* nobody has asked for it */
  ATR_PORTMAP_ASKING,  /* not known yet: a few seconds */
  ATR_PORTMAP_MAPPED,  /* the router says so */
  ATR_PORTMAP_NONE,    /* no router answers: there is none, or its UPnP, NAT-PMP and PCP are off */
  ATR_PORTMAP_REFUSED, /* a router answers and does not map; `reason` says why */
} atr_portmap_state;

typedef enum atr_portmap_way {
  ATR_PORTMAP_BY_NOTHING,
  ATR_PORTMAP_BY_PCP,
  ATR_PORTMAP_BY_NATPMP,
  ATR_PORTMAP_BY_UPNP
} atr_portmap_way;

/* Why the state is NONE or REFUSED. The names (atr_portmap_reason_name) are what others go by. */
#define ATR_PORTMAP_REASONS(X)                                                                     \
  X(FINE, "")                         /* ASKING, MAPPED */                                         \
  X(NO_ROUTER, "no_router")           /* NONE: this machine has no default router */               \
  X(SILENT, "silent")                 /* NONE: the router answers in none of the three ways */     \
  X(NOT_AUTHORIZED, "not_authorized") /* its owner has switched it off, or not for this machine */ \
  X(NO_ROOM, "no_room")               /* its table is full */                                      \
  X(PORTS_TAKEN, "ports_taken")       /* every outer port that was tried is somebody else's */     \
  X(NO_OUTSIDE, "no_outside")         /* it has no connection, or no public address itself */      \
  X(UNSUPPORTED, "unsupported")       /* it says that it cannot */                                 \
  X(FAILED, "failed")                 /* it says no, and not why */                                \
  X(NONSENSE, "nonsense")             /* its answers cannot be read, or break off */               \
  X(LIES, "lies")                     /* it says that it has mapped the port, and has not */

typedef enum atr_portmap_reason {
#define X(name, text) ATR_PORTMAP_##name,
  ATR_PORTMAP_REASONS(X)
#undef X
} atr_portmap_reason;

/* What the router's outer address is. Anything but PUBLIC cannot be reached from the internet whatever is mapped: there is a second
 * router behind the first. */
typedef enum atr_portmap_scope {
  ATR_PORTMAP_SCOPE_UNKNOWN, /* it did not say, or said what is no address of a machine (0.0.0.0, loopback, multicast) */
  ATR_PORTMAP_SCOPE_PUBLIC,
  ATR_PORTMAP_SCOPE_PRIVATE, /* RFC 1918 and the like: double NAT */
  ATR_PORTMAP_SCOPE_SHARED,  /* 100.64/10, 192.0.0/24: the provider's own NAT (CGNAT) */
} atr_portmap_scope;

#define ATR_PORTMAP_ADDRESS_BYTES \
  48 /* text of an address, with NUL, and no gap behind it: views are compared as bytes */

/* All that is known. Texts are empty and ports 0 where it is not. */
typedef struct atr_portmap_view {
  atr_portmap_state state;
  atr_portmap_way way; /* MAPPED: by which; REFUSED: which one has said no */
  atr_portmap_reason reason;
  char router[ATR_PORTMAP_ADDRESS_BYTES];
  char inner
      [ATR_PORTMAP_ADDRESS_BYTES]; /* this machine, as the router sees it: also for a rule that is entered by hand */
  char outer
      [ATR_PORTMAP_ADDRESS_BYTES]; /* the router's outer address, known at times also where the mapping is refused */
  uint16_t inner_port, outer_port; /* they may differ */
  atr_portmap_scope outer_scope;
  uint32_t lifetime_s; /* what the router has granted; 0: for ever */
} atr_portmap_view;

/* The view of a server that maps nothing. */
extern const atr_portmap_view atr_portmap_view_off;

typedef struct atr_portmap_options {
  uint16_t port; /* TCP: the server's; the same is wanted outside */
  bool is_ipv6;  /* not a mapping but a hole in the router's firewall, and only PCP makes one */
  /* ATR_HASH_BYTES, the same each time this server runs: then what it has left behind when it was killed is its own. NULL: it is not. */
  const uint8_t *secret;
  /* For tests; 0 and NULL: what is usual. */
  const char *router;     /* its address; the system's default router */
  const char *own;        /* with it, for IPv6: this machine's */
  uint16_t control_port;  /* UDP, where the router is asked over PCP; ATR_PCP_PORT */
  uint16_t announce_port; /* UDP, where routers tell of their restart; ATR_PCP_ANNOUNCE_PORT */
  uint32_t check_ms;      /* ATR_PORTMAP_CHECK_MS */
} atr_portmap_options;

typedef struct atr_portmap_callbacks {
  /* The view is another one than before. Never from within new(). It may not end or free the portmap. */
  void (*on_change)(void *ctx, const atr_portmap_view *view);
  void *ctx;
} atr_portmap_callbacks;

/* Begins to ask. 0 or ATR_NOMEM; a machine without a router is a view, no failure. */
int atr_portmap_new(atr_portmap **out, uv_loop_t *loop, const atr_portmap_options *options,
                    const atr_portmap_callbacks *callbacks);

/* Valid until the loop turns. NULL gives atr_portmap_view_off. */
const atr_portmap_view *atr_portmap_look(const atr_portmap *portmap);

/* Takes the mapping back and calls `on_ended` once: when the router has confirmed, or ATR_PORTMAP_END_MS later; never from within. What is
 * under way is dropped. No view follows. free() is due as ever. */
void atr_portmap_end(atr_portmap *portmap, void (*on_ended)(void *ctx), void *ctx);

/* At once, also in the middle of end(), whose callback does not come then. What is still mapped lapses by itself. The memory goes when the
 * loop has closed the handles. NULL is allowed. */
void atr_portmap_free(atr_portmap *portmap);

/* "mapped", "pcp", "silent", "private": what messages and logs use. */
const char *atr_portmap_state_name(atr_portmap_state state);
const char *atr_portmap_way_name(atr_portmap_way way);
const char *atr_portmap_reason_name(atr_portmap_reason reason);
const char *atr_portmap_scope_name(atr_portmap_scope scope);

/* What an IPv4 address means as a router's outer one. `ip`: 4 bytes in the network's order. */
atr_portmap_scope atr_portmap_scope_of(const uint8_t ip[4]);
/* Whether an IPv6 address is one that can be reached from the internet. */
bool atr_portmap_is_public_ipv6(const uint8_t ip[16]);

#endif
