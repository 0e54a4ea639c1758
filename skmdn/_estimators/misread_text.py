"""Text that looks like numbers or dates, as a file gives them."""

import re
from itertools import compress
from typing import Any

from skmdn._estimators.fit_warnings import warn_of_fit

# A number: a sign, digits, perhaps in groups of thousands, a decimal point or comma, an exponent.
_DIGITS = r"(\d{1,3}([ ,.'\u00a0\u202f]\d{3})+([.,]\d+)?|\d+([.,]\d*)?|[.,]\d+)"
_NUMBER = re.compile(rf"\s*[-+]?{_DIGITS}([eE][-+]?\d+)?\s*%?\s*")
# Whole numbers of so many digits, all of them as many, are codes, and so are zeros before digits.
_CODE, _SHORTEST_CODES = re.compile(r"\s*0\d+\s*"), 5
# A date: a year, month and day in any order, the month perhaps by its name, perhaps a time behind.
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    rf"\s*(\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](\d{{4}}|\d{{2}})|"
    rf"\d{{1,2}}[- .]+{_MONTH}[- ,]+(\d{{4}}|\d{{2}})|{_MONTH} +\d{{1,2}},? +\d{{4}})([T ,].*)?",
    re.IGNORECASE,
)
# So many categories are hardly grades or months, and of these such a share is numbers.
_MANY, _MOSTLY = 20, 0.9
_OF_NUMBERS = (
    "If they are amounts, make numbers of them: in pandas by to_numeric(errors='coerce'), or with "
    "read_csv(na_values=..., decimal=..., thousands=...)."
)
_OF_DATES = (
    "Make numbers of dates, such as the days since a start, the month or the hour: in pandas by "
    "way of to_datetime."
)


def what_is_among(levels: list[Any]) -> str:
    """What there is of numbers or dates among texts, and what to do; "" if these are few."""
    if found := numbers_among(levels):
        return f"{found}. {_OF_NUMBERS}"
    dates = [text for text in levels if isinstance(text, str) and _DATE.fullmatch(text)]
    if len(levels) <= _MANY or len(dates) < _MOSTLY * len(levels):
        return ""
    return f"{len(dates)} of {len(levels)} are dates such as {dates[0]!r}. {_OF_DATES}"


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


def warn_of_misread_text(levels: list[Any], label: str) -> None:
    """Say that categories look like numbers or dates."""
    if found := what_is_among(levels):
        warn_of_fit(
            f"{label}: the text is taken for {len(levels)} categories, but {found} If they are "
            "codes, astype('category') ends this warning.",
            stacklevel=7,
        )
