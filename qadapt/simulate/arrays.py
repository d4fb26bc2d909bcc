"""Arrays: the few array functions that the simulators need, for NumPy and for torch.

Everything else is written with operators, indexing and in-place arithmetic, which both understand in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.errors import MissingExtraError, NotSupportedError

Array: TypeAlias = Any
"""A NumPy array or a torch tensor."""

NUMPY = "numpy"


@dataclass(frozen=True)
class Arrays:
    """One array library on one device; make it with ``arrays``.

    Attributes:
        module: ``numpy`` or ``torch``.
        device: ``numpy``, or the torch device that holds the arrays.
    """

    module: Any
    device: str

    def put(self, values: NDArray[Any]) -> Array:
        """Bring a float64 or complex128 NumPy array to the device; NumPy keeps it as it is."""
        if self.device == NUMPY:
            return values
        return self.module.tensor(np.ascontiguousarray(values), device=self.device)

    def take(self, array: Array) -> NDArray[Any]:
        """Bring an array back to NumPy."""
        if self.device == NUMPY:
            out: NDArray[Any] = array
            return out
        return np.asarray(array.cpu().numpy())

    def empty(self, shape: Sequence[int], *, complex_: bool) -> Array:
        """Make an uninitialised float64 or complex128 array."""
        dtype = self.module.complex128 if complex_ else self.module.float64
        if self.device == NUMPY:
            return np.empty(shape, dtype)
        return self.module.empty(tuple(shape), dtype=dtype, device=self.device)

    def is_complex(self, array: Array) -> bool:
        """Whether an array is complex."""
        return bool(array.dtype == self.module.complex128)

    def copy(self, array: Array) -> Array:
        """Copy an array."""
        return array.copy() if self.device == NUMPY else array.clone()

    def multiply(self, first: Array, second: Array, out: Array) -> None:
        """Write a product, which may be broadcast, into an existing array."""
        if self.device == NUMPY:
            np.multiply(first, second, out=out)
        else:
            out.copy_(first * second)

    def contiguous(self, array: Array) -> Array:
        """Return an array that lies in memory in C order."""
        return np.ascontiguousarray(array) if self.device == NUMPY else array.contiguous()

    def permute(self, array: Array, axes: Sequence[int]) -> Array:
        """View an array with its axes in another order."""
        return array.transpose(axes) if self.device == NUMPY else array.permute(tuple(axes))


@cache
def arrays(device: str = NUMPY) -> Arrays:
    """Choose the array library: ``"numpy"``, or any other name for torch on that device.

    Raises:
        MissingExtraError: torch is asked for and not installed.
        NotSupportedError: torch does not know or have the device.
    """
    if device == NUMPY:
        _keep_heap()
        return Arrays(np, NUMPY)
    try:
        import torch
    except ImportError:
        raise MissingExtraError(
            f"device {device!r} needs torch, which is not installed", hint="pip install 'qadapt[torch]'"
        ) from None
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise NotSupportedError(
            f"torch cannot use device {device!r}: {error}", capability="device", hint="use 'numpy' or 'cpu'"
        ) from None
    return Arrays(torch, device)


def _keep_heap() -> None:
    """Have the C library keep freed array memory for the next array.

    glibc returns freed memory to the system and faults it in again page by page, which takes longer than the arithmetic
    on it, until the process has once freed a large array; from then on it keeps up to twice that size (``mallopt(3)``,
    ``M_MMAP_THRESHOLD``: the threshold is dynamic and ends at 32 MiB). Elsewhere this does nothing.
    """
    np.empty(2**25 - 2**16, np.uint8)
