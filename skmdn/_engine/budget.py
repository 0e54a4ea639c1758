"""How long to train and how many checkpoints: the recipe's rules, from the number of rows alone."""

import math
from typing import NamedTuple

MIN_STEPS = 1000
MAX_CHECKPOINTS = 20
# A validation pass costs about a third of a training step on as many rows.
_FORWARD_SHARE = 1 / 3
_MAX_VALIDATION_SHARE = 0.1
_CHECKPOINTS_PER_ROW = 2
# Checkpoints of a fine-tuning, and checkpoints in a row without a better one after which it begins.
FINE_TUNING_CHECKPOINTS = 2
_PATIENCE = 8


class Budget(NamedTuple):
    """What a training may spend."""

    batch_size: int
    n_steps: int


def budget_for(n: int, batch_size: int | None, n_passes: int | None) -> Budget:
    """Budget for n rows; None stands for the rule."""
    size = min(batch_size or auto_batch_size(n), n)
    if n_passes is None:
        return Budget(size, auto_steps(n))
    return Budget(size, n_passes * batches_per_pass(n, size))


def passes_for_share(share: float, n: int, batch_size: int | None, n_passes: int | None) -> int:
    """Passes of a training that makes about this share of a fit's steps; at least one."""
    return passes_for_steps(share * budget_for(n, batch_size, n_passes).n_steps, n, batch_size)


def passes_for_steps(n_steps: float, n: int, batch_size: int | None) -> int:
    """Passes of a training that makes at least so many steps; at least one."""
    return math.ceil(n_steps / budget_for(n, batch_size, 1).n_steps)


def auto_batch_size(n: int) -> int:
    """Power of two nearest to the root of n (as a ratio), between 32 and 256."""
    return min(max(1 << round(math.log2(n) / 2), 32), 256)


def auto_steps(n: int) -> int:
    """1000 steps for up to a thousand rows, then growing with the root of n."""
    return max(MIN_STEPS, int(MIN_STEPS * math.sqrt(n / 1000)))


def n_held_out(n: int, fraction: float | str) -> int:
    """Rows of n that validate, and leave one to learn from: a fraction, or "auto" for the rule.

    The rule is a tenth, but 30 where that is less, and no more than a third: fewer cannot tell a
    good checkpoint from a lucky one.
    """
    wanted = max(n / 10, min(30, n / 3)) if isinstance(fraction, str) else fraction * n
    return min(max(1, round(wanted)), n - 1)


def batches_per_pass(n: int, batch_size: int) -> int:
    """Batches of a pass over n rows; the last one takes the remainder, at most half a batch."""
    return max(1, round(n / batch_size))


def checkpoints(budget: Budget, n_validation: int, most: int = MAX_CHECKPOINTS) -> list[int]:
    """Steps of the checkpoints: evenly spaced, the last step included.

    There are at most 20, or as given, and fewer if validation would cost more than a tenth of the
    training. That happens only if training makes few passes, and so cannot overfit much. Fewer than
    ten validation rows get fewer checkpoints too: they could not tell the best of 20 from the
    luckiest.
    """
    number = most
    if n_validation > 0:
        number = min(number, affordable_checkpoints(budget, n_validation))
        number = max(2, min(number, _CHECKPOINTS_PER_ROW * n_validation))
    return sorted(set(evenly_spaced(budget.n_steps, number)))


def affordable_checkpoints(budget: Budget, n_validation: int) -> int:
    """Number of checkpoints that cost no more than a tenth of the training."""
    cost = _FORWARD_SHARE * n_validation
    return int(_MAX_VALIDATION_SHARE * budget.n_steps * budget.batch_size / cost)


def evenly_spaced(n_steps: int, number: int) -> list[int]:
    """So many steps, with the last one; some are equal if there are fewer steps."""
    return [max(1, round(n_steps * (i + 1) / number)) for i in range(number)]


def fine_tuning_begins(n_checkpoints: int, n_ahead: int, n_worse: int) -> bool:
    """Whether to go back to the best checkpoint now and end with a fine-tuning.

    `n_worse` checkpoints have followed the best one, and `n_ahead` are still to come. A fine-tuning
    takes two checkpoints. It begins after eight in a row that were not the best, or else before the
    last two, unless one of the two before these is the best. There is none with fewer than 20
    checkpoints: either training makes few passes, whose steps are better spent on training, or the
    validation rows are too few to tell when training no longer helps.
    """
    if n_checkpoints < MAX_CHECKPOINTS or n_ahead < FINE_TUNING_CHECKPOINTS:
        return False
    is_last_call = n_ahead == FINE_TUNING_CHECKPOINTS and n_worse >= FINE_TUNING_CHECKPOINTS
    return is_last_call or n_worse >= _PATIENCE
