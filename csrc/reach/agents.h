/* SPDX-License-Identifier: MIT
 *
 * The tunnels of this machine that lead to this server: asks the programs that people use for it, ngrok and cloudflared, on the port on
 * which each tells of itself.
 *
 * Only on the loopback, with small GETs whose answers are bounded in time and bytes. A program that is not running costs a refused
 * connection. Nothing of an answer counts but public addresses that are passed on to our own port, so a tunnel to something else stays
 * out of invites; and whoever else on this machine answers on such a port can put in a wrong address, at which nobody
 * proves the host's key.
 *
 * @locality everything here runs on the loop's thread. */
#ifndef ATR_REACH_AGENTS_H
#define ATR_REACH_AGENTS_H

#include "base/buf.h"
#include "base/limits.h"
#include "reach/endpoint.h"

#include <uv.h>

typedef struct atr_agents atr_agents;

/* `on_change`: the list is another one. Never from within a call. It may not free the agents. */
int atr_agents_new(atr_agents **out, uv_loop_t *loop, uint16_t port, void (*on_change)(void *ctx), void *ctx);

/* Asks now and every ATR_AGENT_POLL_MS, or no longer; what is known stays. */
void atr_agents_poll(atr_agents *agents, bool on);

/* From now on also at this port of the machine; 0: at the usual ones only. */
void atr_agents_name(atr_agents *agents, uint16_t port);

/* Asks at once. */
void atr_agents_ask(atr_agents *agents);

/* False until all have answered, or not, once. */
bool atr_agents_known(const atr_agents *agents);

/* Valid until the loop turns. */
const atr_endpoint *atr_agents_list(const atr_agents *agents, size_t *count);

/* At once; the memory goes when the loop has closed the handles. NULL is allowed. */
void atr_agents_free(atr_agents *agents);

/* --- what they say, without sockets (agents_read.c) ------------------------------------------------------------- */

/* ngrok's /api/tunnels and /api/endpoints: adds those that lead to `port` of this machine; returns how many `out` then has. */
size_t atr_agents_read_ngrok(atr_span body, uint16_t port, atr_endpoint *out, size_t count);

/* cloudflared's /quicktunnel: the tunnel's public name. False where there is none. */
bool atr_agents_read_quicktunnel(atr_span body, atr_endpoint *out);

/* cloudflared's /config: whether one of its rules leads to `port` of this machine. */
bool atr_agents_leads_here(atr_span body, uint16_t port);

#endif
