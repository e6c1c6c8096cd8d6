/* SPDX-License-Identifier: MIT
 *
 * Lines and words of HTTP, in place: what both readers of its heads need (http.c for routers and tunnels' programs, websocket.c for our own way through
 * tunnels), and UPnP's. Each decides for itself what it makes of them; none of these calls fails or copies. Words to compare with are in lower case. */
#ifndef ATR_PROTO_LINES_H
#define ATR_PROTO_LINES_H

#include "base/buf.h"

#include <stdbool.h>

/* The next line of `*rest` without its end: LF, and a CR before it, as the web servers of routers are not all as their standard wants them. False:
 * there is no whole line. */
bool atr_line_take(atr_span *rest, atr_span *line);
/* Without the spaces and tabs around it. */
atr_span atr_text_trim(atr_span text);
/* Whatever the case of `text`; only ASCII has any here. */
bool atr_text_is(atr_span text, const char *word);
bool atr_text_begins(atr_span text, const char *word);

#endif
