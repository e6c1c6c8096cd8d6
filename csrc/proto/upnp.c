/* SPDX-License-Identifier: MIT
 *
 * UPnP Device Architecture 1.1 (SSDP, SOAP) and WANIPConnection:1. What a router names is written into the next request, its path and the
 * type of its service, so both are of few characters. */
#include "proto/upnp.h"

#include "base/error.h"
#include "proto/lines.h"

#include <miniupnpc/igd_desc_parse.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpreplyparse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- addresses ------------------------------------------------------------------------------------------------- */

/* A decimal number up to `max`, off the front of `*text`. */
static bool take_number(atr_span *text, unsigned max, unsigned *out)
{
  size_t digits = 0;

  for (*out = 0; text->n > 0 && text->p[0] >= '0' && text->p[0] <= '9' && *out <= max; digits++) {
    *out = *out * 10 + (text->p[0] - (unsigned)'0');
    *text = atr_span_of(text->p + 1, text->n - 1);
  }
  return digits > 0 && digits <= 5 && *out <= max;
}

static bool take_char(atr_span *text, char c)
{
  if (text->n == 0 || text->p[0] != (uint8_t)c)
    return false;
  *text = atr_span_of(text->p + 1, text->n - 1);
  return true;
}

static bool take_ip(atr_span *text, uint8_t ip[4])
{
  for (int i = 0; i < 4; i++) {
    unsigned part;

    if ((i > 0 && !take_char(text, '.')) || !take_number(text, 255, &part))
      return false;
    ip[i] = (uint8_t)part;
  }
  return true;
}

/* Printable ASCII without what ends a word or a quotation. */
static bool is_plain(atr_span text)
{
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] <= ' ' || text.p[i] >= 0x7f || strchr("\"<>\\", text.p[i]))
      return false;
  return true;
}

static int set_path(atr_upnp_url *url, atr_span path)
{
  bool is_rooted = path.n > 0 && path.p[0] == '/';

  if (path.n + 2 > sizeof url->path || !is_plain(path))
    return ATR_PROTO;
  snprintf(url->path, sizeof url->path, "%s%.*s", is_rooted ? "" : "/", (int)path.n, (const char *)path.p);
  return ATR_OK;
}

int atr_upnp_url_read(atr_span text, atr_upnp_url *out)
{
  static const char scheme[] = "http://";
  unsigned port = 80;

  memset(out, 0, sizeof *out);
  if (!atr_text_begins(text, scheme))
    return ATR_PROTO;
  text = atr_span_of(text.p + strlen(scheme), text.n - strlen(scheme));
  if (!take_ip(&text, out->ip) || (take_char(&text, ':') && !take_number(&text, 65535, &port)) || port == 0 ||
      (text.n > 0 && text.p[0] != '/' && text.p[0] != '?'))
    return ATR_PROTO;
  out->port = (uint16_t)port;
  return set_path(out, text);
}

/* --- who is there ---------------------------------------------------------------------------------------------- */

void atr_upnp_search_write(atr_buf *out, unsigned number)
{
  static const char *const targets[] = {
      "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
      "urn:schemas-upnp-org:service:WANIPConnection:1",
      "urn:schemas-upnp-org:service:WANPPPConnection:1",
      "upnp:rootdevice",
  };
  char text[256];

  if (number >= sizeof targets / sizeof *targets)
    return;
  snprintf(text, sizeof text,
           "M-SEARCH * HTTP/1.1\r\nHOST: " ATR_UPNP_GROUP ":%d\r\nST: %s\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\r\n",
           ATR_UPNP_PORT, targets[number]);
  atr_buf_append_str(out, text);
}

int atr_upnp_found_read(const uint8_t *bytes, size_t n, atr_upnp_url *description)
{
  atr_span all = atr_span_of(bytes, n);

  memset(description, 0, sizeof *description);
  if (!atr_text_begins(all, "http/1.1 200") && !atr_text_begins(all, "http/1.0 200"))
    return ATR_PROTO;
  return atr_upnp_url_read(atr_http_field(all, "location"), description);
}

/* --- what it offers -------------------------------------------------------------------------------------------- */

static int write_head(atr_buf *out, const char *method, const atr_upnp_url *url)
{
  char head[512];

  snprintf(head, sizeof head,
           "%s %s HTTP/1.1\r\nHost: %u.%u.%u.%u:%u\r\nUser-Agent: Atrium UPnP/1.1\r\nConnection: close\r\n", method,
           url->path, url->ip[0], url->ip[1], url->ip[2], url->ip[3], url->port);
  return atr_buf_append_str(out, head);
}

int atr_upnp_describe_write(atr_buf *out, const atr_upnp_url *description)
{
  write_head(out, "GET", description);
  return atr_buf_append_str(out, "\r\n");
}

/* `where` is a whole address, or a path on the machine of `base`. */
static int resolve(const char *where, const atr_upnp_url *base, atr_upnp_url *out)
{
  atr_span text = atr_span_of(where, strlen(where));

  if (text.n == 0)
    return ATR_PROTO;
  if (strstr(where, "://"))
    return atr_upnp_url_read(text, out);
  *out = *base;
  return set_path(out, text);
}

/* urn:schemas-upnp-org:service:WANIPConnection:2 */
static bool is_type(const char *type)
{
  static const char *const known[] = {"urn:schemas-upnp-org:service:WANIPConnection:",
                                      "urn:schemas-upnp-org:service:WANPPPConnection:"};

  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    size_t n = strlen(known[i]);

    if (strncmp(type, known[i], n) == 0 && type[n] >= '1' && type[n] <= '9' && type[n + 1] == '\0')
      return true;
  }
  return false;
}

static bool take_service(const struct IGDdatas_service *found, const atr_upnp_url *base, const atr_upnp_url *from,
                         atr_upnp_service *out)
{
  if (!is_type(found->servicetype) || resolve(found->controlurl, base, &out->control) < 0 ||
      memcmp(out->control.ip, from->ip, sizeof from->ip) != 0)
    return false;
  snprintf(out->type, sizeof out->type, "%s", found->servicetype);
  return true;
}

size_t atr_upnp_description_read(atr_span xml, const atr_upnp_url *from, atr_upnp_service out[ATR_UPNP_SERVICES_MAX])
{
  struct IGDdatas *found = calloc(1, sizeof *found); /* 3 KiB */
  atr_upnp_url base = *from;
  size_t n = 0;

  if (!found || xml.n == 0 || xml.n > INT32_MAX) {
    free(found);
    return 0;
  }
  parserootdesc((const char *)xml.p, (int)xml.n, found);
  if (found->urlbase[0] && atr_upnp_url_read(atr_span_of(found->urlbase, strlen(found->urlbase)), &base) < 0)
    base = *from;
  n += take_service(&found->first, &base, from, &out[n]);
  n += take_service(&found->second, &base, from, &out[n]);
  free(found);
  return n;
}

/* --- calls ----------------------------------------------------------------------------------------------------- */

static const char *const actions[] = {"GetExternalIPAddress", "GetSpecificPortMappingEntry", "AddPortMapping",
                                      "DeletePortMapping"};

static void put_number(atr_buf *out, const char *name, uint32_t value)
{
  char text[128];

  snprintf(text, sizeof text, "<%s>%u</%s>", name, value, name);
  atr_buf_append_str(out, text);
}

static void put_arguments(atr_buf *out, atr_upnp_action action, const atr_upnp_entry *e)
{
  char client[128];

  if (action == ATR_UPNP_OUTSIDE)
    return;
  atr_buf_append_str(out, "<NewRemoteHost></NewRemoteHost>");
  put_number(out, "NewExternalPort", e->outer_port);
  atr_buf_append_str(out, "<NewProtocol>TCP</NewProtocol>");
  if (action != ATR_UPNP_ADD)
    return;
  put_number(out, "NewInternalPort", e->inner_port);
  snprintf(client, sizeof client, "<NewInternalClient>%u.%u.%u.%u</NewInternalClient>", e->inner[0], e->inner[1],
           e->inner[2], e->inner[3]);
  atr_buf_append_str(out, client);
  atr_buf_append_str(out, "<NewEnabled>1</NewEnabled>"
                          "<NewPortMappingDescription>Atrium</NewPortMappingDescription>");
  put_number(out, "NewLeaseDuration", e->lease_s);
}

int atr_upnp_call_write(atr_buf *out, const atr_upnp_service *service, atr_upnp_action action,
                        const atr_upnp_entry *entry)
{
  char text[512];
  atr_buf body;
  int err;

  atr_buf_init(&body, ATR_UPNP_TYPE_BYTES + 2048);
  snprintf(text, sizeof text,
           "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
           "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:%s xmlns:u=\"%s\">",
           actions[action], service->type);
  atr_buf_append_str(&body, text);
  put_arguments(&body, action, entry);
  snprintf(text, sizeof text, "</u:%s></s:Body></s:Envelope>\r\n", actions[action]);
  err = atr_buf_append_str(&body, text);

  write_head(out, "POST", &service->control);
  snprintf(text, sizeof text,
           "Content-Type: text/xml; charset=\"utf-8\"\r\nContent-Length: %zu\r\nSOAPAction: \"%s#%s\"\r\n\r\n",
           body.len, service->type, actions[action]);
  atr_buf_append_str(out, text);
  if (!err)
    err = atr_buf_append(out, body.data, body.len);
  atr_buf_free(&body);
  return err;
}

static bool contains(atr_span text, const char *word)
{
  size_t n = strlen(word);

  for (size_t i = 0; i + n <= text.n; i++)
    if (memcmp(text.p + i, word, n) == 0)
      return true;
  return false;
}

/* A value that is a number all of it; else `other`. */
static uint32_t number_of(struct NameValueParserData *values, const char *name, uint32_t max, uint32_t other)
{
  const char *value = GetValueFromNameValueList(values, name);
  char *end;
  unsigned long number;

  if (!value || value[0] < '0' || value[0] > '9')
    return other;
  number = strtoul(value, &end, 10);
  return *end == '\0' && number <= max ? (uint32_t)number : other;
}

static bool ip_of(struct NameValueParserData *values, const char *name, uint8_t ip[4])
{
  const char *value = GetValueFromNameValueList(values, name);
  atr_span text = atr_span_of(value ? value : "", value ? strlen(value) : 0);

  return take_ip(&text, ip) && text.n == 0;
}

int atr_upnp_reply_read(const atr_http_answer *answer, atr_upnp_action action, atr_upnp_reply *out)
{
  struct NameValueParserData values = {0};
  char word[64];
  int err = ATR_OK;

  memset(out, 0, sizeof *out);
  if (answer->body.n == 0 || answer->body.n > INT32_MAX)
    return ATR_PROTO;
  snprintf(word, sizeof word, ":%sResponse", actions[action]);
  ParseNameValue((const char *)answer->body.p, (int)answer->body.n, &values);
  out->error = (int)number_of(&values, "errorCode", 999, 0);
  if (out->error == 0 && (answer->status != 200 || !contains(answer->body, word)))
    err = ATR_PROTO;
  if (!err && out->error == 0) {
    out->has_outside = ip_of(&values, "NewExternalIPAddress", out->outside);
    out->entry.inner_port = (uint16_t)number_of(&values, "NewInternalPort", 65535, 0);
    out->entry.lease_s = number_of(&values, "NewLeaseDuration", UINT32_MAX, 0);
    if (action == ATR_UPNP_LOOK && !ip_of(&values, "NewInternalClient", out->entry.inner))
      memset(out->entry.inner, 0, sizeof out->entry.inner);
  }
  ClearNameValueList(&values);
  return err;
}
