/* SPDX-License-Identifier: MIT
 *
 * The check of JSON text: one pass, no tree.
 *
 * Strings are most of the text; they are scanned eight bytes at a time with plain 64-bit arithmetic, and byte by byte
 * only where a quote, an escape or a byte beyond ASCII stands.
 *
 * Duplicate keys: the keys of all open objects lie on one stack, as offsets into the text (or, where a key has escapes,
 * into a buffer with its decoded form, so that "a" and "\u0061" are the same key). A key is compared with those before
 * it in its object while these are few; an object with many is checked at its end with a hash table, seeded so that
 * nobody can choose keys that collide. The stack of the first keys is part of the frame: a small document allocates
 * nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "proto/json.h"

enum {
  KEYS_ON_STACK = 64,
  KEYS_COMPARED = 8 /* measured: 11 keys take the same either way, 21 keys half as long by hashing */
};

struct key {
  uint32_t at;  /* offset of its first byte */
  uint32_t len; /* IN_ARENA is set where the offset is one of the arena */
};

#define IN_ARENA 0x80000000u

struct scan {
  const uint8_t *text, *p, *end;
  struct key *keys, first_keys[KEYS_ON_STACK];
  uint32_t n_keys, keys_cap;
  atr_buf arena; /* decoded keys */
  int depth;
  atr_json_info info;
};

static int scan_value(struct scan *s);

/* --- strings ----------------------------------------------------------------------------------------------------- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Bytes at the head of the next eight that need no look: neither '"' nor '\\', control or non-ASCII. */
static unsigned plain_bytes(const uint8_t *p)
{
  uint64_t w, quote, backslash, special;

  memcpy(&w, p, sizeof w);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  w = __builtin_bswap64(w);
#endif
  quote = w ^ EACH('"');
  backslash = w ^ EACH('\\');
  /* A subtraction sets a byte's top bit where that byte is below; what it borrows spoils only bytes after the first
   * one found, and that is the one that counts. */
  special = ((w - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1)) | w) & EACH(0x80);
  return special ? (unsigned)__builtin_ctzll(special) / 8 : 8;
}

size_t atr_json_plain_run(const uint8_t *p, const uint8_t *end)
{
  const uint8_t *start = p;
  unsigned n = 8;

  while (n == 8 && end - p >= 8) {
    n = plain_bytes(p);
    p += n;
  }
  while (n == 8 && p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
    p++;
  return (size_t)(p - start);
}

/* The four hex digits at p, or -1. */
static int hex4(const uint8_t *p, const uint8_t *end)
{
  uint8_t bytes[2];

  if (end - p < 4 || atr_hex_decode((const char *)p, 4, bytes, 2))
    return -1;
  return bytes[0] << 8 | bytes[1];
}

/* The character that the escape at p stands for (p is at the backslash); *used bytes of text. Negative: an error. */
static int32_t escape(const uint8_t *p, const uint8_t *end, size_t *used)
{
  static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  int unit, low;

  *used = 2;
  if (end - p < 2)
    return ATR_JSON_SYNTAX;
  if (p[1] != 'u') {
    const char *letter = p[1] ? strchr(letters, p[1]) : NULL;

    return letter ? meant[letter - letters] : ATR_JSON_SYNTAX;
  }
  unit = hex4(p + 2, end);
  *used = 6;
  if (unit < 0)
    return ATR_JSON_SYNTAX;
  if (unit == 0)
    return ATR_JSON_NUL;
  if (unit < 0xd800 || unit > 0xdfff)
    return unit;
  /* A pair of surrogates, or nothing. */
  if (unit > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u')
    return ATR_JSON_UTF8;
  low = hex4(p + 8, end);
  *used = 12;
  if (low < 0)
    return ATR_JSON_SYNTAX;
  if (low < 0xdc00 || low > 0xdfff)
    return ATR_JSON_UTF8;
  return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/* One byte or sequence that is not plain; 0 to go on, 1 at the closing quote. */
static int scan_special(struct scan *s, bool *escaped)
{
  uint8_t c = *s->p;
  size_t used;

  if (c == '"')
    return 1;
  if (c == '\\') {
    int32_t character = escape(s->p, s->end, &used);

    if (character < 0)
      return character;
    *escaped = true;
  } else if (c < 0x20) {
    return c ? ATR_JSON_SYNTAX : ATR_JSON_NUL;
  } else if (c >= 0x80) {
    used = atr_utf8_sequence(s->p, s->end);
    if (!used)
      return ATR_JSON_UTF8;
  } else {
    used = 1;
  }
  s->p += used;
  return 0;
}

/* From after the opening quote to after the closing one. */
static int scan_string(struct scan *s, bool *escaped)
{
  int result = 0;

  *escaped = false;
  while (s->p < s->end) {
    s->p += atr_json_plain_run(s->p, s->end);
    if (s->p == s->end)
      break;
    result = scan_special(s, escaped);
    if (result > 0)
      s->p++;
    if (result)
      return result > 0 ? 0 : result;
  }
  return ATR_JSON_SYNTAX;
}

/* --- keys -------------------------------------------------------------------------------------------------------- */

static const uint8_t *key_bytes(const struct scan *s, const struct key *key)
{
  return (key->len & IN_ARENA ? s->arena.data : s->text) + key->at;
}

static uint32_t key_len(const struct key *key)
{
  return key->len & ~IN_ARENA;
}

static bool same_key(const struct scan *s, const struct key *a, const struct key *b)
{
  uint32_t n = key_len(a);

  return n == key_len(b) && memcmp(key_bytes(s, a), key_bytes(s, b), n) == 0;
}

static int append_utf8(atr_buf *out, int32_t c)
{
  uint8_t b[4];
  size_t n = 0;

  if (c < 0x80) {
    b[n++] = (uint8_t)c;
  } else if (c < 0x800) {
    b[n++] = (uint8_t)(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    b[n++] = (uint8_t)(0xe0 | c >> 12);
    b[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
  } else {
    b[n++] = (uint8_t)(0xf0 | c >> 18);
    b[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    b[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
  }
  if (c >= 0x80)
    b[n++] = (uint8_t)(0x80 | (c & 0x3f));
  return atr_buf_append(out, b, n);
}

/* Puts the decoded form of a key with escapes (checked already) into the arena. */
static int decode_key(struct scan *s, const uint8_t *p, const uint8_t *end, struct key *key)
{
  int err = 0;

  key->at = (uint32_t)s->arena.len;
  while (p < end && !err) {
    size_t used = 1;

    if (*p == '\\')
      err = append_utf8(&s->arena, escape(p, end, &used));
    else
      err = atr_buf_append_u8(&s->arena, *p);
    p += used;
  }
  key->len = (uint32_t)(s->arena.len - key->at) | IN_ARENA;
  return err;
}

static int push_key(struct scan *s, const struct key *key)
{
  if (s->n_keys == s->keys_cap) {
    uint32_t cap = s->keys_cap * 4;
    struct key *keys = malloc(cap * sizeof *keys);

    if (!keys)
      return ATR_NOMEM;
    memcpy(keys, s->keys, s->n_keys * sizeof *keys);
    if (s->keys != s->first_keys)
      free(s->keys);
    s->keys = keys;
    s->keys_cap = cap;
  }
  s->keys[s->n_keys++] = *key;
  return 0;
}

/* A key of the object whose first key is `base`: notes it, and compares it while there are few. */
static int scan_key(struct scan *s, uint32_t base)
{
  const uint8_t *start = s->p;
  struct key key;
  bool escaped;
  int err = scan_string(s, &escaped);

  if (err)
    return err;
  key.at = (uint32_t)(start - s->text);
  key.len = (uint32_t)(s->p - 1 - start);
  if (escaped)
    err = decode_key(s, start, s->p - 1, &key);
  if (!err && s->n_keys - base < KEYS_COMPARED)
    for (uint32_t i = base; i < s->n_keys && !err; i++)
      if (same_key(s, &s->keys[i], &key))
        err = ATR_JSON_DUPKEY;
  return err ? err : push_key(s, &key);
}

/* The keys of an object with many, at its end: an open-addressed table of their indices plus one. */
static int check_many_keys(struct scan *s, uint32_t base)
{
  size_t n = s->n_keys - base, size = 64;
  uint64_t seed = atr_hash_seed();
  uint32_t *table;
  int err = 0;

  while (size < 2 * n)
    size *= 2;
  table = calloc(size, sizeof *table);
  if (!table)
    return ATR_NOMEM;
  for (uint32_t i = base; i < s->n_keys && !err; i++) {
    const struct key *key = &s->keys[i];
    size_t slot = atr_xxh64_seeded(key_bytes(s, key), key_len(key), seed) & (size - 1);

    while (table[slot] && !same_key(s, &s->keys[table[slot] - 1], key))
      slot = (slot + 1) & (size - 1);
    if (table[slot])
      err = ATR_JSON_DUPKEY;
    table[slot] = i + 1;
  }
  free(table);
  return err;
}

/* --- numbers and words ------------------------------------------------------------------------------------------- */

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end)
{
  while (p < end && (unsigned)(*p - '0') <= 9)
    p++;
  return p;
}

/* Whether an integer without fraction and exponent is within +-2^53. */
static bool small_integer(const uint8_t *digits, size_t n)
{
  uint64_t v = 0;

  if (n <= 15)
    return true;
  if (n > 16)
    return false;
  for (size_t i = 0; i < n; i++)
    v = v * 10 + (uint64_t)(digits[i] - '0');
  return v <= (uint64_t)ATR_JSON_INT_MAX;
}

/* Whether the mantissa (digits, perhaps with a point) times 10^exponent is a finite double: compared as text with the
 * largest one, 1.7976931348623157e308, so that neither strtod nor the process's locale is needed. */
static bool is_finite(const uint8_t *mantissa, const uint8_t *end, ptrdiff_t whole_digits, long exponent)
{
  static const char largest[] = "17976931348623157";
  long first = (long)whole_digits - 1 + exponent; /* power of ten of the first digit */
  const uint8_t *p = mantissa;

  if (first < 308) /* leading zeros only make it smaller */
    return true;
  for (; p < end && (*p == '0' || *p == '.'); p++)
    if (*p == '0')
      first--;
  if (p == end || first != 308)
    return p == end || first < 308;
  for (const char *l = largest; *l; l++, p++) {
    if (p < end && *p == '.')
      p++;
    uint8_t digit = p < end ? *p : '0';

    if (digit != (uint8_t)*l)
      return digit < (uint8_t)*l;
  }
  return true;
}

/* From after the 'e'; NULL where no digit follows. Exponents far beyond a double's all count as 10,000. */
static const uint8_t *scan_exponent(const uint8_t *p, const uint8_t *end, long *exponent)
{
  bool negative = p < end && *p == '-';
  const uint8_t *digits;

  if (p < end && (*p == '-' || *p == '+'))
    p++;
  digits = p;
  p = skip_digits(p, end);
  if (p == digits)
    return NULL;
  for (; digits < p && *exponent < 10000; digits++)
    *exponent = *exponent * 10 + (*digits - '0');
  if (negative)
    *exponent = -*exponent;
  return p;
}

/* Bytes that a number prints as (number.c), at most; without its sign. */
static size_t printed_bytes(const uint8_t *mantissa, const uint8_t *end, ptrdiff_t whole_digits, long exponent)
{
  long first = (long)whole_digits - 1 + exponent, digits = 0, zeros = 0;
  const uint8_t *p = mantissa;
  bool nines;

  for (; p < end && (*p == '0' || *p == '.'); p++)
    first -= *p == '0';
  nines = p < end && *p == '9';
  for (; p < end; p++) {
    digits += *p != '.' && *p != '0' ? zeros + 1 : 0;
    zeros = *p == '0' ? zeros + 1 : *p == '.' ? zeros : 0;
  }
  if (!digits)
    return 3; /* 0.0, where it has a sign */
  digits = digits < 17 ? digits : 17;
  if (first < -4 || first > 15)
    return (size_t)(digits + (digits > 1) + (first < -99 || first > 99 ? 5 : 4));
  if (first < 0)
    return (size_t)(1 - first + digits);
  if (digits > first + 1)
    return (size_t)(digits + 1);
  return (size_t)(first + 1 + (first == 15 && nines ? 2 : 0)); /* above 2^53, 9.007e15, with .0 */
}

/* It prints as itself, or shorter; but 1e15 as 1000000000000000. */
static void add_growth(struct scan *s, size_t source, size_t printed)
{
  if (printed > source)
    s->info.printed += printed - source;
}

static int scan_number(struct scan *s)
{
  const uint8_t *start = s->p, *p = s->p, *whole, *whole_end, *mantissa_end;
  long exponent = 0;
  bool integer = true;

  if (*p == '-')
    p++;
  whole = p;
  p = whole_end = skip_digits(p, s->end);
  if (p == whole || (*whole == '0' && p - whole > 1))
    return ATR_JSON_SYNTAX;
  if (p < s->end && *p == '.') {
    const uint8_t *fraction = ++p;

    p = skip_digits(p, s->end);
    if (p == fraction)
      return ATR_JSON_SYNTAX;
    integer = false;
  }
  mantissa_end = p;
  if (p < s->end && (*p | 0x20) == 'e') {
    p = scan_exponent(p + 1, s->end, &exponent);
    if (!p)
      return ATR_JSON_SYNTAX;
    integer = false;
  }
  if (p - start > ATR_JSON_NUMBER_BYTES_MAX)
    return ATR_JSON_NUMBER;
  s->p = p;
  if (!integer || (*start == '-' && *whole == '0'))
    add_growth(s, (size_t)(p - whole), printed_bytes(whole, mantissa_end, whole_end - whole, exponent));
  if (integer)
    return small_integer(whole, (size_t)(p - whole)) ? 0 : ATR_JSON_NUMBER;
  return is_finite(whole, mantissa_end, whole_end - whole, exponent) ? 0 : ATR_JSON_NUMBER;
}

static int scan_word(struct scan *s, const char *word, size_t n)
{
  if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
    return ATR_JSON_SYNTAX;
  s->p += n;
  return 0;
}

/* --- structure --------------------------------------------------------------------------------------------------- */

static void skip_space(struct scan *s)
{
  while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
    s->p++;
}

/* Takes `c` where it is next, white space before it included. */
static bool take(struct scan *s, uint8_t c)
{
  if (s->p<s->end && * s->p> ' ') /* the usual case: no white space at all */
    return *s->p == c ? (s->p++, true) : false;
  skip_space(s);
  if (s->p >= s->end || *s->p != c)
    return false;
  s->p++;
  return true;
}

static int enter(struct scan *s)
{
  if (++s->depth > ATR_JSON_DEPTH_MAX)
    return ATR_JSON_DEPTH;
  if ((uint32_t)s->depth > s->info.depth)
    s->info.depth = (uint32_t)s->depth;
  return 0;
}

static int scan_object(struct scan *s)
{
  uint32_t base = s->n_keys;
  size_t arena_base = s->arena.len;
  int err = enter(s);

  if (err)
    return err;
  if (!take(s, '}')) {
    do {
      if (!take(s, '"'))
        return ATR_JSON_SYNTAX;
      err = scan_key(s, base);
      if (!err && !take(s, ':'))
        err = ATR_JSON_SYNTAX;
      if (!err)
        err = scan_value(s);
      if (err)
        return err;
    } while (take(s, ','));
    if (!take(s, '}'))
      return ATR_JSON_SYNTAX;
  }
  if (s->n_keys - base > KEYS_COMPARED)
    err = check_many_keys(s, base);
  s->n_keys = base;
  atr_buf_truncate(&s->arena, arena_base);
  s->depth--;
  return err;
}

static int scan_array(struct scan *s)
{
  int err = enter(s);

  if (err)
    return err;
  if (!take(s, ']')) {
    skip_space(s);
    if (s->end - s->p >= 2 && s->p[0] == '"' && s->p[1] == '$')
      s->info.tags = true;
    /* An escaped '$' is one too. */
    if (s->end - s->p >= 7 && memcmp(s->p, "\"\\u0024", 7) == 0)
      s->info.tags = true;
    do {
      uint32_t nulls = s->info.nulls;
      bool may_be_null;

      skip_space(s);
      may_be_null = s->p < s->end && *s->p == 'n';
      err = scan_value(s);
      if (err)
        return err;
      if (may_be_null)
        s->info.array_nulls += s->info.nulls - nulls;
    } while (take(s, ','));
    if (!take(s, ']'))
      return ATR_JSON_SYNTAX;
  }
  s->depth--;
  return 0;
}

static enum atr_json_kind kind_at(const struct scan *s)
{
  switch (*s->p) {
  case '{':
    return ATR_KIND_OBJECT;
  case '[':
    return ATR_KIND_ARRAY;
  case '"':
    return ATR_KIND_STRING;
  case 't':
  case 'f':
    return ATR_KIND_BOOL;
  case 'n':
    return ATR_KIND_NULL;
  default:
    return ATR_KIND_NUMBER;
  }
}

static int scan_value(struct scan *s)
{
  bool escaped;

  skip_space(s);
  if (s->p == s->end)
    return ATR_JSON_SYNTAX;
  s->info.values++;
  switch (kind_at(s)) {
  case ATR_KIND_OBJECT:
    s->p++;
    return scan_object(s);
  case ATR_KIND_ARRAY:
    s->p++;
    return scan_array(s);
  case ATR_KIND_STRING:
    s->p++;
    return scan_string(s, &escaped);
  case ATR_KIND_BOOL:
    return *s->p == 't' ? scan_word(s, "true", 4) : scan_word(s, "false", 5);
  case ATR_KIND_NULL:
    s->info.nulls++;
    return scan_word(s, "null", 4);
  case ATR_KIND_NUMBER:
    return *s->p ? scan_number(s) : ATR_JSON_NUL;
  }
  return ATR_JSON_SYNTAX;
}

static int scan_text(struct scan *s)
{
  int err;

  skip_space(s);
  if (s->p < s->end)
    s->info.kind = kind_at(s);
  err = scan_value(s);
  skip_space(s);
  if (!err && s->p < s->end)
    err = *s->p ? ATR_JSON_SYNTAX : ATR_JSON_NUL;
  return err;
}

int atr_json_check(const char *text, size_t len, atr_json_info *info)
{
  struct scan s;
  int err;

  if (len > ATR_MESSAGE_BYTES_MAX)
    return ATR_MESSAGE_SIZE;
  s.text = s.p = (const uint8_t *)text;
  s.end = s.p + len;
  s.keys = s.first_keys;
  s.keys_cap = KEYS_ON_STACK;
  s.n_keys = 0;
  s.depth = 0;
  s.info = (atr_json_info){.kind = ATR_KIND_NULL, .printed = len};
  atr_buf_init(&s.arena, ATR_MESSAGE_BYTES_MAX);
  err = scan_text(&s);
  s.info.error_at = (size_t)(s.p - s.text);
  if (s.keys != s.first_keys)
    free(s.keys);
  atr_buf_free(&s.arena);
  if (info)
    *info = s.info;
  return err;
}
