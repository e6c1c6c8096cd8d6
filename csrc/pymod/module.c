/* SPDX-License-Identifier: MIT
 *
 * atrium._core: the module object, its functions, and the making of its types.
 *
 * Hashing runs without the GIL where the bytes are many: Blender's main thread calls it, but so do scripts with threads. */
#include "pymod/module.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/version.h"
#include "server/command.h"
#include "transport/address.h"
#include "transport/invite.h"

static PyObject *fingerprint(PyObject *module, PyObject *data)
{
  Py_buffer view;
  uint64_t value;

  (void)module;
  if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
    return NULL;
  if (view.len < ATR_PY_GIL_BYTES) {
    value = atr_xxh64(view.buf, (size_t)view.len);
  } else {
    Py_BEGIN_ALLOW_THREADS;
    value = atr_xxh64(view.buf, (size_t)view.len);
    Py_END_ALLOW_THREADS;
  }
  PyBuffer_Release(&view);
  return PyLong_FromUnsignedLongLong(value);
}

static PyObject *sha256(PyObject *module, PyObject *data)
{
  Py_buffer view;
  atr_hash hash;
  int err;

  if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
    return NULL;
  Py_BEGIN_ALLOW_THREADS;
  err = atr_sha256_of(view.buf, (size_t)view.len, &hash);
  Py_END_ALLOW_THREADS;
  PyBuffer_Release(&view);
  if (err < 0)
    return atr_py_raise(PyModule_GetState(module), err, NULL);
  return atr_py_hash_text(&hash);
}

/* The engine's UTF-8 has no half surrogates, Python's texts may: they are no part of an invite nor of an address, and count as any other character. */
static PyObject *utf8_of(PyObject *string)
{
  return PyUnicode_AsEncodedString(string, "utf-8", "surrogatepass");
}

static PyObject *find_invite(PyObject *module, PyObject *string)
{
  PyObject *bytes = utf8_of(string);
  const char *text, *found;
  Py_ssize_t at = -1;

  (void)module;
  if (!bytes)
    return NULL;
  text = PyBytes_AsString(bytes);
  found = atr_invite_find(text, (size_t)PyBytes_Size(bytes));
  if (found) {
    at = 0;
    for (const char *p = text; p < found; p++)
      at += ((unsigned char)*p & 0xc0) != 0x80; /* characters, not bytes */
  }
  Py_DECREF(bytes);
  return PyLong_FromSsize_t(at);
}

/* As the command `connect` reads what is no invite. */
static int read_host(const char *host, size_t n, uint16_t port, atr_address *out, char *why, size_t why_bytes)
{
  return atr_invite_is_in(host, n) ? ATR_INVITE : atr_address_parse(host, n, port, out, why, why_bytes);
}

static PyObject *read_address(PyObject *module, PyObject *args)
{
  char text[ATR_ADDRESS_TEXT_BYTES], why[256] = "";
  PyObject *string, *bytes, *typed;
  atr_address address;
  unsigned short port;
  int err;

  if (!PyArg_ParseTuple(args, "UH:read_address", &string, &port))
    return NULL;
  bytes = utf8_of(string);
  if (!bytes)
    return NULL;
  err = read_host(PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes), port, &address, why, sizeof why);
  Py_DECREF(bytes);
  if (err < 0)
    return atr_py_raise(PyModule_GetState(module), err, why);
  atr_address_text(&address, text);
  typed = address.has_port ? PyLong_FromLong(address.port) : Py_NewRef(Py_None);
  return Py_BuildValue("(ssNNN)", text, address.host, typed,
                       PyBool_FromLong(address.carrier == ATR_CARRIER_TCP && atr_address_is_loopback(&address)),
                       PyBool_FromLong(address.kind == ATR_ADDRESS_NAME));
}

/* The arguments as C strings, valid as long as `tuple` lives. NULL with an exception set. */
static const char **strings_of(PyObject *tuple, Py_ssize_t n)
{
  const char **strings = PyMem_Calloc((size_t)n + 1, sizeof *strings);

  if (!strings) {
    PyErr_NoMemory();
    return NULL;
  }
  for (Py_ssize_t i = 0; i < n; i++) {
    strings[i] = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(tuple, i), NULL);
    if (!strings[i]) {
      PyMem_Free(strings);
      return NULL;
    }
  }
  return strings;
}

static PyObject *server_main(PyObject *module, PyObject *argv)
{
  PyObject *tuple = PySequence_Tuple(argv);
  const char **args;
  Py_ssize_t n;
  int status;

  (void)module;
  if (!tuple)
    return NULL;
  n = PyTuple_Size(tuple);
  args = strings_of(tuple, n);
  if (!args) {
    Py_DECREF(tuple);
    return NULL;
  }
  Py_BEGIN_ALLOW_THREADS;
  status = atr_server_command((int)n, args);
  Py_END_ALLOW_THREADS;
  PyMem_Free(args);
  Py_DECREF(tuple);
  return PyLong_FromLong(status);
}

static int add_type(PyObject *module, PyType_Spec *spec, PyObject *base, PyTypeObject **out)
{
  *out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, base);
  return *out ? PyModule_AddType(module, *out) : -1;
}

static int exec_module(PyObject *module)
{
  module_state *state = PyModule_GetState(module);

  if (atr_crypto_init() < 0) {
    PyErr_SetString(PyExc_ImportError, "OpenSSL or libsodium could not be prepared");
    return -1;
  }
  if (add_type(module, &atr_py_error_spec, PyExc_Exception, (PyTypeObject **)&state->error) < 0 ||
      add_type(module, &atr_py_blob_spec, NULL, &state->blob) < 0 ||
      add_type(module, &atr_py_engine_spec, NULL, &state->engine) < 0 ||
      add_type(module, &atr_py_server_spec, NULL, &state->server) < 0)
    return -1;
  atr_py_log_start();
  if (PyModule_AddIntConstant(module, "PASTED_BYTES_MAX", ATR_PASTED_BYTES_MAX) < 0)
    return -1;
  return PyModule_AddStringConstant(module, "__version__", atr_version());
}

static int traverse_module(PyObject *module, visitproc visit, void *arg)
{
  module_state *state = PyModule_GetState(module);

  Py_VISIT(state->error);
  Py_VISIT(state->blob);
  Py_VISIT(state->engine);
  Py_VISIT(state->server);
  return 0;
}

static int clear_module(PyObject *module)
{
  module_state *state = PyModule_GetState(module);

  Py_CLEAR(state->error);
  Py_CLEAR(state->blob);
  Py_CLEAR(state->engine);
  Py_CLEAR(state->server);
  return 0;
}

static void free_module(void *module)
{
  clear_module(module);
}

static PyMethodDef functions[] = {
    {"fingerprint", fingerprint, METH_O, "XXH3-64 of the bytes: for comparing only."},
    {"sha256", sha256, METH_O, "SHA-256 in hex: the name that put_blob would give."},
    {"find_invite", find_invite, METH_O,
     "Where in this text an invite begins: the first whole one, else what looks like a damaged one or a piece of one; "
     "-1: there is none."},
    {"read_address", read_address, METH_VARARGS,
     "What the Host box means, read as `connect` reads it; the port counts where none was typed. (address, host, port "
     "that "
     "was typed or None, whether it is this machine, whether the host is a name)."},
    {"log_poll", atr_py_log_poll, METH_NOARGS, "Takes the lines of the log: (Unix time, level, text). Never waits."},
    {"server_main", server_main, METH_O,
     "Runs the command atrium-server with these arguments; returns its exit status."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, exec_module},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,          .m_name = "atrium._core", .m_doc = "The Atrium engine.",
    .m_size = sizeof(module_state), .m_methods = functions,   .m_slots = slots,
    .m_traverse = traverse_module,  .m_clear = clear_module,  .m_free = free_module,
};

PyMODINIT_FUNC PyInit__core(void); /* Python declares it for nobody else */

PyMODINIT_FUNC PyInit__core(void)
{
  return PyModuleDef_Init(&definition);
}
