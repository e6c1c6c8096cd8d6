/* SPDX-License-Identifier: MIT
 *
 * What the C files of the Python module share: the state of one module object, and errors.
 *
 * The module follows the stable ABI of Python 3.11: multi-phase initialisation, heap types, no Python object in a static, so it may be loaded
 * by every later Python and by several interpreters at once. Those of 3.12 and later that have a GIL of their own get an ImportError: a module
 * says that it serves them by a slot that this stable ABI does not have. */
#ifndef ATR_PYMOD_MODULE_H
#define ATR_PYMOD_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/id.h"
#include "base/mem.h"

typedef struct module_state {
  PyObject *error;      /* AtriumError */
  PyTypeObject *blob;   /* Blob */
  PyTypeObject *engine; /* Engine */
  PyTypeObject *server; /* Server */
} module_state;

extern PyType_Spec atr_py_error_spec;
extern PyType_Spec atr_py_blob_spec;
extern PyType_Spec atr_py_engine_spec;
extern PyType_Spec atr_py_server_spec;

/* The state, from an object of one of the module's types. */
module_state *atr_py_state_of(PyObject *self);

/* The one place where an error number becomes an exception: MemoryError for ATR_NOMEM, else AtriumError with `text`, or with the error's own
 * sentence where `text` is NULL or empty. Returns NULL. */
PyObject *atr_py_raise(module_state *state, int err, const char *text);

/* A Blob that takes over one reference. */
PyObject *atr_py_blob_new(module_state *state, const atr_hash *hash, atr_bytes *bytes);

/* Keeps the log's lines from now on, and `log_poll`: what was kept. */
void atr_py_log_start(void);
PyObject *atr_py_log_poll(PyObject *module, PyObject *unused);

/* str of lower-case hexadecimal digits. */
PyObject *atr_py_hash_text(const atr_hash *hash);

/* Below this many bytes hashing takes less time than giving up and taking back the GIL under contention. */
#define ATR_PY_GIL_BYTES 65536

#endif
