"""``autocast``: products of matrices in 16 bits, what needs more digits in float32."""

from __future__ import annotations

import warnings
from typing import Any

from .. import backend
from ..autograd import AutocastState, Mode, autocast_state, set_autocast_state
from ..backend.devices import Device
from ..backend.dtypes import DTYPES, DType, as_dtype, is_low, raw

__all__ = ["autocast", "get_autocast_dtype", "is_autocast_enabled"]


class autocast(Mode):
    """Compute each operation inside in the dtype that suits it; parameters and their gradients stay as they are.

    Of inputs in float32, float16 or bfloat16::

        in ``dtype``    linear, matmul, mm, bmm, mv, addmm, einsum, conv1d, conv2d, attention, rnn, lstm, gru
        in float32      softmax, log_softmax, all losses, layer/group/rms/batch norm, exp, expm1, log, log1p, log2,
                        log10, pow, square, reciprocal, rsqrt, sum, prod, cumsum, cumprod, norm, logsumexp, softplus,
                        tan, sinh, cosh, asin, acos
        as ever         everything else: in the widest dtype of its inputs

    Operations with a float64 input are left alone, and so is what is written in place. Gradients are computed in the
    dtypes of the forward pass, whether ``backward`` is called inside or outside.

    Parameters
    ----------
    device_type : str
        ``"cpu"``, ``"cuda"``, ...: tensors on other devices are left alone.
    dtype : {tp.float16, tp.bfloat16}, optional
        Default bfloat16, on ``"cuda"`` float16.
    enabled : bool, default True
        False leaves every operation inside to its inputs' dtypes, also within an outer ``autocast``.
    cache_enabled : bool, default True
        Whether a parameter's cast is made once and used until the outermost ``autocast`` ends or the parameter is
        written.

    Raises
    ------
    ValueError
        If the dtype is another one.
    TypeError
        On entering, if the backend in use has no such dtype: NumPy has float16, but no bfloat16.

    Notes
    -----
    float16 has no numbers between 0 and 6e-8, and small gradients would be lost: see :class:`GradScaler`. bfloat16 has
    the range of float32 and needs none. The lists are those of PyTorch for CUDA, on every device; batch norm and
    rms norm are in float32 too.

    References
    ----------
    P. Micikevicius et al., "Mixed precision training", ICLR 2018, arXiv:1710.03740.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> model, x = tp.nn.Linear(3, 2), tp.ones(1, 3)
    >>> with tp.autocast(x.device.type, dtype=tp.float16):
    ...     y = model(x)
    ...     p = y.softmax(dim=1)
    >>> y.dtype, p.dtype
    (tiny_pytorch.float16, tiny_pytorch.float32)
    >>> p[0, 0].backward()
    >>> model.weight.dtype, model.weight.grad.dtype
    (tiny_pytorch.float32, tiny_pytorch.float32)
    """

    __slots__ = ("_before", "cache_enabled", "device_type", "dtype", "enabled")

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise TypeError(f"autocast: device_type is a {type(device_type).__name__}; expected 'cpu', 'cuda', ...")
        self.device_type = Device(device_type).type
        self.dtype = _default(self.device_type) if dtype is None else as_dtype(dtype)
        if not is_low(self.dtype):
            raise ValueError(
                f"autocast: dtype is {self.dtype.name}; expected float16 or bfloat16, the dtypes that are faster than "
                "float32. To compute in float32, leave autocast out, or pass enabled=False"
            )
        self.enabled = bool(enabled)
        self.cache_enabled = True if cache_enabled is None else bool(cache_enabled)
        self._before: list[AutocastState] = []

    def __enter__(self) -> autocast:
        before = autocast_state()
        dtypes = {kind: dtype for kind, dtype in before.dtypes.items() if kind != self.device_type}
        if self.enabled and self._present():
            dtypes[self.device_type] = self.dtype
        set_autocast_state(AutocastState(dtypes, self.cache_enabled))
        self._before.append(before)
        return self

    def __exit__(self, *error: object) -> None:
        set_autocast_state(self._before.pop())

    def _copy(self) -> autocast:
        return type(self)(self.device_type, self.dtype, self.enabled, self.cache_enabled)

    def _present(self) -> bool:
        """Whether the backend in use computes on such a device. If it does, it must have the dtype."""
        here = backend.current()
        xp = here.kernels.xp
        own = Device(here.device_of(xp.zeros((), dtype=xp.float32))).type
        if own == self.device_type:
            raw(xp, self.dtype)
            return True
        warnings.warn(
            f"autocast: device_type is {self.device_type!r}, but the backend {here.name} computes on {own!r}: nothing "
            f"is converted. Write tp.autocast({own!r}), or tp.autocast(x.device.type)",
            stacklevel=3,
        )
        return False


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether operations of this thread are autocast, on one type of device or (None) on any.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.is_autocast_enabled()
    False
    """
    dtypes = autocast_state().dtypes
    return bool(dtypes) if device_type is None else Device(device_type).type in dtypes


def get_autocast_dtype(device_type: str) -> DType:
    """The dtype that matrix products are computed in under ``autocast(device_type)``: that of the one around, or the
    default.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.amp.get_autocast_dtype("cuda"), tp.amp.get_autocast_dtype("cpu")
    (tiny_pytorch.float16, tiny_pytorch.bfloat16)
    """
    kind = Device(device_type).type
    return autocast_state().dtypes.get(kind, _default(kind))


def _default(device_type: str) -> DType:
    return DTYPES["float16" if device_type == "cuda" else "bfloat16"]
