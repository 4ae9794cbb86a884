"""What the steps ask of a text before they look closer; each computed once."""

from __future__ import annotations

import re
from functools import cached_property

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_MIN_LONG = 16  # letters; no word of a prompt is longer but by accident


class Traits:
    """A text and the cheap facts about it.

    Nearly every text is plain, so a step must find that out at next to no cost. The different words of a text are far
    fewer than its words, and of those only the odd ones can be a code; so the steps ask these.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        #: The different pieces of the text between blanks.
        self.tokens = frozenset(text.split())
        big = [token for token in self.tokens if len(token) > 7]
        #: The odd pieces that could be something encoded.
        self.long = [token for token in big if not token.isalpha() or len(token) >= _MIN_LONG]
        #: The pieces with capitals that could be something encoded, letters alone too.
        self.capital = [token for token in big if token != token.lower() and (len(token) > 11 or not token.isalpha())]

    @cached_property
    def foreign(self) -> str:
        """Each character beyond ASCII once: they are few even where the text is long."""
        return "".join(frozenset("".join(_FOREIGN.findall(self.text))))

    @cached_property
    def odd(self) -> list[str]:
        """The pieces that are not just letters, or too many letters for a word."""
        return [token for token in self.tokens if not token.isalpha() or len(token) >= _MIN_LONG]

    def made_of(self, alphabet: str, least: int) -> list[str]:
        """Return the odd pieces of ``least`` characters or more that have none but those of ``alphabet``."""
        return [token for token in self.odd if len(token) >= least and not token.strip(alphabet)]
