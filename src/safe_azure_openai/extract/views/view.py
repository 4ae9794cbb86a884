"""One reading of a text, and the way back from it to the text as it was sent."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

#: Spans of a reading: (start in the reading, start in the text, step). A step of 1 copies; 0 stands for one place.
Spans = tuple[tuple[int, int, int], ...]

SAME: Spans = ((0, 0, 1),)


@dataclass(frozen=True, slots=True)
class View:
    """One reading of a text.

    ``kind`` names the disguises that were undone, innermost last, joined by ``+``; ``plain`` is the text as sent.
    ``is_decoded`` says that the reading is another text that was hidden in the first, not the same one cleaned.
    """

    text: str
    kind: str = "plain"
    spans: Spans = SAME
    is_decoded: bool = False

    def origin(self, index: int) -> int:
        """Return the index in the text as sent that ``text[index]`` comes from."""
        start, source, step = self.spans[max(bisect_right(self.spans, (index, 1 << 62, 0)) - 1, 0)]
        return source + (index - start) * step
