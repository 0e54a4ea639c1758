"""The learning rate of every step."""

import math

# As a part of the largest learning rate; .02 and .1 are as good.
_FINE_TUNING_RATE = 0.05


class Schedule:
    """A linear warm-up over a part of the steps, then a cosine to 0.

    Without warm-up the rate is constant. Steps are counted from `first`.
    """

    def __init__(self, peak: float, warmup: float | None, n_steps: int, first: int = 0) -> None:
        self._peak, self._warmup, self._n_steps, self._first = peak, warmup, n_steps, first

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        if self._warmup is None:
            return self._peak
        made = step - self._first
        rising = min(1.0, (made + 1) / max(1.0, self._warmup * self._n_steps))
        return self._peak * (rising * 0.5 * (1 + math.cos(math.pi * made / self._n_steps)))

    def halved(self) -> "Schedule":
        """The same at half the rate."""
        return Schedule(0.5 * self._peak, self._warmup, self._n_steps, self._first)

    def fine_tuning(self, first: int, n_steps: int) -> "Schedule":
        """Schedule of a fine-tuning: a cosine from a small part of the peak, without a warm-up."""
        return Schedule(_FINE_TUNING_RATE * self._peak, 0.0, n_steps, first)
