"""What predicted densities look like: Display objects as scikit-learn's.

``from_estimator`` and ``from_predictions`` compute and draw; the object keeps the arrays, so that
``plot`` draws them again, and the artists. matplotlib is imported only when something is drawn.
"""

from skmdn.plotting.components import ComponentsDisplay
from skmdn.plotting.conditional_density import ConditionalDensityDisplay
from skmdn.plotting.coverage import CoverageDisplay
from skmdn.plotting.loss_curve import LossCurveDisplay
from skmdn.plotting.pit import PITDisplay
from skmdn.plotting.predictive_density import PredictiveDensityDisplay

__all__ = [
    "ComponentsDisplay",
    "ConditionalDensityDisplay",
    "CoverageDisplay",
    "LossCurveDisplay",
    "PITDisplay",
    "PredictiveDensityDisplay",
]
