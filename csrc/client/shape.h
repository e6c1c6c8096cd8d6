/* SPDX-License-Identifier: MIT
 *
 * What the JSON messages of a server look like (docs/protocol.md, 4): the application is told most of them as they came, and
 * looks into them without asking whether a field is there. A server is a peer like any other, so it is asked here, once. */
#ifndef ATR_CLIENT_SHAPE_H
#define ATR_CLIENT_SHAPE_H

#include "proto/json.h"

/* 0, also for a `t` that is not known; ATR_PROTO where a field is missing or of another type. Further fields are ignored. */
int shape_check(const char *t, const cJSON *message);

#endif
