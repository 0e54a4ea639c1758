"""Lower triangular factors of covariances of chosen or reordered outputs."""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray


def lower_factor(rows: FloatArray) -> FloatArray:
    """Lower triangular R, positive on the diagonal, with R Rᵀ = A Aᵀ for rows A ``(..., m, D)``.

    By a QR decomposition of Aᵀ, which never squares the condition number.
    """
    upper = np.linalg.qr(rows.swapaxes(-1, -2), mode="r")
    signs = np.sign(np.diagonal(upper, axis1=-2, axis2=-1))
    return np.asarray((upper * signs[..., np.newaxis]).swapaxes(-1, -2), dtype=np.float64)
