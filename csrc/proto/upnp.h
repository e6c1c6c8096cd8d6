/* SPDX-License-Identifier: MIT
 *
 * UPnP's Internet Gateway Device, as far as one port needs it: who is there (SSDP), what it offers (a description in XML), and four calls
 * (SOAP). Sans-I/O.
 *
 * miniupnpc reads what routers write: their XML is of a hundred makers, and it has seen more of it than anybody. Its sockets are not used: its calls
 * block, read without a bound of bytes or time, and go to whatever address an answer names, so a router that lies, or a machine beside it
 * that claims to be one, could hold a thread for ever, or have Atrium call somebody else. Here an address that is not an
 * IPv4 address is none, and whose it is, is said with it: its user speaks to the router alone. */
#ifndef ATR_PROTO_UPNP_H
#define ATR_PROTO_UPNP_H

#include "proto/http.h"

#define ATR_UPNP_PORT 1900
#define ATR_UPNP_GROUP "239.255.255.250"
#define ATR_UPNP_PATH_BYTES 256
#define ATR_UPNP_TYPE_BYTES 128
#define ATR_UPNP_SERVICES_MAX 2 /* a router has a connection by IP, by PPP, or both */

/* http, and an IPv4 address: what routers have. */
typedef struct atr_upnp_url {
  uint8_t ip[4];
  uint16_t port;
  char path[ATR_UPNP_PATH_BYTES];
} atr_upnp_url;

/* A connection of the router to the outside, which maps ports. */
typedef struct atr_upnp_service {
  atr_upnp_url control;
  char type[ATR_UPNP_TYPE_BYTES]; /* "urn:schemas-upnp-org:service:WANIPConnection:1" */
} atr_upnp_service;

int atr_upnp_url_read(atr_span text, atr_upnp_url *out);

/* --- who is there ---------------------------------------------------------------------------------------------- */

/* Not every router answers to every question, so there are some: by number, from 0. Appends nothing beyond the last. */
void atr_upnp_search_write(atr_buf *out, unsigned number);

/* An answer: 0 and where the description is, or ATR_PROTO. */
int atr_upnp_found_read(const uint8_t *bytes, size_t n, atr_upnp_url *description);

/* --- what it offers -------------------------------------------------------------------------------------------- */

int atr_upnp_describe_write(atr_buf *out, const atr_upnp_url *description);

/* The services that map ports; returns how many. One whose address is on another machine than the description is left out. */
size_t atr_upnp_description_read(atr_span xml, const atr_upnp_url *from, atr_upnp_service out[ATR_UPNP_SERVICES_MAX]);

/* --- calls ----------------------------------------------------------------------------------------------------- */

typedef enum atr_upnp_action {
  ATR_UPNP_OUTSIDE, /* GetExternalIPAddress */
  ATR_UPNP_LOOK,    /* GetSpecificPortMappingEntry: by outer port */
  ATR_UPNP_ADD,     /* AddPortMapping */
  ATR_UPNP_REMOVE,  /* DeletePortMapping: by outer port */
} atr_upnp_action;

/* TCP, for whoever comes. */
typedef struct atr_upnp_entry {
  uint16_t outer_port, inner_port;
  uint8_t inner[4];
  uint32_t lease_s; /* 0: for ever */
} atr_upnp_entry;

/* UPnP's own numbers of errors that mean something to us. */
enum {
  ATR_UPNP_INVALID_ACTION = 401,
  ATR_UPNP_INVALID_ARGUMENTS = 402,
  ATR_UPNP_NOT_AUTHORIZED = 606,
  ATR_UPNP_NO_SUCH_ENTRY = 714,
  ATR_UPNP_CONFLICT = 718,
  ATR_UPNP_ONLY_PERMANENT = 725,
  ATR_UPNP_NO_MAPPINGS_LEFT = 728,
  ATR_UPNP_CONFLICT_OTHER = 729
};

typedef struct atr_upnp_reply {
  int error;        /* 0, or what the router says is wrong */
  bool has_outside; /* OUTSIDE: it named an IPv4 address */
  uint8_t outside[4];
  atr_upnp_entry entry; /* LOOK: whose the outer port is; outer_port is not filled in */
} atr_upnp_reply;

/* Appends the whole HTTP request. */
int atr_upnp_call_write(atr_buf *out, const atr_upnp_service *service, atr_upnp_action action,
                        const atr_upnp_entry *entry);

/* 0, or ATR_PROTO for what is no reply to that call. */
int atr_upnp_reply_read(const atr_http_answer *answer, atr_upnp_action action, atr_upnp_reply *out);

#endif
