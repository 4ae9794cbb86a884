"""What the steps ask of a text before they look closer; computed once, when first asked."""

from __future__ import annotations

from functools import cached_property

from .letters import written

_MIN_LONG = 16  # letters; no word of a prompt is longer but by accident


class Traits:
    """A text and the cheap facts about it.

    Nearly every text is plain, so a step must find that out at next to no cost. The different words of a text are far
    fewer than its words, and of those only the odd ones can be a code; so the steps ask these.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def is_ascii(self) -> bool:
        return self.text.isascii()

    @cached_property
    def tokens(self) -> frozenset[str]:
        """The different pieces of the text between blanks."""
        return frozenset(self.text.split())

    @cached_property
    def odd(self) -> list[str]:
        """The pieces that are not just letters, or too many letters for a word."""
        return [token for token in self.tokens if not token.isalpha() or len(token) >= _MIN_LONG]

    @cached_property
    def long(self) -> list[str]:
        """The odd pieces that could be something encoded."""
        return [token for token in self.odd if len(token) > 7] + [
            token for token in self.tokens if 11 < len(token) < _MIN_LONG and token.isalpha()
        ]

    def made_of(self, alphabet: str, least: int) -> list[str]:
        """Return the odd pieces of ``least`` characters or more that have none but those of ``alphabet``."""
        return [token for token in self.odd if len(token) >= least and not token.strip(alphabet)]

    @cached_property
    def is_strange(self) -> bool:
        """Whether the text is short and has hardly a common word: letters may have been moved."""
        return 7 < len(self.text) <= 480 and len(self.tokens & written()) * 2 < len(self.tokens)
