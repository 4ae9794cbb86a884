"""Words to numbers: a SentencePiece unigram model in a page of Python.

The vocabulary is the part of XLM-RoBERTa's that the training data and ordinary text of its languages use, lower case.
Source of the algorithm: Kudo, "Subword Regularization" (2018), section 3.2 (Viterbi search over unigram scores).
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path

__all__ = ["BEGIN", "END", "MARKS", "PAD", "SPECIAL", "UNKNOWN", "Tokenizer"]

PAD, BEGIN, END, UNKNOWN = 0, 1, 2, 3
#: Marks for the parts of a request, so that the encoder knows who speaks and what is attached.
MARKS = ("<standing>", "<user>", "<assistant>", "<tool>", "<file>", "<metadata>", "<image>", "<audio>", "<document>")
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", *MARKS)
_WORD_START = "\u2581"
_UNKNOWN_PENALTY = 10.0
#: Characters that tell how long the pieces that begin with them are; of fewer, each is looked up.
_BEGINNING = 3
_SHORT = (1, 2)
#: Characters of a word that are read at most: no window has room for the pieces of more.
LONGEST_WORD = 256


class Tokenizer:
    """Split text into the pieces of a unigram vocabulary. Thread-safe; words already seen are remembered."""

    def __init__(self, pieces: list[str], scores: list[float]) -> None:
        self.pieces, self.scores = pieces, scores
        self._ids = {piece: index for index, piece in enumerate(pieces)}
        self._sizes = _sizes(pieces)
        self._unknown_score = min(scores) - _UNKNOWN_PENALTY
        self._segmented = lru_cache(maxsize=32_768)(self._segment)

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Return the tokenizer stored at ``path``: one ``piece<TAB>score`` a line, in order of the ids."""
        pieces: list[str] = []
        scores: list[float] = []
        for line in path.read_text(encoding="utf-8").split("\n"):
            piece, tab, score = line.rpartition("\t")
            if tab:
                pieces.append(piece)
                scores.append(float(score))
        return cls(pieces, scores)

    def __len__(self) -> int:
        return len(self.scores)

    @staticmethod
    def normalise(text: str) -> str:
        """Return ``text`` as the model reads it: compatibility forms folded, lower case."""
        return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower()

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without begin and end marks."""
        ids: list[int] = []
        for word in self.normalise(text).split():
            ids.extend(self.encode_word(word))
        return ids

    def encode_word(self, word: str) -> tuple[int, ...]:
        """Return the ids of one word; of one that no window has room for, those of its beginning."""
        return self._segmented(word[:LONGEST_WORD])

    def _segment(self, word: str) -> tuple[int, ...]:
        """Return the best segmentation of one word (Viterbi), ``UNKNOWN`` where no piece fits."""
        text = _WORD_START + word
        length = len(text)
        best = [0.0] + [float("-inf")] * length
        back: list[tuple[int, int]] = [(0, UNKNOWN)] * (length + 1)
        ids, scores, sizes = self._ids, self.scores, self._sizes
        for start in range(length):
            base = best[start]
            for size in sizes.get(text[start : start + _BEGINNING], _SHORT):
                end = start + size
                if end > length:
                    break
                found = ids.get(text[start:end])
                if found is not None:
                    score = base + scores[found]
                elif end == start + 1:
                    found, score = UNKNOWN, base + self._unknown_score
                else:
                    continue
                if score > best[end]:
                    best[end] = score
                    back[end] = (start, found)
        out: list[int] = []
        at = length
        while at:
            at, found = back[at]
            if not (found == UNKNOWN and out and out[-1] == UNKNOWN):
                out.append(found)
        out.reverse()
        return tuple(out)


def _sizes(pieces: list[str]) -> dict[str, list[int]]:
    """Return the sizes of pieces by how they begin, so that little of what a word holds has to be looked up."""
    sizes: dict[str, list[int]] = {}
    for piece in sorted(pieces, key=len):
        if len(piece) >= _BEGINNING:
            some = sizes.setdefault(piece[:_BEGINNING], [*_SHORT])
            if some[-1] != len(piece):
                some.append(len(piece))
    return sizes
