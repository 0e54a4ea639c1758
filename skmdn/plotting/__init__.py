"""Pictures of predicted densities: Display objects like those of scikit-learn.

``from_estimator`` and ``from_predictions`` compute and draw. The object keeps the arrays, which
``plot`` can draw again, and the artists. matplotlib is imported only when something is drawn.
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
