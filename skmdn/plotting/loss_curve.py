"""The losses during training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skmdn.plotting.axes import BLACK, PALE, STYLES, axes_for, line_kwargs
from skmdn.plotting.legend import draw_legend

_FINE = "fine-tuning at a low rate,\nfrom the best checkpoint"


class LossCurveDisplay:
    """Training and validation loss against passes over the data.

    Towards the end the training goes back to its best checkpoint, and fine-tunes it at a low
    learning rate for two more checkpoints: there the training loss jumps. That part is shaded.

    Where networks of folds have taught the model, its `validation_loss_curve_` is theirs, and not
    drawn: it belongs to other passes.

    Make one with :meth:`from_estimator`, which needs no data: a fitted model keeps its curves.

    Parameters
    ----------
    loss : array-like of shape (n_iter,)
        Mean negative log-likelihood of each pass.
    validation_loss : array-like of shape (n_checkpoints,), default=()
        The same of the validation part: before training, and at every checkpoint.
    fine_tuning_start : float or None, default=None
        Passes made before the fine-tuning began; None without a fine-tuning.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        The axes and figure drawn into.
    line_, validation_line_ : matplotlib Line2D
        The curves; the second is None without a validation part.
    fine_tuning_ : matplotlib artist or None
        The shade of the fine-tuning.

    Examples
    --------
    >>> from skmdn.plotting import LossCurveDisplay
    >>> display = LossCurveDisplay([1.5, 0.9, 0.8], [1.6, 1.0])
    >>> display.loss
    array([1.5, 0.9, 0.8])
    """

    def __init__(
        self,
        loss: ArrayLike,
        validation_loss: ArrayLike = (),
        fine_tuning_start: float | None = None,
    ) -> None:
        self.loss = np.asarray(loss, dtype=np.float64)
        self.validation_loss = np.asarray(validation_loss, dtype=np.float64)
        self.fine_tuning_start = fine_tuning_start

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **kwargs: Any) -> LossCurveDisplay:
        """Draw the curves of a fitted model.

        Parameters
        ----------
        estimator : estimator object
            A fitted `MDNRegressor`, or a Pipeline or search that ends in one.
        ax, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If the model has no curve.
        """
        model = _innermost(estimator)
        check_is_fitted(model)
        if not hasattr(model, "loss_curve_"):
            raise ValueError(
                "estimator: expected one with loss_curve_, such as a fitted MDNRegressor, "
                f"got {type(model).__name__}."
            )
        is_taught = getattr(model, "n_copies_", 1) > 1
        validation = () if is_taught else getattr(model, "validation_loss_curve_", ())
        start = getattr(model, "fine_tuning_start_", None)
        return cls(model.loss_curve_, validation, start).plot(ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> LossCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw into; None makes a figure.
        **kwargs : dict
            Keywords of ``Axes.plot``, for both curves.

        Returns
        -------
        LossCurveDisplay
        """
        self.ax_ = axes_for(ax)
        self.figure_ = self.ax_.figure
        passes = np.arange(1, len(self.loss) + 1)
        training, validation = STYLES[0], STYLES[1]
        defaults = line_kwargs({"color": training.color, "label": "training"}, kwargs)
        (self.line_,) = self.ax_.plot(passes, self.loss, **defaults)
        self.validation_line_ = None
        if self.validation_loss.size:
            at = self._passes_at_checkpoints()
            defaults = {
                "color": validation.color,
                "linestyle": validation.linestyle,
                "marker": validation.marker,
                "markersize": 4,
                "label": "validation, at checkpoints",
            }
            (self.validation_line_,) = self.ax_.plot(
                at, self.validation_loss, **line_kwargs(defaults, kwargs)
            )
            lowest = int(np.argmin(self.validation_loss))
            defaults = {"mfc": "none", "mec": BLACK, "ms": 11, "ls": "none", "label": "its lowest"}
            self.ax_.plot(at[lowest], self.validation_loss[lowest], "o", **defaults)
        self.fine_tuning_ = None
        if self.fine_tuning_start is not None:
            self.fine_tuning_ = self.ax_.axvspan(
                self.fine_tuning_start, len(self.loss), color=PALE, lw=0, zorder=0, label=_FINE
            )
        self.ax_.set(xlabel="passes over the data", ylabel="negative log-likelihood (nats per row)")
        draw_legend(self.ax_, loc="best")
        return self

    def _passes_at_checkpoints(self) -> np.ndarray:
        """Passes made before every validation; checkpoints are evenly spaced."""
        return np.linspace(0, len(self.loss), len(self.validation_loss))


def _innermost(estimator: Any) -> Any:
    """The model inside Pipelines and searches."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return estimator
