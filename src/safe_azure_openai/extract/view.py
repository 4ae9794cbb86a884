"""One reading of a text, and the way back from it to the text as it was sent."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Edit:
    """``text[start:end]`` is to be read as ``new``."""

    start: int
    end: int
    new: str
    is_reversed: bool = False  # `new` runs backwards through the old characters
    is_decoded: bool = False  # `new` is another text, not the same one cleaned


@dataclass(frozen=True, slots=True)
class View:
    """One reading of a text.

    ``kind`` names the disguises that were undone, in that order, joined by ``+``; ``plain`` is the text as sent.
    ``is_decoded`` says that a part of it is another text that was hidden in the first, not the same one cleaned.
    """

    text: str
    kind: str = "plain"
    is_decoded: bool = False
    indexes: array[int] | None = field(default=None, repr=False, compare=False)

    def origin(self, index: int) -> int:
        """Return the index in the text as sent that ``text[index]`` comes from."""
        if self.indexes is None:
            return index
        return self.indexes[index] if index < len(self.indexes) else (self.indexes[-1] + 1 if self.indexes else 0)

    def edited(self, edits: Iterable[Edit], kind: str) -> View:
        """Return the reading after ``edits``, which are in order; one that overlaps an earlier one is left out."""
        before = self.indexes if self.indexes is not None else array("q", range(len(self.text)))
        parts: list[str] = []
        indexes: array[int] = array("q")
        at, is_decoded = 0, self.is_decoded
        for edit in edits:
            if edit.start < at:
                continue
            parts += [self.text[at : edit.start], edit.new]
            indexes.extend(before[at : edit.start])
            old = before[edit.start : edit.end]
            if len(old) == len(edit.new):
                indexes.extend(reversed(old) if edit.is_reversed else old)
            else:
                place = old[0] if old else (before[edit.start - 1] if edit.start else 0)
                indexes.extend(array("q", [place]) * len(edit.new))
            at, is_decoded = edit.end, is_decoded or edit.is_decoded
        parts.append(self.text[at:])
        indexes.extend(before[at:])
        kinds = kind if self.kind == "plain" else f"{self.kind}+{kind}"
        return View("".join(parts), kinds, is_decoded, indexes)
