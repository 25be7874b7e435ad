"""The gate in front of a compiled kernel."""


cdef class Gate:
    """Calls the compiled function; where it answers NotImplemented, the reference over a namespace.

    A compiled function declines arrays that it is not made for (strided, of mixed dtypes, read-only, ...).
    """
    cdef readonly object compiled
    cdef readonly object reference
    cdef readonly object xp
    cdef dict __dict__          # name, documentation and signature of the reference

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

    def __repr__(self):
        return f"<compiled kernel {self.reference.__name__}>"
