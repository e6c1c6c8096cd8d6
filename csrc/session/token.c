/* SPDX-License-Identifier: MIT
 *
 * See token.h. A folder "tokens" with a file per key; each holds the token in hex, and nothing else. */
#include "session/token.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "session/file.h"

#include <stdio.h>
#include <string.h>

static int path_of(char out[ATR_PATH_BYTES], const char *home, const atr_hash *key, char *why, size_t why_bytes)
{
  char folder[ATR_PATH_BYTES], hex[ATR_HASH_HEX + 1];
  int err = atr_file_path(folder, home, "tokens", why, why_bytes);

  atr_hash_to_hex(key, hex);
  return err ? err : atr_file_path(out, folder, hex, why, why_bytes);
}

int atr_token_read(const char *home, const atr_hash *key, char hex[ATR_TOKEN_HEX + 1], char *why, size_t why_bytes)
{
  char path[ATR_PATH_BYTES];
  uint8_t token[ATR_TOKEN_BYTES];
  atr_buf text;
  int err = path_of(path, home, key, why, why_bytes);

  if (err)
    return err;
  atr_buf_init(&text, ATR_KIB(4));
  err = atr_file_read(path, ATR_FILE_PRIVATE, &text, why, why_bytes);
  if (!err && (text.len < ATR_TOKEN_HEX || atr_hex_decode((char *)text.data, ATR_TOKEN_HEX, token, sizeof token) < 0))
    err = ATR_NOENT;
  if (!err)
    atr_hex_encode(token, sizeof token, hex);
  if (text.data)
    atr_wipe(text.data, text.len);
  atr_wipe(token, sizeof token);
  atr_buf_free(&text);
  return err;
}

int atr_token_write(const char *home, const atr_hash *key, const uint8_t token[ATR_TOKEN_BYTES], char *why,
                    size_t why_bytes)
{
  char path[ATR_PATH_BYTES], folder[ATR_PATH_BYTES], hex[ATR_TOKEN_HEX + 1];
  int err = path_of(path, home, key, why, why_bytes);

  if (!err)
    err = atr_file_path(folder, home, "tokens", why, why_bytes);
  if (!err)
    err = atr_file_folder(folder, why, why_bytes);
  atr_hex_encode(token, ATR_TOKEN_BYTES, hex);
  if (!err)
    err = atr_file_replace(path, atr_span_of(hex, ATR_TOKEN_HEX), why, why_bytes);
  atr_wipe(hex, sizeof hex);
  return err;
}
