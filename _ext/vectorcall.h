/* How extension types are called: what Cython has no words for. */
#ifndef TP_VECTORCALL_H
#define TP_VECTORCALL_H

#include <Python.h>

/* Calls without a tuple of arguments (PEP 590). `offset` is where the instances keep their vectorcallfunc. */
static void tp_enable_vectorcall(PyTypeObject *type, Py_ssize_t offset)
{
    type->tp_vectorcall_offset = offset;
    type->tp_call = PyVectorcall_Call;
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    PyType_Modified(type);
}

/* What calling an instance does, of this type and of the classes derived from it: these take it from the descriptor
 * `__call__`, which Python made of the type's first tp_call. */
static void tp_set_call(PyTypeObject *type, ternaryfunc call)
{
    PyObject *descriptor = PyDict_GetItemString(type->tp_dict, "__call__");
    if (descriptor != NULL && Py_TYPE(descriptor) == &PyWrapperDescr_Type)
        ((PyWrapperDescrObject *)descriptor)->d_wrapped = (void *)call;
    type->tp_call = call;
    PyType_Modified(type);
}

/* What calling the type itself does; its subclasses keep their own constructors. */
static void tp_set_constructor(PyTypeObject *type, vectorcallfunc make)
{
    type->tp_vectorcall = make;
    PyType_Modified(type);
}

/* `x.f(y)` calls f(x, y) of a callable in the class without an object for `x.f` in between. */
static void tp_enable_method(PyTypeObject *type)
{
    type->tp_flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
    PyType_Modified(type);
}

#endif
