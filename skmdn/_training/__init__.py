"""From an estimator's settings and checked data to a fitted network."""
