"""The predictive distribution: one Gaussian mixture per row, and everything one asks of it."""

from skmdn.mixture.mixture import Mixture

__all__ = ["Mixture"]
