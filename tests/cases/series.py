"""Rows in the order of time."""

import math

import numpy as np


def series(n, phi=0.9, seed=0):
    """A stationary autoregression of first order with variance one."""
    noise = np.random.default_rng(seed).normal(size=n)
    values = np.empty(n)
    values[0] = noise[0]
    for t in range(1, n):
        values[t] = phi * values[t - 1] + math.sqrt(1 - phi**2) * noise[t]
    return values
