/* SPDX-License-Identifier: MIT
 *
 * What a router, or somebody beside it, may say over UPnP. The first byte chooses what it is taken for: an answer to a search, a description,
 * the reply to a call; the last two go through miniupnpc's reader of XML. Whatever it says, the calls that follow go to the machine that was
 * asked, and stay one HTTP request each. */
#include "fuzz.h"

#include "proto/upnp.h"

static const atr_upnp_url router = {.ip = {192, 168, 0, 1}, .port = 5000, .path = "/rootDesc.xml"};

/* One head, one empty line, and as much body as the head says. */
static void check_request(const atr_buf *out)
{
  char *text = malloc(out->len + 1), *body;

  CHECK(text && !out->err);
  memcpy(text, out->data, out->len);
  text[out->len] = '\0';
  CHECK(strlen(text) == out->len);
  body = strstr(text, "\r\n\r\n");
  CHECK(body);
  *body = '\0';
  CHECK(strstr(text, " HTTP/1.1\r\nHost: 192.168.0.1:") == strchr(text, ' ') + strcspn(strchr(text, ' ') + 1, " ") + 1);
  if (strstr(text, "Content-Length: "))
    CHECK(strtoul(strstr(text, "Content-Length: ") + 16, NULL, 10) == strlen(body + 4));
  free(text);
}

static void check_description(const uint8_t *data, size_t size)
{
  static const atr_upnp_entry entry = {.outer_port = 9090, .inner_port = 12800};
  atr_upnp_service services[ATR_UPNP_SERVICES_MAX];
  size_t n = atr_upnp_description_read(atr_span_of(data, size), &router, services);

  CHECK(n <= ATR_UPNP_SERVICES_MAX);
  for (size_t i = 0; i < n; i++) {
    atr_buf out;

    CHECK(memcmp(services[i].control.ip, router.ip, 4) == 0 && services[i].control.port != 0);
    atr_buf_init(&out, 8192);
    CHECK(atr_upnp_call_write(&out, &services[i], ATR_UPNP_ADD, &entry) == 0);
    check_request(&out);
    atr_buf_free(&out);
  }
}

static void check_reply(const uint8_t *data, size_t size)
{
  atr_http_answer answer = {.status = data[0] & 1 ? 200 : 500, .body = {data + 1, size - 1}};
  atr_upnp_reply reply;

  for (int action = ATR_UPNP_OUTSIDE; action <= ATR_UPNP_REMOVE; action++)
    if (atr_upnp_reply_read(&answer, (atr_upnp_action)action, &reply) == 0)
      CHECK(reply.error >= 0 && reply.error <= 999);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  uint8_t *copy;
  atr_upnp_url url;

  if (size < 2)
    return 0;
  copy = malloc(size - 1); /* of its own size: what reads beyond it is seen */
  CHECK(copy);
  memcpy(copy, data + 1, size - 1);
  if (data[0] == 'd') {
    check_description(copy, size - 1);
  } else if (data[0] == 'r') {
    check_reply(copy, size - 1);
  } else if (atr_upnp_found_read(copy, size - 1, &url) == 0) {
    CHECK(url.port != 0 && url.path[0] == '/' && !strpbrk(url.path, " \r\n\t\""));
  }
  free(copy);
  return 0;
}
