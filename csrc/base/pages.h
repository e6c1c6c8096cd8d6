/* SPDX-License-Identifier: MIT
 *
 * pages.h - a hint to the system about memory that is about to be filled
 *
 * Fresh memory comes page by page, with a fault for each: of a gigabyte that arrives they take 0.6 s of processor time, as much as its
 * SHA-256. Asked for in pieces of a megabyte the same pages take 0.4 s. Huge pages would be the other way; but a system that runs for a while
 * has none in one piece, and looking for some took four times as long as the faults (2.1 s).
 */
#ifndef ATR_BASE_PAGES_H
#define ATR_BASE_PAGES_H

#include <stddef.h>

/* These bytes are about to be written for the first time. Changes nothing but the time that it takes; one implementation per platform, which may
 * do nothing. */
void atr_pages_will_write(void *bytes, size_t n);

#endif
