/* SPDX-License-Identifier: MIT
 *
 * Whether the key that a host has proved is the right one.
 *
 * An invite names the key, so its addresses race to prove it, and nobody is asked; its token is shown to that key only. A host that was found on the
 * network and clicked is asked for by the key that it was shown with.
 *
 * Otherwise in this order: the pin of this address (another key is a hard stop, and is noticed before this side has shown its own); the password, where the user typed one (password.c); a check code
 * that the user gave beforehand; the own machine (unless whoever connects wants to be asked there, too: `asks_here`) and the own server (the home holds a token for its key); ATRIUM_TRUST=first-use; the user, where there is one to ask. While the user looks the host
 * may lose patience: the session ends, the question stays, and the answer "yes" connects anew, to the key that was shown. */
#include "client/internal.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* The token that this home's own server left for its key, or false. */
bool trust_token(const atr_client *c, const atr_hash *key, char out[ATR_TOKEN_HEX + 1])
{
  char why[512];
  int err = atr_token_read(c->home, key, out, why, sizeof why);

  if (err < 0 && err != ATR_NOENT)
    atr_log(ATR_LOG_WARN, "the token of this home's server cannot be used: %s",
            err == ATR_IO ? why : atr_err_text(err));
  return err == ATR_OK;
}

static void accept_key(atr_client *c)
{
  int err = c->keep_pin ? ATR_OK : atr_pins_set(c->home, c->address_text, atr_session_peer_key(c->session), NULL);

  if (err < 0)
    atr_log(ATR_LOG_WARN, "the host's key could not be remembered: %s", atr_err_text(err));
  atr_session_accept_key(c->session);
  for (int lane = 0; lane < ATR_LANES; lane++)
    atr_session_set_source(c->session, lane, seats_pull, c);
  link_hello(c);
}

static void ask_user(atr_client *c)
{
  atr_jw w;

  c->link = LINK_CONFIRMING;
  c->host_accepted = false;
  link_tell_state(c, ATR_OK, NULL, NULL);
  w = event_begin(c, "confirm_host");
  atr_jw_str(&w, "address", c->address_text);
  atr_jw_str(&w, "code", c->host_code);
  event_end(c, &w, NULL);
}

/* An address that is not pinned. */
static bool is_trusted_unasked(atr_client *c, const atr_hash *key)
{
  char token[ATR_TOKEN_HEX + 1];

  if (c->host_accepted && atr_hash_equal(&c->host_key, key))
    return true;
  if (c->trusted_code[0])
    return atr_check_code_equal(c->trusted_code, c->host_code);
  if (!c->asks_here && atr_address_is_loopback(&c->address) && atr_session_peer_is_loopback(c->session))
    return true;
  return trust_token(c, key, token) || c->first_use;
}

/* Who answers is known: that is all that was asked. */
static void tell_probed(atr_client *c, int pin)
{
  atr_jw w = event_begin(c, "probed");

  atr_jw_str(&w, "address", c->address_text);
  atr_jw_str(&w, "code", c->host_code);
  atr_jw_str(&w, "key", pin == ATR_PIN_MATCHES ? "known" : pin == ATR_PIN_CHANGED ? "changed" : "new");
  event_end(c, &w, NULL);
  link_cancel(c);
}

void trust_on_key(void *ctx, const atr_hash *key, atr_span spki)
{
  atr_client *c = ctx;
  int pin = atr_pins_check(c->home, c->address_text, key, NULL);
  char token[ATR_TOKEN_HEX + 1];
  bool is_given;

  if (atr_check_code(spki, c->host_code) < 0) {
    atr_session_close(c->session, ATR_CRYPTO, NULL);
    return;
  }
  if (c->probes || (c->only_own && !trust_token(c, key, token))) {
    tell_probed(c, pin);
    return;
  }
  is_given = c->is_key_given && atr_hash_equal(&c->given_key, key);
  c->is_pinned = pin == ATR_PIN_MATCHES || is_given;
  c->keep_pin =
      pin ==
      ATR_PIN_CHANGED; /* where that is no reason to stop: the address is another host's as well, in another network or before */
  if (pin >= 0 && ((c->is_pinned && !c->password[0]) || (c->invite && atr_hash_equal(&c->invite->key, key)))) {
    accept_key(c);
    return;
  }
  if (pin == ATR_PIN_CHANGED && !is_given) {
    atr_session_close(c->session, ATR_KEY_CHANGED, c->host_code);
    return;
  }
  if (pin < 0) {
    atr_session_close(c->session, pin, "the list of known hosts cannot be read");
    return;
  }
  if (c->password[0]) {
    c->link = LINK_PASSWORD;
    password_begin(c);
    return;
  }
  if (is_trusted_unasked(c, key)) {
    accept_key(c);
    return;
  }
  c->host_key = *key;
  if (c->interactive && !c->trusted_code[0])
    ask_user(c);
  else
    atr_session_close(c->session, ATR_KEY_UNKNOWN, c->host_code);
}

/* Instead of trust_on_key(), where the address is pinned: another key was shown, and the host has not seen ours. */
bool trust_on_other_key(atr_client *c, const char *code)
{
  char token[ATR_TOKEN_HEX + 1];

  snprintf(c->host_code, sizeof c->host_code, "%s", code);
  if (!c->probes && !(c->only_own && !trust_token(c, atr_session_peer_key(c->session), token)))
    return false;
  tell_probed(c, ATR_PIN_CHANGED);
  return true;
}

void trust_password_proved(atr_client *c)
{
  accept_key(c);
}

/* The user says yes, or shows the code. */
static void accept_host(atr_client *c)
{
  c->host_accepted = true;
  if (c->session)
    accept_key(c);
  else
    link_race(c);
}

void link_trust(atr_client *c, const cJSON *message)
{
  const char *code = NULL;
  bool accept = false;

  (void)atr_json_get_bool(message, "accept", &accept);
  if (atr_json_get_str(message, "code", &code) == ATR_OK) {
    if (c->link != LINK_CONFIRMING) {
      snprintf(c->trusted_code, sizeof c->trusted_code, "%s", code);
      return;
    }
    accept = atr_check_code_equal(code, c->host_code);
    if (!accept) {
      event_error(c, ATR_KEY_UNKNOWN, "This is not the check code of the host that answered.", "trust", NULL);
      return;
    }
  }
  if (c->link != LINK_CONFIRMING)
    event_error(c, ATR_STATE, "No host is waiting to be trusted.", "trust", NULL);
  else if (accept)
    accept_host(c);
  else
    link_cancel(c);
}

static void tell_forgotten(atr_client *c, const char *address, bool known)
{
  atr_jw w = event_begin(c, "forgotten");

  atr_jw_str(&w, "address", address);
  atr_jw_bool(&w, "known", known);
  event_end(c, &w, NULL);
}

void link_forget(atr_client *c, const cJSON *message)
{
  char why[ATR_ADDRESS_TEXT_BYTES + 64] = "", text[ATR_ADDRESS_TEXT_BYTES];
  atr_address address;
  const char *host;
  int err;

  if (atr_json_get_str(message, "host", &host) < 0) {
    event_error(c, ATR_INVAL, NULL, "forget_host", NULL);
    return;
  }
  err = atr_address_parse(host, strlen(host), ATR_PORT_DEFAULT, &address, why, sizeof why);
  if (err == ATR_OK) {
    atr_address_shown(&address, text);
    err = atr_pins_forget(c->home, text);
    snprintf(why, sizeof why, "The key of %s could not be forgotten: %s", text, atr_err_text(err));
  }
  if (err < 0 && err != ATR_NOENT) {
    event_error(c, err, why, "forget_host", NULL);
    return;
  }
  if (err == ATR_OK)
    atr_log(ATR_LOG_INFO, "the key of %s is forgotten", text);
  tell_forgotten(c, text, err == ATR_OK);
}
