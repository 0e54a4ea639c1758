"""What members say of their fits, said once for all of a view."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from skmdn._estimators.fit_warnings import DeadComponentsWarning, FitWarning, warn_of_fit


def warn_of_members(found: Iterable[tuple[str, Sequence[FitWarning]]], *, stacklevel: int) -> None:
    """Issue the warnings of all members, each given with the words for where it is from.

    Members of a view mostly say the same but for numbers, which is said once. Warnings of dead
    components are left out: these are no fault in a pool, nor could users of the default views
    change them.
    """
    messages: dict[tuple[str, type[Warning], str], dict[int, str]] = {}
    for member, (origin, of_member) in enumerate(found):
        for message, category in of_member:
            if not issubclass(category, DeadComponentsWarning):
                kind = origin, category, re.sub(r"[\d.]+", "", message)
                messages.setdefault(kind, {}).setdefault(member, message)
    for (origin, category, _), alike in messages.items():
        number = "" if len(alike) == 1 else f", {len(alike)} members"
        first = next(iter(alike.values()))
        warn_of_fit(f"{origin}{number}: {first}", category, stacklevel=stacklevel + 1)
