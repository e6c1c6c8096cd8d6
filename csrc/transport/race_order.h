/* SPDX-License-Identifier: MIT
 *
 * In which order addresses are tried: RFC 8305, section 4. Pure functions over lists.
 */
#ifndef ATR_TRANSPORT_RACE_ORDER_H
#define ATR_TRANSPORT_RACE_ORDER_H

#include <stddef.h>
#include <uv.h>

/* Something to try. Equal numbers in one web address and in another, or in none, are different things to try. */
typedef struct atr_candidate {
  struct sockaddr_storage to;
  unsigned web;   /* 1 + the index of the address that has a path; 0: plain TCP */
  unsigned from;  /* index of the address that it came from, the first of several; not compared */
  unsigned round; /* how many of its family came from that address before it; set by atr_race_order_add */
} atr_candidate;

/* Appends an address that is not in the list yet; the list has room for ATR_CANDIDATES_MAX. The first of a family that an address leads to is always
 * taken; of the others, of all addresses together, ATR_RACE_FURTHER_MAX are. */
void atr_race_order_add(atr_candidate *list, size_t *count, const atr_candidate *candidate);

/* Every address's first ones before any second. Within a round the families take turns, beginning with that of the first address, which the
 * system's resolver likes best (RFC 6724); within a family the order stays. */
void atr_race_order_arrange(atr_candidate *list, size_t count);

#endif
