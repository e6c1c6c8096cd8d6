/* SPDX-License-Identifier: MIT
 *
 * What routers say over UPnP, and what is asked of them: real descriptions of different makers in short, replies, and those that name other
 * machines, which nobody may be led to. */
#include "test.h"

#include "base/error.h"
#include "proto/upnp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const atr_upnp_url router = {.ip = {192, 168, 0, 1}, .port = 5000, .path = "/rootDesc.xml"};

static int read_url(const char *text, atr_upnp_url *out)
{
  size_t n = strlen(text);
  char *copy = malloc(n + 1);
  int err;

  assert_non_null(copy);
  memcpy(copy, text, n);
  err = atr_upnp_url_read(atr_span_of(copy, n), out);
  free(copy);
  return err;
}

static void addresses_are_those_of_a_router(void **state)
{
  static const char *const bad[] = {"",
                                    "http://",
                                    "https://192.168.0.1/",
                                    "http://router/x",
                                    "http://192.168.0/x",
                                    "http://192.168.0.256/",
                                    "http://192.168.0.1.5/",
                                    "http://192.168.0.1:0/",
                                    "http://192.168.0.1:65536/",
                                    "http://192.168.0.1:/",
                                    "http://user@192.168.0.1/",
                                    "http://192.168.0.1@evil.example/",
                                    "http://192.168.0.1:80@10.0.0.1/",
                                    "http://[::1]/",
                                    "http://192.168.0.1/a b",
                                    "http://192.168.0.1/a\r\nX: y",
                                    "http://192.168.0.1/\"",
                                    "ftp://192.168.0.1/",
                                    "http://0300.168.0.1/",
                                    "http://00000192.168.0.1/",
                                    "http://192.168.0.1/\xc3\xa4"};
  char path[400];
  atr_upnp_url url;

  (void)state;
  assert_ok(read_url("HTTP://192.168.0.1:5000/rootDesc.xml", &url));
  assert_memory_equal(url.ip, router.ip, 4);
  assert_int_equal(url.port, 5000);
  assert_string_equal(url.path, "/rootDesc.xml");
  assert_ok(read_url("http://10.0.0.138", &url));
  assert_int_equal(url.port, 80);
  assert_string_equal(url.path, "/");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_err(read_url(bad[i], &url), ATR_PROTO);
  snprintf(path, sizeof path, "http://192.168.0.1/%0*d", ATR_UPNP_PATH_BYTES, 0);
  assert_err(read_url(path, &url), ATR_PROTO);
}

static void a_search_asks_for_several_kinds_of_router(void **state)
{
  atr_buf out;
  unsigned n = 0;

  (void)state;
  atr_buf_init(&out, 4096);
  for (;; n++) {
    atr_buf_clear(&out);
    atr_upnp_search_write(&out, n);
    if (out.len == 0)
      break;
    assert_memory_equal(out.data, "M-SEARCH * HTTP/1.1\r\n", 21);
    assert_memory_equal(out.data + out.len - 4, "\r\n\r\n", 4);
  }
  assert_true(n >= 3);
  atr_buf_free(&out);
}

static int found(const char *text, atr_upnp_url *out)
{
  return atr_upnp_found_read((const uint8_t *)text, strlen(text), out);
}

static void an_answer_says_where_the_description_is(void **state)
{
  atr_upnp_url url;

  (void)state;
  assert_ok(found("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: upnp:rootdevice\r\n"
                  "LOCATION: http://192.168.0.1:5000/rootDesc.xml\r\n\r\n",
                  &url));
  assert_memory_equal(&url, &router, sizeof url);
  assert_ok(found("HTTP/1.0 200 OK\nLocation:http://192.168.0.1:5000/rootDesc.xml\n", &url));
  assert_err(found("NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.0.1:5000/\r\n\r\n", &url), ATR_PROTO);
  assert_err(found("HTTP/1.1 404 OK\r\nLOCATION: http://192.168.0.1:5000/\r\n\r\n", &url), ATR_PROTO);
  assert_err(found("HTTP/1.1 200 OK\r\n\r\n", &url), ATR_PROTO);
  assert_err(found("HTTP/1.1 200 OK\r\nLOCATION: file:///etc/passwd\r\n\r\n", &url), ATR_PROTO);
  assert_err(found("", &url), ATR_PROTO);
}

/* --- descriptions ---------------------------------------------------------------------------------------------- */

#define DESCRIPTION(base, services)                                                                               \
  "<?xml version=\"1.0\"?>\n<root xmlns=\"urn:schemas-upnp-org:device-1-0\"><specVersion><major>1</major>"        \
  "<minor>0</minor></specVersion>" base "<device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:"  \
  "1</deviceType><friendlyName>Router</friendlyName><serviceList><service><serviceType>urn:schemas-upnp-org:"     \
  "service:Layer3Forwarding:1</serviceType><controlURL>/ctl/L3F</controlURL></service></serviceList><deviceList>" \
  "<device><deviceList><device><serviceList>" services                                                            \
  "</serviceList></device></deviceList></device></deviceList></device></root>"
#define SERVICE(type, url)                                                                                             \
  "<service><serviceType>urn:schemas-upnp-org:service:" type "</serviceType><serviceId>"                               \
  "urn:upnp-org:serviceId:X</serviceId><controlURL>" url "</controlURL><eventSubURL>/evt</eventSubURL><SCPDURL>/x.xml" \
  "</SCPDURL></service>"

static size_t describe(const char *xml, atr_upnp_service out[ATR_UPNP_SERVICES_MAX])
{
  size_t n = strlen(xml);
  char *copy = malloc(n + 1);
  size_t services;

  assert_non_null(copy);
  memcpy(copy, xml, n);
  services = atr_upnp_description_read(atr_span_of(copy, n), &router, out);
  free(copy);
  return services;
}

static void a_description_names_its_connections(void **state)
{
  atr_upnp_service s[ATR_UPNP_SERVICES_MAX];

  (void)state;
  assert_int_equal(describe(DESCRIPTION("", SERVICE("WANIPConnection:1", "/ctl/IPConn")), s), 1);
  assert_string_equal(s[0].type, "urn:schemas-upnp-org:service:WANIPConnection:1");
  assert_string_equal(s[0].control.path, "/ctl/IPConn");
  assert_int_equal(s[0].control.port, 5000);

  assert_int_equal(describe(DESCRIPTION("<URLBase>http://192.168.0.1:49152</URLBase>",
                                        SERVICE("WANIPConnection:2", "upnp/control?WANIPConn1")
                                            SERVICE("WANPPPConnection:1", "http://192.168.0.1:80/ppp")),
                            s),
                   2);
  assert_string_equal(s[0].control.path, "/upnp/control?WANIPConn1");
  assert_int_equal(s[0].control.port, 49152);
  assert_string_equal(s[1].control.path, "/ppp");
  assert_int_equal(s[1].control.port, 80);
}

static void nobody_else_is_called_because_a_description_says_so(void **state)
{
  atr_upnp_service s[ATR_UPNP_SERVICES_MAX];

  (void)state;
  assert_int_equal(describe(DESCRIPTION("", SERVICE("WANIPConnection:1", "http://198.51.100.7/ctl")), s), 0);
  assert_int_equal(describe(DESCRIPTION("", SERVICE("WANIPConnection:1", "http://router.example/ctl")), s), 0);
  assert_int_equal(
      describe(DESCRIPTION("<URLBase>http://198.51.100.7/</URLBase>", SERVICE("WANIPConnection:1", "/ctl")), s), 0);
  assert_int_equal(describe(DESCRIPTION("", SERVICE("WANIPConnection:1", "//198.51.100.7/ctl")), s), 1);
  assert_memory_equal(s[0].control.ip, router.ip, 4); /* a strange path, on the router */
}

static void what_maps_no_ports_is_no_connection(void **state)
{
  atr_upnp_service s[ATR_UPNP_SERVICES_MAX];

  (void)state;
  assert_int_equal(describe("", s), 0);
  assert_int_equal(describe("<html><body>Please log in</body></html>", s), 0);
  assert_int_equal(describe(DESCRIPTION("", ""), s), 0);
  assert_int_equal(describe(DESCRIPTION("", SERVICE("WANIPConnection:1\"/>&lt;", "/ctl")), s), 0);
  assert_int_equal(describe(DESCRIPTION("", SERVICE("WANIPConnection:1", "/a\r\nX: y")), s), 0);
  assert_int_equal(describe(DESCRIPTION("", SERVICE("WANIPConnection:1", "")), s), 0);
  assert_int_equal(describe("<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1", s), 0);
}

/* --- calls ------------------------------------------------------------------------------------------------------ */

static const atr_upnp_service service = {.control = {.ip = {192, 168, 0, 1}, .port = 5000, .path = "/ctl/IPConn"},
                                         .type = "urn:schemas-upnp-org:service:WANIPConnection:1"};

static void a_call_is_one_http_request(void **state)
{
  static const char body[] =
      "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
      "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:AddPortMapping "
      "xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:1\"><NewRemoteHost></NewRemoteHost><NewExternalPort>9090"
      "</NewExternalPort><NewProtocol>TCP</NewProtocol><NewInternalPort>12800</NewInternalPort><NewInternalClient>"
      "192.168.0.10</NewInternalClient><NewEnabled>1</NewEnabled><NewPortMappingDescription>Atrium"
      "</NewPortMappingDescription><NewLeaseDuration>600</NewLeaseDuration></u:AddPortMapping></s:Body></"
      "s:Envelope>\r\n";
  atr_upnp_entry entry = {.outer_port = 9090, .inner_port = 12800, .inner = {192, 168, 0, 10}, .lease_s = 600};
  char wanted[2048];
  atr_buf out;

  (void)state;
  snprintf(wanted, sizeof wanted,
           "POST /ctl/IPConn HTTP/1.1\r\nHost: 192.168.0.1:5000\r\nUser-Agent: Atrium UPnP/1.1\r\nConnection: close\r\n"
           "Content-Type: text/xml; charset=\"utf-8\"\r\nContent-Length: %zu\r\nSOAPAction: "
           "\"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping\"\r\n\r\n%s",
           strlen(body), body);
  atr_buf_init(&out, 4096);
  assert_ok(atr_upnp_call_write(&out, &service, ATR_UPNP_ADD, &entry));
  assert_ok(atr_buf_append_u8(&out, 0));
  assert_string_equal((const char *)out.data, wanted);
  atr_buf_free(&out);
}

static int reply(int status, const char *body, atr_upnp_action action, atr_upnp_reply *out)
{
  size_t n = strlen(body);
  char *copy = malloc(n + 1);
  atr_http_answer answer = {.status = status, .body = {(const uint8_t *)copy, n}};
  int err;

  assert_non_null(copy);
  memcpy(copy, body, n);
  err = atr_upnp_reply_read(&answer, action, out);
  free(copy);
  return err;
}

#define REPLY(action, values)                                                                                   \
  "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><u:" action \
  "Response xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:1\">" values "</u:" action                   \
  "Response></s:Body></s:Envelope>"
#define FAULT(code)                                                                                                \
  "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>s:Client"         \
  "</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\">" \
  "<errorCode>" code "</errorCode><errorDescription>X</errorDescription></UPnPError></detail></s:Fault></s:Body>"  \
  "</s:Envelope>"

static void replies_are_read(void **state)
{
  static const uint8_t outside[4] = {203, 0, 113, 17}, inner[4] = {192, 168, 0, 10};
  atr_upnp_reply r;

  (void)state;
  assert_ok(reply(200, REPLY("GetExternalIPAddress", "<NewExternalIPAddress>203.0.113.17</NewExternalIPAddress>"),
                  ATR_UPNP_OUTSIDE, &r));
  assert_true(r.has_outside);
  assert_memory_equal(r.outside, outside, 4);
  assert_ok(
      reply(200, REPLY("GetExternalIPAddress", "<NewExternalIPAddress></NewExternalIPAddress>"), ATR_UPNP_OUTSIDE, &r));
  assert_false(r.has_outside);
  assert_ok(reply(200, REPLY("GetExternalIPAddress", "<NewExternalIPAddress>203.0.113.17.</NewExternalIPAddress>"),
                  ATR_UPNP_OUTSIDE, &r));
  assert_false(r.has_outside);
  assert_ok(reply(200,
                  REPLY("GetSpecificPortMappingEntry",
                        "<NewInternalPort>12800</NewInternalPort><NewInternalClient>192.168.0.10</NewInternalClient>"
                        "<NewEnabled>1</NewEnabled><NewLeaseDuration>587</NewLeaseDuration>"),
                  ATR_UPNP_LOOK, &r));
  assert_int_equal(r.entry.inner_port, 12800);
  assert_int_equal(r.entry.lease_s, 587);
  assert_memory_equal(r.entry.inner, inner, 4);
  assert_ok(reply(200, REPLY("AddPortMapping", ""), ATR_UPNP_ADD, &r));
  assert_int_equal(r.error, 0);
}

static void refusals_are_read(void **state)
{
  atr_upnp_reply r;

  (void)state;
  assert_ok(reply(500, FAULT("718"), ATR_UPNP_ADD, &r));
  assert_int_equal(r.error, ATR_UPNP_CONFLICT);
  assert_ok(reply(200, FAULT("714"), ATR_UPNP_LOOK, &r)); /* some say it with a 200 */
  assert_int_equal(r.error, ATR_UPNP_NO_SUCH_ENTRY);
  assert_err(reply(500, FAULT("many"), ATR_UPNP_ADD, &r), ATR_PROTO);
  assert_err(reply(500, "Internal Server Error", ATR_UPNP_ADD, &r), ATR_PROTO);
}

/* A captive portal, or a router's page of log-in. */
static void a_page_for_people_is_no_reply(void **state)
{
  atr_upnp_reply r;

  (void)state;
  assert_err(reply(200, "<html><body>Welcome to our hotel</body></html>", ATR_UPNP_ADD, &r), ATR_PROTO);
  assert_err(reply(200, "", ATR_UPNP_ADD, &r), ATR_PROTO);
  assert_err(reply(200, REPLY("GetExternalIPAddress", ""), ATR_UPNP_ADD, &r), ATR_PROTO);
  assert_err(reply(404, REPLY("AddPortMapping", ""), ATR_UPNP_ADD, &r), ATR_PROTO);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(addresses_are_those_of_a_router),
      cmocka_unit_test(a_search_asks_for_several_kinds_of_router),
      cmocka_unit_test(an_answer_says_where_the_description_is),
      cmocka_unit_test(a_description_names_its_connections),
      cmocka_unit_test(nobody_else_is_called_because_a_description_says_so),
      cmocka_unit_test(what_maps_no_ports_is_no_connection),
      cmocka_unit_test(a_call_is_one_http_request),
      cmocka_unit_test(replies_are_read),
      cmocka_unit_test(refusals_are_read),
      cmocka_unit_test(a_page_for_people_is_no_reply),
  };

  return cmocka_run_group_tests_name("upnp", tests, NULL, NULL);
}
