/* SPDX-License-Identifier: MIT
 *
 * Verdicts as JSON (docs/protocol.md, 8): names of the enums, and for each reason what its sentence names. */
#include "reach/verdict.h"

#include "base/error.h"
#include "reach/adapters.h"
#include "reach/typed.h"

#include <stdio.h>
#include <string.h>

const char *atr_reach_state_name(atr_reach_state state)
{
  static const char *const names[] = {"works", "should", "no", "checking", "unknown"};

  return names[state];
}

const char *atr_reach_reason_name(atr_reach_reason reason)
{
  static const char *const names[] = {
#define X(name, text) text,
      ATR_REACH_REASONS(X)
#undef X
  };

  return names[reason];
}

const char *atr_audience_name(atr_audience audience)
{
  static const char *const names[] = {"machine", "lan", "vpn", "internet", "tunnel", "nobody"};

  return names[audience];
}

static const char *way_text(atr_portmap_way way)
{
  static const char *const names[] = {"", "PCP", "NAT-PMP", "UPnP"};

  return names[way];
}

static void write_firewall(atr_jw *w, const atr_facts *facts)
{
  char command[ATR_FIREWALL_COMMAND_BYTES];

  atr_jw_str(w, "tool", atr_firewall_name(facts->firewall));
  atr_firewall_command(facts->firewall, facts->port, false, command);
  atr_jw_str(w, "tcp", command);
  atr_firewall_command(facts->firewall, ATR_DISCOVERY_PORT, true, command);
  atr_jw_str(w, "udp", command);
}

/* This machine's address as a router's page wants it: that by which the router knows it, else the first IPv4 address of a LAN. */
static const char *inner_address(const atr_facts *facts)
{
  if (facts->mapping->inner[0])
    return facts->mapping->inner;
  for (size_t i = 0; i < facts->around.interfaces_count; i++) {
    const atr_interface *one = &facts->around.interfaces[i];
    atr_adapter adapter = atr_adapter_of(one->name, one->address);
    atr_ip ip;

    if (!adapter.is_vpn && !adapter.is_virtual && atr_ip_read(one->address, &ip) && ip.bits == 32)
      return one->address;
  }
  return NULL;
}

/* Whether a rule in one's own router can let guests in. */
static bool rule_helps(const atr_facts *facts, atr_reach_reason reason)
{
  return !facts->is_loopback && reason != ATR_REACH_CGNAT && reason != ATR_REACH_NO_OUTSIDE &&
         reason != ATR_REACH_NO_ROUTER;
}

/* To which guests connect: the router's own word, else that of the host, who reads it off the router's page. */
static uint16_t outer_port_of(const atr_facts *facts)
{
  if (facts->mapping->state == ATR_PORTMAP_MAPPED)
    return facts->mapping->outer_port;
  return facts->around.typed[0] ? atr_typed_port(facts->around.typed) : facts->port;
}

static void write_rule(atr_jw *w, const atr_facts *facts, const atr_verdict *v)
{
  const char *inner = inner_address(facts);
  uint16_t outer_port = outer_port_of(facts);

  if (!inner || outer_port == 0 || !rule_helps(facts, v->reason == ATR_REACH_TYPED ? v->beside : v->reason))
    return;
  atr_jw_str(w, "address", inner);
  atr_jw_int(w, "port", facts->port);
  atr_jw_int(w, "public_port", outer_port);
}

static void write_parameters(atr_jw *w, const atr_facts *facts, const atr_verdict *v, atr_reach_reason reason)
{
  switch (reason) {
  case ATR_REACH_FIREWALL:
    write_firewall(w, facts);
    break;
  case ATR_REACH_OTHER_ADDRESS:
    atr_jw_str(w, "bound", facts->bound);
    break;
  case ATR_REACH_MAPPED:
  case ATR_REACH_MAPPED_NOWHERE:
    atr_jw_str(w, "protocol", way_text(facts->mapping->way));
    atr_jw_str(w, "router", facts->mapping->router);
    break;
  case ATR_REACH_IPV6_OPENED:
    atr_jw_str(w, "protocol", way_text(facts->pinhole->way));
    atr_jw_str(w, "router", facts->pinhole->router);
    break;
  case ATR_REACH_MAPPING_REFUSED:
    atr_jw_str(w, "router", facts->mapping->router);
    atr_jw_str(w, "why", atr_portmap_reason_name(facts->mapping->reason));
    break;
  case ATR_REACH_DOUBLE_NAT:
  case ATR_REACH_CGNAT:
    atr_jw_str(w, "outside", v->outside);
    break;
  default:
    break;
  }
}

static void write_with(atr_jw *w, const atr_facts *facts, const atr_verdict *v)
{
  atr_jw_object(w, "with");
  write_parameters(w, facts, v, v->reason == ATR_REACH_TYPED ? v->beside : v->reason);
  if (v->audience == ATR_AUDIENCE_MACHINE)
    atr_jw_str(w, "bound", facts->bound[0] ? facts->bound : "*");
  if (v->audience == ATR_AUDIENCE_INTERNET)
    write_rule(w, facts, v);
  atr_jw_end(w);
}

/* As it may be shown: reports are copied, and sent to whoever is asked for help. Who needs what stands behind a question mark gets it in the invite. */
static void write_shown(atr_jw *w, const char *text)
{
  char shown[ATR_ADDRESS_TEXT_BYTES], why[128];
  atr_address address;

  snprintf(shown, sizeof shown, "%s", text);
  if (strchr(text, '?')) {
    if (atr_address_parse(text, strlen(text), ATR_PORT_DEFAULT, &address, why, sizeof why) == ATR_OK)
      atr_address_shown(&address, shown);
    else
      atr_address_hide(shown);
  }
  atr_jw_str(w, NULL, shown);
}

static void write_addresses(atr_jw *w, const char *key, const char (*list)[ATR_ADDRESS_TEXT_BYTES], size_t count)
{
  atr_jw_array(w, key);
  for (size_t i = 0; i < count; i++)
    write_shown(w, list[i]);
  atr_jw_end(w);
}

void atr_verdicts_write(atr_jw *w, const atr_facts *facts, const atr_verdict *verdicts, size_t count)
{
  atr_jw_array(w, "audiences");
  for (size_t i = 0; i < count; i++) {
    const atr_verdict *v = &verdicts[i];

    atr_jw_object(w, NULL);
    atr_jw_str(w, "audience", atr_audience_name(v->audience));
    atr_jw_str(w, "label", v->label);
    write_addresses(w, "addresses", v->addresses, v->addresses_count);
    if (v->others_count > 0)
      write_addresses(w, "others", &v->addresses[v->addresses_count], v->others_count);
    atr_jw_str(w, "state", atr_reach_state_name(v->state));
    atr_jw_str(w, "reason", atr_reach_reason_name(v->reason));
    if (v->reason == ATR_REACH_TYPED && v->beside != ATR_REACH_TYPED)
      atr_jw_str(w, "beside", atr_reach_reason_name(v->beside));
    write_with(w, facts, v);
    atr_jw_end(w);
  }
  atr_jw_end(w);
}
