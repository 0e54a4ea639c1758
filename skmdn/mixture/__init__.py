"""The predictive distribution: one Gaussian mixture for each row."""

from skmdn.mixture.mixture import Mixture

__all__ = ["Mixture"]
