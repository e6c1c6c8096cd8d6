/* SPDX-License-Identifier: MIT
 *
 * The engine's log for Python.
 *
 * Lines come from the threads of engines and servers, which must never touch Python. They are kept here, the newest ATR_LOG_KEPT_MAX of
 * them, until somebody who has the GIL anyway takes them (atrium.engine does whenever it polls, and passes them to `logging`).
 * A short lock is all that the two sides share. The log is that of the process, so there is one list whatever the number of engines. */
#include "pymod/module.h"

#include "base/limits.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef struct line {
  struct line *next;
  double unix_s;
  enum atr_log_level level;
  char text[];
} line;

static struct {
  uv_once_t once;
  uv_mutex_t lock; /* of what follows */
  line *first, **end;
  size_t n;
  unsigned long long lost; /* lines that had to go since the last poll */
} kept = {.once = UV_ONCE_INIT};

static void init_kept(void)
{
  uv_mutex_init(&kept.lock);
  kept.end = &kept.first;
}

static double now_s(void)
{
  uv_timeval64_t now;

  return uv_gettimeofday(&now) == 0 ? (double)now.tv_sec + now.tv_usec * 1e-6 : 0;
}

/* @locality any thread */
static void keep(void *ctx, enum atr_log_level level, const char *text)
{
  size_t n = strlen(text) + 1;
  line *l = malloc(sizeof *l + n), *oldest = NULL;

  (void)ctx;
  if (!l)
    return;
  l->next = NULL;
  l->level = level;
  l->unix_s = now_s();
  memcpy(l->text, text, n);
  uv_mutex_lock(&kept.lock);
  *kept.end = l;
  kept.end = &l->next;
  if (kept.n == ATR_LOG_KEPT_MAX) {
    oldest = kept.first;
    kept.first = oldest->next;
    kept.lost++;
  } else {
    kept.n++;
  }
  uv_mutex_unlock(&kept.lock);
  free(oldest);
}

void atr_py_log_start(void)
{
  static const atr_log_sink sink = {ATR_LOG_INFO, keep, NULL};

  uv_once(&kept.once, init_kept);
  atr_log_set_sink(&sink);
}

static line *take_all(unsigned long long *lost)
{
  line *all;

  uv_mutex_lock(&kept.lock);
  all = kept.first;
  *lost = kept.lost;
  kept.first = NULL;
  kept.end = &kept.first;
  kept.n = 0;
  kept.lost = 0;
  uv_mutex_unlock(&kept.lock);
  return all;
}

static int append(PyObject *list, double unix_s, const char *level, const char *text)
{
  PyObject *string = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
  PyObject *entry = string ? Py_BuildValue("(dsN)", unix_s, level, string) : NULL;
  int err = entry ? PyList_Append(list, entry) : -1;

  Py_XDECREF(entry);
  return err;
}

PyObject *atr_py_log_poll(PyObject *module, PyObject *unused)
{
  unsigned long long lost;
  line *l = take_all(&lost);
  PyObject *list = PyList_New(0);
  char text[64];

  (void)module;
  (void)unused;
  snprintf(text, sizeof text, "%llu older lines were not taken in time", lost);
  if (list && lost && append(list, l->unix_s, "warning", text) < 0)
    Py_CLEAR(list);
  while (l) {
    line *next = l->next;

    if (list && append(list, l->unix_s, atr_log_level_name(l->level), l->text) < 0)
      Py_CLEAR(list);
    free(l);
    l = next;
  }
  return list;
}
