/* SPDX-License-Identifier: MIT
 *
 * A value is a head byte, then:
 *
 *   0x80 | n      the integer n, 0 ... 127
 *   NUMBER_INT    an integer, zigzag and 7 bits a byte
 *   NUMBER_F32    a number that a float holds exactly, as most of Blender's are; NUMBER_F64 any other
 *   STRING        length, bytes
 *   ARRAY         count, values
 *   OBJECT        count, then per member key and value
 *
 * A key is the number of its word plus 1, or 0 and then length and bytes. Lengths, counts and numbers of words take 7 bits a byte. */
#include "proto/compact.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/table.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum head {
  HEAD_NULL,
  HEAD_FALSE,
  HEAD_TRUE,
  NUMBER_INT,
  NUMBER_F32,
  NUMBER_F64,
  STRING,
  ARRAY,
  OBJECT,
  SMALL_INT = 0x80,
};

/* --- words ------------------------------------------------------------------------------------------------------- */

typedef struct word {
  UT_hash_handle hh;
  uint32_t number;
  char text[];
} word;

struct atr_words {
  word *table;
  word **by_number;
  uint32_t n, cap;
  size_t bytes;
};

atr_words *atr_words_new(void)
{
  return calloc(1, sizeof(atr_words));
}

void atr_words_free(atr_words *words)
{
  word *w, *tmp;

  if (!words)
    return;
  HASH_ITER (hh, words->table, w, tmp) {
    HASH_DEL(words->table, w);
    free(w);
  }
  free(words->by_number);
  free(words);
}

size_t atr_words_count(const atr_words *words)
{
  return words->n;
}

size_t atr_words_memory(const atr_words *words)
{
  return sizeof *words + words->cap * sizeof(*words->by_number) + words->bytes + HASH_OVERHEAD(hh, words->table);
}

/* Keys of items are random hexadecimal digits: no document has another's. */
static bool may_be_word(const char *text, size_t len)
{
  enum { RANDOM_DIGITS = 8 };

  return len <= ATR_WORD_BYTES_MAX &&
         !(text[0] == '@' && len > RANDOM_DIGITS && strspn(text + 1, "0123456789abcdef") == len - 1);
}

static word *add_word(atr_words *words, const char *text, size_t len)
{
  word *w;

  if (words->n == ATR_WORDS_MAX)
    return NULL;
  if (words->n == words->cap) {
    uint32_t cap = words->cap ? words->cap * 2 : 256;
    word **grown = realloc(words->by_number, cap * sizeof(*grown));

    if (!grown)
      return NULL;
    words->by_number = grown;
    words->cap = cap;
  }
  w = malloc(sizeof *w + len + 1);
  if (!w)
    return NULL;
  memcpy(w->text, text, len + 1);
  w->number = words->n;
  HASH_ADD(hh, words->table, text, len, w);
  if (!atr_table_added(w)) {
    free(w);
    return NULL;
  }
  words->by_number[words->n++] = w;
  words->bytes += sizeof *w + len + 1;
  return w;
}

/* NULL: it must stand in the text. */
static const word *word_of(atr_words *words, const char *text, size_t len)
{
  word *w;

  if (!may_be_word(text, len))
    return NULL;
  HASH_FIND(hh, words->table, text, len, w);
  return w ? w : add_word(words, text, len);
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static int put_varint(atr_buf *out, uint64_t v)
{
  uint8_t bytes[10];
  size_t n = 0;

  for (; v >= 0x80; v >>= 7)
    bytes[n++] = (uint8_t)(v | 0x80);
  bytes[n++] = (uint8_t)v;
  return atr_buf_append(out, bytes, n);
}

static int put_text(atr_buf *out, const char *text, size_t len)
{
  int err = put_varint(out, len);

  return err ? err : atr_buf_append(out, text, len);
}

static bool is_integer(double v)
{
  return v >= -ATR_JSON_INT_MAX && v <= ATR_JSON_INT_MAX && v == (double)(int64_t)v && !(v == 0 && signbit(v));
}

static int put_number(atr_buf *out, double v)
{
  uint64_t bits;
  uint32_t bits32;
  float f;
  int err;

  if (!isfinite(v))
    return ATR_JSON_NUMBER;
  if (is_integer(v)) {
    int64_t i = (int64_t)v;

    if (i >= 0 && i < SMALL_INT)
      return atr_buf_append_u8(out, (uint8_t)(SMALL_INT | i));
    err = atr_buf_append_u8(out, NUMBER_INT);
    return err ? err : put_varint(out, i < 0 ? ~((uint64_t)i << 1) : (uint64_t)i << 1);
  }
  f = fabs(v) <= (double)FLT_MAX ? (float)v : 0;
  if ((double)f == v) {
    memcpy(&bits32, &f, sizeof f);
    err = atr_buf_append_u8(out, NUMBER_F32);
    return err ? err : atr_buf_append_u32(out, bits32);
  }
  memcpy(&bits, &v, sizeof v);
  err = atr_buf_append_u8(out, NUMBER_F64);
  return err ? err : atr_buf_append_u64(out, bits);
}

static int put_key(atr_words *words, atr_buf *out, const char *key)
{
  size_t len = strlen(key);
  const word *w = word_of(words, key, len);
  int err = put_varint(out, w ? (uint64_t)w->number + 1 : 0);

  return err || w ? err : put_text(out, key, len);
}

static int put_value(atr_words *words, const cJSON *v, atr_buf *out, int depth);

static int put_children(atr_words *words, const cJSON *v, atr_buf *out, int depth)
{
  bool keys = cJSON_IsObject(v);
  const cJSON *child;
  uint64_t n = 0;
  int err;

  if (depth >= ATR_JSON_DEPTH_MAX)
    return ATR_JSON_DEPTH;
  cJSON_ArrayForEach (child, v)
    n++;
  err = put_varint(out, n);
  for (child = v->child; child && !err; child = child->next) {
    err = keys ? put_key(words, out, child->string) : 0;
    if (!err)
      err = put_value(words, child, out, depth + 1);
  }
  return err;
}

static int put_value(atr_words *words, const cJSON *v, atr_buf *out, int depth)
{
  int err;

  switch (v->type & 0xff) {
  case cJSON_NULL:
    return atr_buf_append_u8(out, HEAD_NULL);
  case cJSON_False:
    return atr_buf_append_u8(out, HEAD_FALSE);
  case cJSON_True:
    return atr_buf_append_u8(out, HEAD_TRUE);
  case cJSON_Number:
    return put_number(out, v->valuedouble);
  case cJSON_String:
    err = atr_buf_append_u8(out, STRING);
    return err ? err : put_text(out, v->valuestring, strlen(v->valuestring));
  case cJSON_Array:
  case cJSON_Object:
    err = atr_buf_append_u8(out, cJSON_IsArray(v) ? ARRAY : OBJECT);
    return err ? err : put_children(words, v, out, depth);
  default:
    return ATR_JSON_TYPE;
  }
}

int atr_compact_write(atr_words *words, const cJSON *tree, atr_buf *out)
{
  size_t before = out->len;
  int err = put_value(words, tree, out, 0);

  if (err)
    atr_buf_truncate(out, before);
  return err;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static uint64_t get_varint(atr_rd *rd)
{
  uint64_t v = 0;

  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint8_t byte = atr_rd_u8(rd);

    v |= (uint64_t)(byte & 0x7fu) << shift;
    if (byte < 0x80)
      return v;
  }
  rd->err = ATR_PROTO;
  return 0;
}

/* A copy with a terminator, as cJSON wants it; NULL when memory is short or the bytes are no text of ours. */
static char *get_text(atr_rd *rd)
{
  uint64_t len = get_varint(rd);
  atr_span bytes = atr_rd_bytes(rd, len > rd->left ? rd->left + 1 : (size_t)len);
  char *text = rd->err ? NULL : malloc(bytes.n + 1);

  if (!text)
    return NULL;
  if (bytes.n)
    memcpy(text, bytes.p, bytes.n);
  text[bytes.n] = 0;
  return text;
}

static char *get_key(const atr_words *words, atr_rd *rd)
{
  uint64_t number = get_varint(rd);

  if (rd->err || !number)
    return get_text(rd);
  if (number > words->n) {
    rd->err = ATR_PROTO;
    return NULL;
  }
  return strdup(words->by_number[number - 1]->text);
}

static double only_finite(atr_rd *rd, double v)
{
  if (isfinite(v))
    return v;
  rd->err = ATR_PROTO;
  return 0;
}

static double get_float(atr_rd *rd)
{
  uint32_t bits = atr_rd_u32(rd);
  float f;

  memcpy(&f, &bits, sizeof f);
  return only_finite(rd, (double)f);
}

static double get_double(atr_rd *rd)
{
  uint64_t bits = atr_rd_u64(rd);
  double v;

  memcpy(&v, &bits, sizeof v);
  return only_finite(rd, v);
}

static double get_integer(atr_rd *rd)
{
  uint64_t v = get_varint(rd);

  return (double)(int64_t)(v & 1 ? ~(v >> 1) : v >> 1);
}

static cJSON *get_string(atr_rd *rd)
{
  char *text = get_text(rd);
  cJSON *s = text ? cJSON_CreateNull() : NULL;

  if (!s) {
    free(text);
    return NULL;
  }
  s->type = cJSON_String;
  s->valuestring = text;
  return s;
}

static cJSON *get_value(const atr_words *words, atr_rd *rd, int depth);

/* As cJSON_AddItemToArray and -ToObject, which would copy the key. */
static void append(cJSON *parent, cJSON *child, char *key)
{
  cJSON *first = parent->child;

  child->string = key;
  if (!first) {
    parent->child = child;
    child->prev = child;
    return;
  }
  child->prev = first->prev;
  first->prev->next = child;
  first->prev = child;
}

static cJSON *get_children(const atr_words *words, atr_rd *rd, cJSON *parent, bool keys, int depth)
{
  uint64_t n = get_varint(rd);

  for (; parent && n && !rd->err && depth < ATR_JSON_DEPTH_MAX; n--) {
    char *key = keys ? get_key(words, rd) : NULL;
    cJSON *child = key || !keys ? get_value(words, rd, depth + 1) : NULL;

    if (!child) {
      free(key);
      break;
    }
    append(parent, child, key);
  }
  if (!n && !rd->err)
    return parent;
  cJSON_Delete(parent);
  return NULL;
}

static cJSON *get_value(const atr_words *words, atr_rd *rd, int depth)
{
  uint8_t head = atr_rd_u8(rd);

  if (head >= SMALL_INT)
    return cJSON_CreateNumber(head - SMALL_INT);
  switch (head) {
  case HEAD_NULL:
    return rd->err ? NULL : cJSON_CreateNull();
  case HEAD_FALSE:
  case HEAD_TRUE:
    return cJSON_CreateBool(head == HEAD_TRUE);
  case NUMBER_INT:
    return cJSON_CreateNumber(get_integer(rd));
  case NUMBER_F32:
    return cJSON_CreateNumber(get_float(rd));
  case NUMBER_F64:
    return cJSON_CreateNumber(get_double(rd));
  case STRING:
    return get_string(rd);
  case ARRAY:
    return get_children(words, rd, cJSON_CreateArray(), false, depth);
  case OBJECT:
    return get_children(words, rd, cJSON_CreateObject(), true, depth);
  default:
    rd->err = ATR_PROTO;
    return NULL;
  }
}

int atr_compact_read(const atr_words *words, atr_span bytes, cJSON **out)
{
  atr_rd rd = atr_rd_of(bytes.p, bytes.n);
  cJSON *tree = get_value(words, &rd, 0);

  *out = NULL;
  if (!tree)
    return rd.err ? ATR_INVAL : ATR_NOMEM;
  if (atr_rd_end(&rd)) {
    cJSON_Delete(tree);
    return ATR_INVAL;
  }
  *out = tree;
  return 0;
}
