"""Lower triangular factors of the covariances of some or of reordered outputs."""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray


def lower_factor(rows: FloatArray) -> FloatArray:
    """Lower triangular R with a positive diagonal and R Rᵀ = A Aᵀ; A is ``(..., m, D)``.

    Computed by a QR decomposition of Aᵀ, which does not square the condition number.
    """
    upper = np.linalg.qr(rows.swapaxes(-1, -2), mode="r")
    signs = np.sign(np.diagonal(upper, axis1=-2, axis2=-1))
    return np.asarray((upper * signs[..., np.newaxis]).swapaxes(-1, -2), dtype=np.float64)
