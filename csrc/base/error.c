/* SPDX-License-Identifier: MIT
 *
 * The error list as a table. One expansion of ATR_ERRORS gives both columns; a number is turned into an
 * index by its distance from the first one. */
#include "base/error.h"

#include <stddef.h>
#include <string.h>

struct row {
  const char *name;
  const char *text;
};

static const struct row rows[] = {
#define X(name, text) {#name, text},
    ATR_ERRORS(X)
#undef X
};

_Static_assert(ATR_ERR_ABOVE_LAST_ < -1000, "error numbers must stay clear of libuv's");

static const struct row *row_of(int err)
{
  if (err <= ATR_ERR_BELOW_FIRST_ || err >= ATR_ERR_ABOVE_LAST_)
    return NULL;
  return &rows[err - ATR_ERR_BELOW_FIRST_ - 1];
}

const char *atr_err_name(int err)
{
  const struct row *row = row_of(err);

  if (err == ATR_OK)
    return "OK";
  return row ? row->name : "UNKNOWN";
}

int atr_err_from_name(const char *name)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].name, name) == 0)
      return ATR_ERR_BELOW_FIRST_ + 1 + (int)i;
  return strcmp(name, "OK") == 0 ? ATR_OK : ATR_PROTO;
}

const char *atr_err_text(int err)
{
  const struct row *row = row_of(err);

  if (err == ATR_OK)
    return "It worked.";
  return row ? row->text : "An unknown error happened.";
}
