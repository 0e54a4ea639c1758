"""What members say of their fits, said once for all of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from skmdn._estimators.fit_warnings import DeadComponentsWarning, FitWarning, warn_of_fit


def warn_of_members(found: Iterable[tuple[str, Sequence[FitWarning]]], *, stacklevel: int) -> None:
    """Issue the warnings of all members, each given with the words for where it is from.

    Members mostly say the same but for numbers, which is said once. Warnings of dead components are
    left out: these are no fault in a pool.
    """
    said: dict[tuple[type[Warning], str], tuple[str, Counter[str]]] = {}
    for origin, of_member in found:
        kinds = set()  # of what this member has said
        for message, category in of_member:
            kind = category, re.sub(r"[\d.]+", "", message)
            if kind not in kinds and not issubclass(category, DeadComponentsWarning):
                kinds.add(kind)
                _, origins = said.setdefault(kind, (message, Counter()))
                origins[origin] += 1
    for (category, _), (message, origins) in said.items():
        whose = "; ".join(
            origin if n == 1 else f"{origin}, {n} members" for origin, n in origins.items()
        )
        warn_of_fit(f"{whose}: {message}", category, stacklevel=stacklevel + 1)
