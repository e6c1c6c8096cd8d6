/* SPDX-License-Identifier: MIT
 *
 * In which order addresses are tried: RFC 8305, section 4. Pure functions over lists.
 */
#ifndef ATR_TRANSPORT_RACE_ORDER_H
#define ATR_TRANSPORT_RACE_ORDER_H

#include <stddef.h>
#include <uv.h>

/* Appends an address that is not in the list yet; the list has room for one more. */
void atr_race_order_add(struct sockaddr_storage *list, size_t *count, const struct sockaddr_storage *address);

/* The families take turns, beginning with that of the first address, which the system's resolver likes best (RFC 6724);
 * within a family the order stays. */
void atr_race_order_interleave(struct sockaddr_storage *list, size_t count);

#endif
