"""Block-diagonal rotations in torch: the Cayley map, and its blocks applied to the last axis."""

from __future__ import annotations

import torch
from torch import Tensor

SPAN = 16
"""Widest run of components that is rotated as one matrix. Blocks of 4 in runs of 16 cost four times the arithmetic and
less time: the rotation is bound by memory traffic, and runs of 16 floats are whole cache lines."""


def cayley(skew: Tensor, dim: int) -> Tensor:
    """Exact Cayley map ``Q = (I - K/2)(I + K/2)^-1`` of real skew-symmetric K.

    Q is orthogonal with determinant 1 and no eigenvalue -1; K = 0 gives the identity exactly. It is computed in
    float64 (float32 on devices without it), so that its defect ``Q^T Q - I`` is that of rounding.

    Args:
        skew: Entries of K above the diagonal, row by row, ``[..., dim (dim - 1) / 2]``.
        dim: Side of the blocks.

    Returns:
        Blocks ``[..., dim, dim]``, float64 where the device has it.
    """
    wide = skew.to(torch.float32 if skew.device.type == "mps" else torch.float64)
    rows, columns = torch.triu_indices(dim, dim, 1, device=wide.device)
    half = wide.new_zeros(*wide.shape[:-1], dim, dim)
    half[..., rows, columns] = wide / 2
    half = half - half.mT
    identity = torch.eye(dim, dtype=wide.dtype, device=wide.device)
    blocks: Tensor = torch.linalg.solve(identity + half, identity - half)  # the two factors commute
    return blocks


def rotate(values: Tensor, blocks: Tensor) -> Tensor:
    """Multiply each run of d components on the last axis by its block, ``y_b = Q_b x_b``.

    Computed in the dtype of the values or float32, whichever is wider, and rounded once.

    Args:
        values: ``[..., n d]``.
        blocks: ``[n, d, d]``.

    Returns:
        Shape and dtype of ``values``.
    """
    number, dim = blocks.shape[:2]
    dtype = torch.promote_types(values.dtype, torch.float32)
    span = next((size for size in (SPAN, 8, 4, 2) if size % dim == 0 and (number * dim) % size == 0), dim)
    runs = _runs(blocks.mT.to(dtype), span // dim)
    flat = values.reshape(-1, len(runs), span).transpose(0, 1).to(dtype)
    return torch.bmm(flat, runs).transpose(0, 1).reshape(values.shape).to(values.dtype)


def _runs(blocks: Tensor, join: int) -> Tensor:
    """Put each ``join`` successive blocks on the diagonal of one matrix."""
    if join == 1:
        return blocks
    number, dim = blocks.shape[:2]
    mask = torch.eye(join, dtype=blocks.dtype, device=blocks.device).view(1, join, 1, join, 1)
    return (blocks.reshape(number // join, join, dim, 1, dim) * mask).reshape(number // join, join * dim, join * dim)
