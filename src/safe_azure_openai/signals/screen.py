"""The screen: whether anything about identity, faces, people in pictures or cameras can be in a text at all.

Each word adds something to the features of its place and of the places around it, so that what is looked for are
phrases. Of each feature the highest over a stretch counts, and two sums are made of those: one for the act, one for
who it is for. A sum below zero ends the matter, and so do two low ones; of long texts the passages with the highest
sums are read. A sum is over one stretch, so words elsewhere cannot hide a request. Words are placed by the encoder's
pretrained embeddings, so that a word counts like its neighbours in meaning, in every language. What a word adds is
reckoned once and remembered: a text costs look-ups and additions. Trained by ``training/screen.py``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model.request import Origin, Segment
from .names import tells

__all__ = ["Screen", "Sums", "highest", "text_of", "words_of"]

#: Words that are summed together: a request is told in a few sentences.
STRETCH = 96
_HALF = STRETCH // 2
#: Half stretches that are looked at together: bounds the memory that a long text takes, at some 2 MB a step.
_BLOCK = 64
#: New words that are placed together: bounds the memory that a text of many takes.
_LEARNT = 512
#: Words remembered with what they add, some 2.5 KB each; the memory starts anew when it is full.
MOST_WORDS = 16_384

_SEPARATORS = str.maketrans(dict.fromkeys("\"'`()[]{}<>,.;:!?/\\|@#$%^&*+=~-_", " "))
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")

Array = npt.NDArray[np.float32]


def text_of(segments: Sequence[Segment], instead: Mapping[int, str] | None = None) -> str:
    """Return all that a request says, but for names that tell nothing; ``instead`` has other readings, by index."""
    some = ((n, segment) for n, segment in enumerate(segments) if segment.text)
    texts = (
        (instead or {}).get(n, segment.text)
        for n, segment in some
        if segment.origin is not Origin.METADATA or tells(segment.text)
    )
    return " \n ".join(texts)


def words_of(text: str) -> list[str]:
    """Return the words of ``text`` in lower case; of scripts without spaces, each pair of characters."""
    lower = text.lower()
    if lower.isascii():
        return lower.translate(_SEPARATORS).split()
    out: list[str] = []
    for word in _WORD.findall(lower):
        if word.isascii() or not _UNSPACED.search(word):
            out.append(word)
        else:
            out.extend(word[i : i + 2] for i in range(max(len(word) - 1, 1)))
    return out


@dataclass(frozen=True, slots=True)
class Sums:
    """What the screen makes of a text: the higher, the likelier. Zero is the limit of each, ``least`` of their sum."""

    act: float
    actor: float
    least: float = 0.0

    @property
    def any(self) -> bool:
        """Whether either can be there."""
        return self.act >= 0 or self.actor >= 0

    @property
    def both(self) -> bool:
        """Whether both can be there: words that leave room for either hardly do so for both at once."""
        return self.act >= 0 and self.actor >= 0 and self.act + self.actor >= self.least


NOTHING = Sums(float("-inf"), float("-inf"))


def highest(some: Iterable[Sums]) -> Sums:
    """Return the highest sum of each question: what is in one of the texts is in all of them together."""
    act, actor, least = NOTHING.act, NOTHING.actor, NOTHING.least
    for sums in some:
        act, actor, least = max(act, sums.act), max(actor, sums.actor), max(least, sums.least)
    return Sums(act, actor, least)


class Screen:
    """The two small networks, and what words already seen add. Thread-safe.

    Args:
        weights: what ``training/screen.py`` wrote.
        embeddings: gives the pretrained embeddings of words, one a row.
    """

    def __init__(self, weights: Mapping[str, npt.NDArray[Any]], embeddings: Callable[[Sequence[str]], Array]) -> None:
        names = ("w1", "b1", "w2", "bias", "up", "up_bias", "down", "down_bias")
        wide = (weights[name].astype(np.float32) for name in names)
        self._w1, self._b1, self._w2, self._bias, self._up, self._up_bias, self._down, self._down_bias = wide
        self._least = float(weights["least"])
        self._reach = self._w2.shape[1] // 2  # places before and after its own that a word adds to
        self._embeddings = embeddings
        self._lock = threading.Lock()
        self._forget()

    @classmethod
    def read(cls, path: Path, embeddings: Callable[[Sequence[str]], Array]) -> Screen:
        """Return the screen stored at ``path``."""
        with np.load(path, allow_pickle=False) as weights:
            return cls(dict(weights), embeddings)

    def _forget(self) -> None:
        # Both are replaced together, so that a reader holds numbers and the table that they belong to. The first row,
        # of no word at all, adds nothing.
        self._known: tuple[dict[str, int], Array] = ({"": 0}, np.zeros((1024, *self._w2.shape[1:]), dtype=np.float32))

    def sums(self, text: str) -> Sums:
        """Return the highest sum of each question over the stretches of ``text``."""
        return self.each((text,))[0]

    def each(self, texts: Sequence[str]) -> list[Sums]:
        """Return the sums of each text."""
        words: list[str] = []
        starts: list[int] = []  # of half stretches, of all texts one after another
        next_to: list[int] = []  # the number of the half after each, of the same text
        spans: list[tuple[int, int]] = []  # of each text's stretches: two neighbouring halves, or the only one
        for text in texts:
            some = words_of(text)
            first = len(starts)
            starts.extend(range(len(words), len(words) + max(len(some), 1), _HALF))
            next_to.extend(range(first + 1, len(starts)))
            next_to.append(len(starts) - 1)
            spans.append((first, max(len(starts) - 1, first + 1) if some else first))
            words += some
            words += [""] * (self._reach + 1)  # so that no word of one text is within reach of another's
        starts.append(len(words))
        blocks = (starts[n : n + _BLOCK + 1] for n in range(0, len(starts) - 1, _BLOCK))
        pooled = np.concatenate([self._pooled(words, block) for block in blocks])
        stretches = np.maximum(pooled, pooled[next_to])
        sums = np.maximum(stretches @ self._up + self._up_bias, 0) @ self._down + self._down_bias
        out: list[Sums] = []
        for first, end in spans:
            act, actor = sums[first:end].max(axis=0, initial=-np.inf).tolist()
            out.append(Sums(act, actor, self._least))
        return out

    def _pooled(self, words: list[str], starts: list[int]) -> Array:
        """Return the highest of each feature from each of ``starts`` to the next."""
        before = max(starts[0] - self._reach, 0)
        features = self._features(words[before : starts[-1] + self._reach])[: starts[-1] - before]
        # One by one, which takes half the time of ``np.maximum.reduceat``.
        return np.array([features[a - before : b - before].max(axis=0) for a, b in pairwise(starts)])

    def _features(self, words: list[str]) -> Array:
        """Return the features of the places of ``words``, none below zero, and all zero where there is no word."""
        numbers, _ = self._known
        found = list(map(numbers.get, words))
        known = self._known  # read last: its table has all that the numbers had
        if None in found or known[0] is not numbers:
            with self._lock:
                known = self._learn(words)
                found = list(map(known[0].get, words))
        # A row is what a word adds to one place; those of a word follow one another, that of its own in the middle.
        reach, table = self._reach, known[1]
        rows: Array = np.reshape(table, (-1, table.shape[2]))
        own = np.array(found, dtype=np.intp) * (2 * reach + 1) + reach
        result: Array = np.take(rows, own, axis=0)
        result += self._bias
        for n in range(1, reach + 1):
            result[:-n] += np.take(rows, own[n:] + n, axis=0)
            result[n:] += np.take(rows, own[:-n] - n, axis=0)
        result[own == reach] = 0
        return np.maximum(result, 0, out=result)

    def _learn(self, words: list[str]) -> tuple[dict[str, int], Array]:
        """Add the words that are not known yet; returns the numbers and the table with all of ``words``."""
        if len(self._known[0]) + len(words) > MOST_WORDS:
            self._forget()
        numbers, table = self._known
        new = [word for word in dict.fromkeys(words) if word not in numbers]
        first = len(numbers)
        if first + len(new) > len(table):
            table = np.concatenate([table, np.zeros((max(len(table), len(new)), *table.shape[1:]), dtype=np.float32)])
        for start in range(0, len(new), _LEARNT):
            part = new[start : start + _LEARNT]
            table[first + start : first + start + len(part)] = self._adds(self._embeddings(part))
        self._known = (numbers, table)
        numbers.update({word: first + n for n, word in enumerate(new)})
        return numbers, table

    def _adds(self, embeddings: Array) -> Array:
        """Return what words add to the places from before to after their own: by word, place and feature."""
        from .meaning.network import gelu

        hidden: Array = embeddings @ self._w1 + self._b1
        added: Array = np.tensordot(gelu(hidden), self._w2, axes=1)
        return added
