/* SPDX-License-Identifier: MIT
 *
 * AtriumError(code, text): every error of the engine in Python.
 *
 * The exception keeps its two arguments where every exception keeps them, in `args`, and reads them from there: it pickles and copies like
 * any other, and needs no fields of its own, which the stable ABI does not allow for a subclass of Exception. */
#include "pymod/module.h"

#include "base/error.h"

module_state *atr_py_state_of(PyObject *self)
{
  return PyType_GetModuleState(Py_TYPE(self));
}

PyObject *atr_py_raise(module_state *state, int err, const char *text)
{
  PyObject *args;

  if (err == ATR_NOMEM)
    return PyErr_NoMemory();
  args = Py_BuildValue("(ss)", atr_err_name(err), text && *text ? text : atr_err_text(err));
  if (args) {
    PyErr_SetObject(state->error, args);
    Py_DECREF(args);
  }
  return NULL;
}

PyObject *atr_py_hash_text(const atr_hash *hash)
{
  char hex[ATR_HASH_HEX + 1];

  atr_hash_to_hex(hash, hex);
  return PyUnicode_FromStringAndSize(hex, ATR_HASH_HEX);
}

/* One of the two arguments. Subclasses and copies may have been made with others: then the empty string. */
static PyObject *argument(PyObject *self, Py_ssize_t i)
{
  PyObject *args = PyObject_GetAttrString(self, "args");
  PyObject *value;

  if (!args)
    return NULL;
  if (PyTuple_Check(args) && PyTuple_Size(args) > i)
    value = Py_NewRef(PyTuple_GetItem(args, i));
  else
    value = PyUnicode_FromStringAndSize("", 0);
  Py_DECREF(args);
  return value;
}

static PyObject *get_code(PyObject *self, void *closure)
{
  (void)closure;
  return argument(self, 0);
}

static PyObject *get_text(PyObject *self, void *closure)
{
  (void)closure;
  return argument(self, 1);
}

static PyObject *str(PyObject *self)
{
  PyObject *text = argument(self, 1);
  PyObject *string = text ? PyObject_Str(text) : NULL;

  Py_XDECREF(text);
  return string;
}

static PyGetSetDef getset[] = {
    {"code", get_code, NULL, "The error's name, as in csrc/base/error.h.", NULL},
    {"text", get_text, NULL, "One sentence for a person.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "AtriumError(code, text): a named error of the engine."},
    {Py_tp_getset, getset},
    {Py_tp_str, str},
    {0, NULL},
};

PyType_Spec atr_py_error_spec = {
    .name = "atrium._core.AtriumError",
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};
