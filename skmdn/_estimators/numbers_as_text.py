"""Text that looks like numbers, as a file gives where some entries are none."""

import re
from itertools import compress
from typing import Any

from skmdn._estimators.fit_warnings import warn_of_fit

# A number: a sign, digits, perhaps in groups of thousands, a decimal point or comma, an exponent.
_DIGITS = r"(\d{1,3}([ ,.'\u00a0\u202f]\d{3})+([.,]\d+)?|\d+([.,]\d*)?|[.,]\d+)"
_NUMBER = re.compile(rf"\s*[-+]?{_DIGITS}([eE][-+]?\d+)?\s*%?\s*")
# Whole numbers of so many digits, all of them as many, are codes, and so are zeros before digits.
_CODE, _SHORTEST_CODES = re.compile(r"\s*0\d+\s*"), 5
# So many categories are hardly grades or months, and of these such a share is numbers.
_MANY, _MOSTLY = 20, 0.9
ADVICE = (
    "If they are amounts, make numbers of them: in pandas by to_numeric(errors='coerce'), or with "
    "read_csv(na_values=..., decimal=..., thousands=...)."
)


def numbers_among(levels: list[Any]) -> str:
    """What there is of numbers among texts, in words; "" if these are few, or mostly no numbers."""
    is_number = [isinstance(text, str) and _is_number(text) for text in levels]
    n_numbers = sum(is_number)
    if len(levels) <= _MANY or n_numbers < _MOSTLY * len(levels):
        return ""
    lengths = {len(text) if text.isdigit() else 0 for text in compress(levels, is_number)}
    if len(lengths) == 1 and min(lengths) >= _SHORTEST_CODES:
        return ""
    found = f"{n_numbers} of {len(levels)} are numbers such as {levels[is_number.index(True)]!r}"
    if n_numbers == len(levels):
        return found
    return f"{found}, others such as {levels[is_number.index(False)]!r}"


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and _CODE.fullmatch(text) is None


def warn_of_numbers(levels: list[Any], label: str) -> None:
    """Say that categories look like numbers."""
    if found := numbers_among(levels):
        warn_of_fit(
            f"{label}: the text is taken for {len(levels)} categories, but {found}. {ADVICE} If "
            "they are codes, astype('category') ends this warning.",
            stacklevel=7,
        )
