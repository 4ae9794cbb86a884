"""The words of a request as one text, for what is cut over parts."""

from __future__ import annotations

import re
from collections.abc import Collection

from ..model.request import Origin, Request

_LAST = re.compile(r"[^\W\d_]+\Z")
_FIRST = re.compile(r"[^\W\d_]+")


def joined(request: Request, *, origins: Collection[Origin] = (Origin.STANDING, Origin.USER)) -> str:
    """Return the text segments of the named origins as one text, in the order of the request.

    A word that the end of one segment and the beginning of the next make together becomes whole; other segments are
    parted by a line end.
    """
    parts: list[str] = []
    for segment in request.segments:
        if segment.kind == "text" and segment.origin in origins and segment.text:
            if parts and not _is_cut(parts[-1], segment.text):
                parts.append("\n")
            parts.append(segment.text)
    return "".join(parts)


def _is_cut(before: str, after: str) -> bool:
    """Return whether a cut between two texts runs through a word."""
    from .disguise.letters import is_cut  # as late as `views` does

    last, first = _LAST.search(before), _FIRST.match(after)
    if last is None or first is None or not first[0][0].islower():
        return False
    return is_cut(last[0].lower(), first[0].lower())
