"""Options of the engine for one training, from the settings of the user."""

from skmdn import _engine
from skmdn._calibration import LEAST_LOG_DENSITY
from skmdn._training.settings import Settings

# Part of the steps with a rising learning rate.
WARMUP = 0.05


def training_options(
    settings: Settings,
    *,
    learning_rate: float,
    warmup: float | None = WARMUP,
    n_passes: int | None,
) -> _engine.TrainingOptions:
    """Options of a training at such a largest rate."""
    return _engine.TrainingOptions(
        alpha=settings.alpha,
        learning_rate=learning_rate,
        warmup=warmup,
        max_grad_norm=settings.max_grad_norm,
        batch_size=settings.batch_size,
        n_passes=n_passes,
        average=warmup is None,
        calibrate=settings.calibrate,
        dtype=settings.dtype,
        device=settings.device,
        least_log_density=LEAST_LOG_DENSITY,
    )
