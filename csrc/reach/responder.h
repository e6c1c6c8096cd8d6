/* SPDX-License-Identifier: MIT
 *
 * The server's side of finding hosts: answers those on the same network who ask (docs/protocol.md, 7).
 *
 * It hears questions only: nothing is sent by itself, so a server in a strange network tells nobody that it is there before somebody
 * asks. Who asks from further away than the networks that this machine stands in gets no answer, nor does anybody beyond
 * ATR_DISCOVERY_ANSWERS_MAX in a second. Groups are joined anew every ATR_DISCOVERY_NETWORKS_MS, as networks come and go.
 *
 * @locality everything here runs on the loop's thread. */
#ifndef ATR_REACH_RESPONDER_H
#define ATR_REACH_RESPONDER_H

#include "base/id.h"

#include <stdint.h>
#include <uv.h>

typedef struct atr_responder atr_responder;

typedef struct atr_responder_options {
  uint16_t discovery_port; /* UDP; 0: ATR_DISCOVERY_PORT */
  uint16_t port;           /* TCP: what the answers say */
  const atr_hash *key;     /* copied */
  const char *name;        /* copied; NULL: this machine's */
  bool no_ipv6;            /* the server does not listen there */
} atr_responder_options;

/* 0, ATR_NOMEM, or ATR_IO where no socket could be had: the server is as good without. */
int atr_responder_new(atr_responder **out, uv_loop_t *loop, const atr_responder_options *options);

/* The memory goes when the loop has closed the handles. NULL is allowed. */
void atr_responder_free(atr_responder *responder);

#endif
