/* SPDX-License-Identifier: MIT
 *
 * Templates with one field, `{address}`, as Python writes them: so one spelling serves for both tables. */
#include "client/sentences.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

static const char field[] = "{address}";

/* An invite has many addresses: which of them failed how is in the details. */
static const char nowhere[] = "The host of this invite answers at none of its addresses: is it connected, and are you "
                              "in the same network or VPN?";
static const char other[] = "Somebody else answers at {address}, an address of this invite: is the host connected? If "
                            "it is, ask for a new invite.";

/* The row was a hint, and a wrong one: no trust was broken. */
static const char found[] = "Another host answers at {address}, not the one that was found there: look again under “On "
                            "This Network”, or ask the host for an invite.";

/* A number needs nobody who knows it: only what stands behind its % can be wrong. */
static const char scoped[] = "This machine has no network interface of the name behind the % in {address}: check the "
                             "spelling.";

/* Who was in the room before is told neither of ports nor of new invites. */
static const char passing[] = "What answers at {address} now is not the host: is it away, or does this network want a "
                              "login in the browser first?";

static const struct {
  int err;
  const char *typed, *invited, *again; /* the latter two NULL where it makes no difference */
} sentences[] = {
    {ATR_RESOLVE, "No machine is known by the name in “{address}”: check the spelling, or type its IP address.",
     nowhere, NULL},
    {ATR_NAME_SERVER,
     "The name server does not answer, so nobody knows where “{address}” is: check this machine's network, or type the "
     "IP address.",
     nowhere, NULL},
    {ATR_NAME_INSIDE,
     "A name in this invite, {address}, leads to this machine or into a private network, so it was not tried: "
     "ask for a new invite, or type that address if you know it to be right.",
     NULL, NULL},
    {ATR_UNREACHABLE,
     "There is no way from this machine to {address}: are both on the same network or VPN, "
     "and does the host's firewall let Blender in?",
     nowhere, NULL},
    {ATR_CONNREFUSED, "Nobody listens at {address}: is the host connected, and is the port right?", nowhere, NULL},
    {ATR_SILENT, "Nothing answers at {address}: is the address right, and does the host's firewall let Blender in?",
     nowhere, NULL},
    {ATR_HTTPS_ONLY, "What answers at {address} wants https: type the address with https:// in front.", other, passing},
    {ATR_NOT_ATRIUM,
     "What answers at {address} is not Atrium: check the port, or log in to this network in a browser first.", other,
     passing},
    {ATR_TLS, "The encrypted connection to {address} failed: try again, and check that nothing stands in between.",
     other, passing},
    {ATR_KEY_CHANGED,
     "{address} now shows another key than the one you trusted. If its owner made a new one, forget the old key and "
     "compare check codes; if not, somebody may be pretending to be that host.",
     other, passing},
    {ATR_TUNNEL_EMPTY, "The tunnel at {address} answers, but nobody is behind it: is the host connected?", NULL, NULL},
    {ATR_SERVER_FULL, "The server at {address} is full: try again when somebody has left.", NULL, NULL},
    {ATR_TIMEOUT, "{address} took too long to answer: try again.", NULL, NULL},
    /* so does a tunnel whose other end has nobody to connect to */
    {ATR_CLOSED, "The connection to {address} was closed: is the host connected?",
     "The connection to {address}, an address of this invite, was closed before the host had answered: is the host "
     "connected?",
     NULL},
};

static void fill(const char *template, const char *address, char *out, size_t out_bytes)
{
  const char *at = strstr(template, field);

  if (at)
    snprintf(out, out_bytes, "%.*s%s%s", (int)(at - template), template, address, at + strlen(field));
  else
    snprintf(out, out_bytes, "%s", template);
}

bool atr_sentence_write(int err, atr_guide guide, bool is_again, const char *address, char *out, size_t out_bytes)
{
  bool is_invited = guide == ATR_GUIDE_INVITE;

  if (err == ATR_KEY_CHANGED && guide == ATR_GUIDE_FOUND) {
    fill(found, address, out, out_bytes);
    return true;
  }
  if (err == ATR_RESOLVE && !is_invited && strchr(address, '%')) {
    fill(scoped, address, out, out_bytes);
    return true;
  }
  for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
    if (sentences[i].err == err) {
      const char *template = is_again && sentences[i].again       ? sentences[i].again
                             : is_invited && sentences[i].invited ? sentences[i].invited
                                                                  : sentences[i].typed;

      fill(template, address, out, out_bytes);
      return true;
    }
  return false;
}
