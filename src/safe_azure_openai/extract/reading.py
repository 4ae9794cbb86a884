"""The readings that a disguise could hide in a text."""

from __future__ import annotations

from .view import View

MAX_VIEWS = 6


def views(text: str, *, max_chars: int = 1_048_576) -> tuple[View, ...]:
    """Return the readings that a disguise could hide in ``text``, plainest first.

    Args:
        text: one segment, before any normalisation.
        max_chars: characters (not bytes) looked at; what follows stands in each reading as it was sent.
    Returns:
        1 to 6 views. ``result[0]`` is ``text``, ``result[1]`` the text with every disguise undone that was found, the
        others are other ways to undo one of them; ``view.origin(i)`` maps an index back to ``text``.
    Raises:
        ValueError: ``max_chars`` is below 1.
    """
    from .disguise import readings  # its many patterns are compiled when they are first needed

    if max_chars < 1:
        raise ValueError("max_chars must be at least 1")
    found = {text: View(text)}
    for view in readings(text, max_chars):
        if view.text.strip():
            found.setdefault(view.text, view)
    return tuple(found.values())[:MAX_VIEWS]
