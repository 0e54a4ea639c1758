"""The architecture of a network: everything but its weights."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """Sizes and functions of a network: plain values, kept by a fitted estimator as a dict."""

    n_components: int
    covariance_type: str
    hidden_layer_sizes: tuple[int, ...]
    activation: str
    scale_floor: float  # of every scale, for standardised targets
    n_atoms: int = 0  # values of y with a probability of their own
