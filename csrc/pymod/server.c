/* SPDX-License-Identifier: MIT
 *
 * Server: a server on a thread of this process.
 *
 * What can fail (key, files, port) fails in start(), on the caller's thread; the server's own thread only runs the loop. close() ends and joins
 * it without the GIL; a second call, or one from another thread meanwhile, finds nothing left to do. */
#include "pymod/module.h"

#include "base/error.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef struct server {
  PyObject_HEAD atr_server *server; /* NULL before start and from the beginning of close() on */
  char *home;
  char *data;
  char *bind;
  atr_hash *allow;
  size_t n_allow;
  uv_pid_t pid;  /* of the process that has the thread */
  bool starting; /* start() is under way, and close() has not been called since */
  double idle_exit_min;
  int open;
  int discovery;
  int map_port;
  int looks_only;
  int port;
  atr_hash key;
} server;

/* Copies the hex keys of a sequence. 0, or -1 with an exception. */
static int copy_allow(server *self, PyObject *keys)
{
  Py_ssize_t n = keys ? PySequence_Size(keys) : 0;

  if (n < 0)
    return -1;
  self->allow = calloc((size_t)n + 1, sizeof *self->allow);
  if (!self->allow) {
    PyErr_NoMemory();
    return -1;
  }
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *item = PySequence_GetItem(keys, i);
    Py_ssize_t len = 0;
    const char *text = item ? PyUnicode_AsUTF8AndSize(item, &len) : NULL;
    int err = text ? atr_hash_from_hex(text, (size_t)len, &self->allow[i]) : -1;

    Py_XDECREF(item);
    if (err < 0) {
      if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "a key in `allow` has 64 hexadecimal digits");
      return -1;
    }
  }
  self->n_allow = (size_t)n;
  return 0;
}

static PyObject *new (PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
  static char *names[] = {"home",          "port",      "bind",     "data",       "open", "allow",
                          "idle_exit_min", "discovery", "map_port", "looks_only", NULL};
  allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  const char *home = NULL, *bind = "::", *data = NULL;
  PyObject *allow = NULL;
  server *self = (server *)alloc(type, 0);

  if (!self)
    return NULL;
  self->port = 12800;
  self->discovery = 1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$siszpOdppp:Server", names, &home, &self->port, &bind, &data,
                                   &self->open, &allow, &self->idle_exit_min, &self->discovery, &self->map_port,
                                   &self->looks_only))
    goto Exit;
  if (!home || self->port < 0 || self->port > 65535 || !(self->idle_exit_min >= 0) ||
      self->idle_exit_min > UINT32_MAX / 60000) {
    PyErr_SetString(PyExc_ValueError, !home ? "home is missing" : "port or idle_exit_min is out of range");
    goto Exit;
  }
  self->home = strdup(home);
  self->bind = strdup(bind);
  self->data = data ? strdup(data) : NULL;
  if (!self->home || !self->bind || (data && !self->data))
    PyErr_NoMemory();
  else if (copy_allow(self, allow) == 0)
    return (PyObject *)self;
Exit:
  Py_DECREF(self);
  return NULL;
}

static PyObject *start(PyObject *self, PyObject *unused)
{
  server *s = (server *)self;
  atr_server_config config = {
      .home = s->home,
      .data = s->data,
      .bind = s->bind,
      .port = (uint16_t)s->port,
      .open = s->open != 0,
      .no_discovery = s->discovery == 0,
      .map_port = s->map_port != 0,
      .looks_only = s->looks_only != 0,
      .allow = s->allow,
      .n_allow = s->n_allow,
      .idle_exit_ms = (uint32_t)(s->idle_exit_min * 60000),
  };
  char why[512] = "";
  atr_server *made = NULL;
  int err;

  (void)unused;
  if (s->server || s->starting)
    return atr_py_raise(atr_py_state_of(self), ATR_STATE, "The server is running.");
  s->starting = true;
  Py_BEGIN_ALLOW_THREADS;
  err = atr_server_new(&made, &config, why, sizeof why);
  Py_END_ALLOW_THREADS;
  if (err == ATR_OK && !s->starting) { /* close() came meanwhile, from another thread */
    err = ATR_STATE;
    snprintf(why, sizeof why, "The server was closed while it started.");
  }
  s->starting = false;
  if (err == ATR_OK)
    err = atr_server_start(made);
  if (err < 0) {
    atr_server_free(made);
    return atr_py_raise(atr_py_state_of(self), err, why[0] ? why : NULL);
  }
  s->server = made;
  s->pid = uv_os_getpid();
  s->port = atr_server_port(made);
  s->key = *atr_server_key(made);
  Py_RETURN_NONE;
}

static void close_server(server *self)
{
  atr_server *running = self->server;

  self->starting = false;
  if (!running)
    return;
  self->server = NULL;
  if (self->pid != uv_os_getpid()) /* forked: its thread is the parent's */
    return;
  Py_BEGIN_ALLOW_THREADS;
  atr_server_free(running);
  Py_END_ALLOW_THREADS;
}

static PyObject *close_method(PyObject *self, PyObject *unused)
{
  (void)unused;
  close_server((server *)self);
  Py_RETURN_NONE;
}

static void dealloc(PyObject *self)
{
  PyTypeObject *type = Py_TYPE(self);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  server *s = (server *)self;

  close_server(s);
  free(s->home);
  free(s->data);
  free(s->bind);
  free(s->allow);
  release(self);
  Py_DECREF(type);
}

static PyObject *get_port(PyObject *self, void *closure)
{
  (void)closure;
  return PyLong_FromLong(((server *)self)->port);
}

static PyObject *get_key(PyObject *self, void *closure)
{
  (void)closure;
  return atr_py_hash_text(&((server *)self)->key);
}

static PyObject *get_running(PyObject *self, void *closure)
{
  server *s = (server *)self;

  (void)closure;
  return PyBool_FromLong(s->server && s->pid == uv_os_getpid() && atr_server_running(s->server));
}

static PyMethodDef methods[] = {
    {"start", start, METH_NOARGS, "Binds and listens; returns when clients can connect."},
    {"close", close_method, METH_NOARGS, "Says goodbye to all, ends the thread and waits for it. May be called again."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"port", get_port, NULL, "The port, also where 0 was asked for.", NULL},
    {"key", get_key, NULL, "SHA-256 of the server's public key, once started.", NULL},
    {"running", get_running, NULL, "True from start until it ends.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A server on a thread of this process."},
    {Py_tp_new, new},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {0, NULL},
};

PyType_Spec atr_py_server_spec = {
    .name = "atrium._core.Server",
    .basicsize = sizeof(server),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
