/* SPDX-License-Identifier: MIT
 *
 * Blob: immutable bytes of the engine, read by Python in place through the buffer protocol.
 *
 * A Blob is one more owner of the engine's block, so it stays valid after the engine has dropped or closed; the bytes are never
 * copied and never change, so no lock is needed. */
#include "pymod/module.h"

typedef struct blob {
  PyObject_HEAD atr_hash hash;
  atr_bytes *bytes;
} blob;

PyObject *atr_py_blob_new(module_state *state, const atr_hash *hash, atr_bytes *bytes)
{
  allocfunc alloc = (allocfunc)PyType_GetSlot(state->blob, Py_tp_alloc);
  blob *self = (blob *)alloc(state->blob, 0);

  if (!self) {
    atr_bytes_release(bytes);
    return NULL;
  }
  self->hash = *hash;
  self->bytes = bytes;
  return (PyObject *)self;
}

static void dealloc(PyObject *self)
{
  PyTypeObject *type = Py_TYPE(self);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

  atr_bytes_release(((blob *)self)->bytes);
  release(self);
  Py_DECREF(type);
}

static int get_buffer(PyObject *self, Py_buffer *view, int flags)
{
  const blob *b = (blob *)self;

  /* The cast drops const; the last argument but one says read-only, and PyBuffer_FillInfo refuses whoever wants to write. */
  return PyBuffer_FillInfo(view, self, (void *)(uintptr_t)atr_bytes_data(b->bytes), (Py_ssize_t)atr_bytes_len(b->bytes),
                           1, flags);
}

static Py_ssize_t length(PyObject *self)
{
  return (Py_ssize_t)atr_bytes_len(((blob *)self)->bytes);
}

static PyObject *get_hash(PyObject *self, void *closure)
{
  (void)closure;
  return atr_py_hash_text(&((blob *)self)->hash);
}

static PyGetSetDef getset[] = {
    {"hash", get_hash, NULL, "SHA-256 of the bytes, in hex.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "An immutable run of bytes, read through the buffer protocol without a copy."},
    {Py_tp_dealloc, dealloc},
    {Py_tp_getset, getset},
    {Py_bf_getbuffer, get_buffer},
    {Py_sq_length, length},
    {0, NULL},
};

PyType_Spec atr_py_blob_spec = {
    .name = "atrium._core.Blob",
    .basicsize = sizeof(blob),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
