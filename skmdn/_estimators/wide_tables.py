"""Tables with many features for their rows."""

_ROWS_PER_FEATURE = 10


def is_wide(n: int, p: int) -> bool:
    """Whether n rows of p features are few for so many, so that networks overfit at once."""
    return n < _ROWS_PER_FEATURE * p
