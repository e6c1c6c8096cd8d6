/* SPDX-License-Identifier: MIT
 *
 * What tunnels' programs say of themselves, read without sockets.
 *
 * ngrok lists "tunnels" ({"public_url", "config": {"addr"}}) or, since its version 3.16, "endpoints" ({"url", "upstream": {"url"}}); cloudflared gives
 * its quick tunnel's name in one answer, and what it passes connections on to in another. A target is one of ours where it names this machine and our
 * port: "12800", "localhost:12800", "http://127.0.0.1:12800", "tcp://[::1]:12800". */
#include "reach/agents.h"

#include "base/error.h"
#include "proto/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const cJSON *object, const char *key)
{
  const char *text = NULL;

  return atr_json_get_str(object, key, &text) == ATR_OK ? text : NULL;
}

/* What is behind the port in a target: nothing, or a path. */
static bool is_port(const char *text, uint16_t port)
{
  char *end;
  unsigned long number = strtoul(text, &end, 10);

  return end > text && text[0] >= '0' && text[0] <= '9' && number == port && (!*end || *end == '/');
}

static bool leads_to(const char *target, uint16_t port)
{
  static const char *const schemes[] = {"tcp://", "http://", "https://", "tls://", "ws://", "wss://"};
  static const char *const hosts[] = {"localhost:", "127.0.0.1:", "[::1]:", "0.0.0.0:"};

  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
    if (strncmp(target, schemes[i], strlen(schemes[i])) == 0) {
      target += strlen(schemes[i]);
      break;
    }
  for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
    if (strncmp(target, hosts[i], strlen(hosts[i])) == 0)
      return is_port(target + strlen(hosts[i]), port);
  return is_port(target, port);
}

/* An HTTP tunnel has one name for both of its schemes; the encrypted one is enough. */
static bool read_public(const char *url, const char *program, atr_endpoint *out)
{
  char why[128];

  if (!url || strncmp(url, "http://", 7) == 0 || !strstr(url, "://") || strpbrk(url, " \t\r\n"))
    return false;
  out->program = program;
  return atr_address_parse(url, strlen(url), 443, &out->address, why, sizeof why) == ATR_OK &&
         !atr_address_is_loopback(&out->address);
}

static size_t add(const atr_endpoint *one, atr_endpoint *out, size_t count)
{
  char text[ATR_ADDRESS_TEXT_BYTES], other[ATR_ADDRESS_TEXT_BYTES];

  atr_address_text(&one->address, text);
  for (size_t i = 0; i < count; i++) {
    atr_address_text(&out[i].address, other);
    if (strcmp(text, other) == 0)
      return count;
  }
  if (count < ATR_ENDPOINTS_MAX)
    out[count++] = *one;
  return count;
}

static size_t read_item(const cJSON *item, uint16_t port, atr_endpoint *out, size_t count)
{
  const char *target = text_of(atr_json_get(item, "config"), "addr"), *url = text_of(item, "public_url");
  atr_endpoint one;

  if (!target)
    target = text_of(atr_json_get(item, "upstream"), "url");
  if (!target)
    target = text_of(item, "upstream_url");
  if (!url)
    url = text_of(item, "url");
  if (!target || !leads_to(target, port) || !read_public(url, "ngrok", &one))
    return count;
  return add(&one, out, count);
}

size_t atr_agents_read_ngrok(atr_span body, uint16_t port, atr_endpoint *out, size_t count)
{
  static const char *const keys[] = {"tunnels", "endpoints"};
  cJSON *root;

  if (atr_json_parse_object((const char *)body.p, body.n, &root) < 0)
    return count;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const cJSON *list = atr_json_get(root, keys[i]);

    for (const cJSON *item = cJSON_IsArray(list) ? list->child : NULL; item; item = item->next)
      count = read_item(item, port, out, count);
  }
  cJSON_Delete(root);
  return count;
}

bool atr_agents_read_quicktunnel(atr_span body, atr_endpoint *out)
{
  char url[ATR_ADDRESS_NAME_BYTES + 16];
  const char *host;
  bool found = false;
  cJSON *root;

  if (atr_json_parse_object((const char *)body.p, body.n, &root) < 0)
    return false;
  host = text_of(root, "hostname");
  if (host && host[0] && strlen(host) < ATR_ADDRESS_NAME_BYTES) {
    snprintf(url, sizeof url, "https://%s", host);
    found = read_public(url, "cloudflared", out);
  }
  cJSON_Delete(root);
  return found;
}

bool atr_agents_leads_here(atr_span body, uint16_t port)
{
  const cJSON *rules;
  bool found = false;
  cJSON *root;

  if (atr_json_parse_object((const char *)body.p, body.n, &root) < 0)
    return false;
  rules = atr_json_get(atr_json_get(root, "config"), "ingress");
  for (const cJSON *rule = cJSON_IsArray(rules) ? rules->child : NULL; rule && !found; rule = rule->next) {
    const char *service = text_of(rule, "service");

    found = service && leads_to(service, port);
  }
  cJSON_Delete(root);
  return found;
}
