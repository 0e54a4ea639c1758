"""Regions and intervals with guaranteed coverage, by conformal calibration of densities."""

from skmdn.conformal.regressor import ConformalMDNRegressor

__all__ = ["ConformalMDNRegressor"]

# Pickles name the class by its public path, whatever file it lives in later.
ConformalMDNRegressor.__module__ = __name__
