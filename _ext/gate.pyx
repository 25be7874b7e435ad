"""The gate in front of a compiled kernel."""


cdef class Gate:
    """Calls the compiled function; where it answers NotImplemented, the reference over a namespace.

    A compiled function declines arrays that it is not made for (strided, of mixed dtypes, read-only, ...).
    """
    cdef readonly object compiled
    cdef readonly object reference
    cdef readonly object xp

    def __init__(self, compiled, reference, xp):
        self.compiled = compiled
        self.reference = reference
        self.xp = xp

    def __call__(self, *args, **kwargs):
        cdef object result
        if not kwargs:
            result = self.compiled(*args)
            if result is not NotImplemented:
                return result
        return self.reference(self.xp, *args, **kwargs)

    @property
    def __name__(self):
        return self.reference.__name__

    @property
    def __doc__(self):
        return self.reference.__doc__

    @property
    def __signature__(self):
        import inspect

        signature = inspect.signature(self.reference)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __repr__(self):
        return f"<compiled kernel {self.reference.__name__}>"
