/* SPDX-License-Identifier: MIT
 *
 * Engine: the client engine as a Python object.
 *
 * The GIL makes the callers one, which is what the two rings need; nothing here blocks while holding it. Two methods give it up: wait(),
 * which sleeps, and put_blob(), which hashes. Another thread may call close() meanwhile, so after taking the GIL back both look
 * again whether the engine is still there, and close() first lets every wait() return. A signal's handler runs inside of wait(), and may close the engine
 * too: no wait() is under way for that moment. What runs code of the caller's (an argument's __index__) comes before the client is looked up.
 *
 * A fork takes the object along, but not the thread behind it: in the child the client is let go of as it is, for nobody would answer, nor ever end.
 *
 * The numbers of `doc` events need no code here beyond passing events on: client.c remembers the last one that poll took. */
#include "pymod/module.h"

#include "base/error.h"
#include "base/hash.h"
#include "client/client.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* Most events per poll; a caller that asks for more gets these and polls again. */
#define POLL_MAX 4096

/* wait() sleeps in slices, so that Ctrl-C is answered. */
#define WAIT_SLICE_MS 200

typedef struct engine {
  PyObject_HEAD atr_client *client; /* NULL once closed */
  int waiters;                      /* calls of wait() that are under way */
  uv_pid_t pid;                     /* of the process that has the thread */
  char check_code[ATR_CHECK_CODE_BYTES];
  atr_hash key;
  atr_id participant;
} engine;

/* The client, or NULL with an exception. */
static atr_client *client_of(PyObject *self)
{
  engine *e = (engine *)self;

  if (e->client && e->pid != uv_os_getpid()) {
    atr_py_raise(atr_py_state_of(self), ATR_STATE, "The engine belongs to the process that opened it: open one here.");
    return NULL;
  }
  if (!e->client)
    atr_py_raise(atr_py_state_of(self), ATR_STATE, "The engine is closed.");
  return e->client;
}

static int open_client(engine *self, const char *home, int interactive, Py_ssize_t slots, module_state *state)
{
  const char *trust = getenv("ATRIUM_TRUST");
  atr_client_config config = {
      .home = home,
      .interactive = interactive != 0,
      .first_use = trust && strcmp(trust, "first-use") == 0,
      .queue_slots = (size_t)slots,
  };
  char why[512] = "";
  int err;

  self->pid = uv_os_getpid();
  Py_BEGIN_ALLOW_THREADS;
  err = atr_client_new(&self->client, &config, why, sizeof why);
  Py_END_ALLOW_THREADS;
  if (err == ATR_OK)
    err = atr_check_code(atr_identity_spki(atr_client_identity(self->client)), self->check_code);
  if (err < 0) {
    atr_py_raise(state, err, why);
    return -1;
  }
  self->key = *atr_identity_key(atr_client_identity(self->client));
  self->participant = *atr_client_participant(self->client);
  return 0;
}

static PyObject *new (PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
  static char *names[] = {"home", "interactive", "queue_slots", NULL};
  allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  const char *home;
  int interactive = 0;
  Py_ssize_t slots = 0;
  engine *self;

  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$pn:Engine", names, &home, &interactive, &slots))
    return NULL;
  if (slots < 0) {
    PyErr_SetString(PyExc_ValueError, "queue_slots is negative");
    return NULL;
  }
  self = (engine *)alloc(type, 0);
  if (self && open_client(self, home, interactive, slots, PyType_GetModuleState(type)) < 0)
    Py_CLEAR(self);
  return (PyObject *)self;
}

static void close_client(engine *self)
{
  atr_client *client = self->client;

  if (!client)
    return;
  self->client = NULL;
  if (self->pid != uv_os_getpid())
    return;
  while (self->waiters > 0) {
    atr_client_interrupt(client);
    Py_BEGIN_ALLOW_THREADS;
    Py_END_ALLOW_THREADS;
  }
  Py_BEGIN_ALLOW_THREADS;
  atr_client_free(client);
  Py_END_ALLOW_THREADS;
}

static PyObject *close_method(PyObject *self, PyObject *unused)
{
  (void)unused;
  close_client((engine *)self);
  Py_RETURN_NONE;
}

static void dealloc(PyObject *self)
{
  PyTypeObject *type = Py_TYPE(self);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

  close_client((engine *)self);
  release(self);
  Py_DECREF(type);
}

static PyObject *send_method(PyObject *self, PyObject *message)
{
  atr_client *client = client_of(self);
  const char *text;
  char *bytes;
  Py_ssize_t n;
  int err;

  if (!client)
    return NULL;
  if (PyUnicode_Check(message)) {
    text = PyUnicode_AsUTF8AndSize(message, &n);
  } else {
    text = PyBytes_AsStringAndSize(message, &bytes, &n) < 0 ? NULL : bytes;
  }
  if (!text)
    return NULL;
  err = atr_client_send(client, text, (size_t)n);
  if (err == ATR_FULL)
    Py_RETURN_FALSE;
  if (err < 0)
    return atr_py_raise(atr_py_state_of(self), err, NULL);
  Py_RETURN_TRUE;
}

/* A list of the texts. Frees every event, also on failure. */
static PyObject *list_of(atr_client_event **events, size_t n)
{
  PyObject *list = PyList_New(0);

  for (size_t i = 0; i < n; i++) {
    PyObject *text = list ? PyUnicode_DecodeUTF8(events[i]->json, (Py_ssize_t)events[i]->len, "replace") : NULL;

    if (list && (!text || PyList_Append(list, text) < 0))
      Py_CLEAR(list);
    Py_XDECREF(text);
    free(events[i]);
  }
  return list;
}

static PyObject *poll_method(PyObject *self, PyObject *args)
{
  atr_client_event **events;
  atr_client *client;
  PyObject *list;
  Py_ssize_t max = 256;

  if (!PyArg_ParseTuple(args, "|n:poll", &max) || !(client = client_of(self)))
    return NULL;
  if (max < 1)
    return PyList_New(0);
  if (max > POLL_MAX)
    max = POLL_MAX;
  events = PyMem_Malloc((size_t)max * sizeof(atr_client_event *));
  if (!events)
    return PyErr_NoMemory();
  list = list_of(events, atr_client_poll(client, events, (size_t)max));
  PyMem_Free(events);
  return list;
}

static PyObject *wait_method(PyObject *self, PyObject *timeout)
{
  engine *e = (engine *)self;
  double left_ms = PyFloat_AsDouble(timeout) * 1000;
  bool found = false;

  if (PyErr_Occurred() || !client_of(self))
    return NULL;
  while (e->client && !found) {
    atr_client *client = e->client;
    uint32_t slice_ms = left_ms > WAIT_SLICE_MS ? WAIT_SLICE_MS : left_ms > 0 ? (uint32_t)(left_ms + 0.5) : 0;

    e->waiters++;
    Py_BEGIN_ALLOW_THREADS;
    found = atr_client_wait(client, slice_ms);
    Py_END_ALLOW_THREADS;
    e->waiters--;
    left_ms -= WAIT_SLICE_MS;
    if (PyErr_CheckSignals() < 0 || !(left_ms > 0)) /* also where it is no number */
      break;
  }
  return PyErr_Occurred() ? NULL : PyBool_FromLong(found);
}

/* Copies and hashes without the GIL. NULL when memory is short or the hash failed (*err). */
static atr_bytes *copy_and_hash(const Py_buffer *view, atr_hash *hash, int *err)
{
  atr_bytes *bytes;

  Py_BEGIN_ALLOW_THREADS;
  bytes = atr_bytes_copy(view->buf, (size_t)view->len);
  *err = bytes ? atr_sha256_of(atr_bytes_data(bytes), atr_bytes_len(bytes), hash) : ATR_NOMEM;
  Py_END_ALLOW_THREADS;
  return bytes;
}

static PyObject *put_blob(PyObject *self, PyObject *data)
{
  atr_client *client;
  Py_buffer view;
  atr_bytes *bytes;
  atr_hash hash;
  int err;

  if (!client_of(self) || PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
    return NULL;
  bytes = copy_and_hash(&view, &hash, &err);
  PyBuffer_Release(&view);
  client = client_of(self);
  if (!client || err < 0) {
    atr_bytes_release(bytes);
    return client ? atr_py_raise(atr_py_state_of(self), err, NULL) : NULL;
  }
  err = atr_client_put_blob(client, &hash, bytes);
  if (err == ATR_FULL)
    Py_RETURN_NONE;
  if (err < 0)
    return atr_py_raise(atr_py_state_of(self), err, NULL);
  return atr_py_hash_text(&hash);
}

static PyObject *get_blob(PyObject *self, PyObject *name)
{
  atr_client *client = client_of(self);
  atr_bytes *bytes;
  const char *text;
  Py_ssize_t n;
  atr_hash hash;

  if (!client || !(text = PyUnicode_AsUTF8AndSize(name, &n)))
    return NULL;
  if (atr_hash_from_hex(text, (size_t)n, &hash) < 0) {
    PyErr_SetString(PyExc_ValueError, "a blob's name has 64 hexadecimal digits");
    return NULL;
  }
  bytes = atr_client_blob(client, &hash);
  if (!bytes)
    Py_RETURN_NONE;
  return atr_py_blob_new(atr_py_state_of(self), &hash, bytes);
}

static PyObject *get_key(PyObject *self, void *closure)
{
  (void)closure;
  return atr_py_hash_text(&((engine *)self)->key);
}

static PyObject *get_check_code(PyObject *self, void *closure)
{
  (void)closure;
  return PyUnicode_FromString(((engine *)self)->check_code);
}

static PyObject *get_participant(PyObject *self, void *closure)
{
  char hex[ATR_ID_HEX + 1];

  (void)closure;
  atr_id_to_hex(&((engine *)self)->participant, hex);
  return PyUnicode_FromStringAndSize(hex, ATR_ID_HEX);
}

static PyMethodDef methods[] = {
    {"send", send_method, METH_O, "Queues one command. False: the queue is full, nothing was taken."},
    {"poll", poll_method, METH_VARARGS, "Takes at most `max` events, oldest first. Never waits."},
    {"wait", wait_method, METH_O, "Sleeps until an event can be polled (True) or the time is over (False)."},
    {"put_blob", put_blob, METH_O, "Copies the bytes once and gives their SHA-256 in hex; None: the queue is full."},
    {"blob", get_blob, METH_O, "The bytes of a blob, or None."},
    {"close", close_method, METH_NOARGS, "Ends the thread and waits for it. May be called again."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"key", get_key, NULL, "SHA-256 of this home's public key.", NULL},
    {"check_code", get_check_code, NULL, "The check code of that key.", NULL},
    {"participant", get_participant, NULL, "The id of this engine in rooms.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     "Engine(home, *, interactive=False, queue_slots=65536): a participant with a network thread of its own."},
    {Py_tp_new, new},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {0, NULL},
};

PyType_Spec atr_py_engine_spec = {
    .name = "atrium._core.Engine",
    .basicsize = sizeof(engine),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
