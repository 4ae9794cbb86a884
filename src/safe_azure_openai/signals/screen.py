"""The screen: whether anything about identity, faces, people in pictures or cameras can be in a text at all.

A few learned features of each word, the highest of each feature over a stretch of text, and two sums of those: one for
the act, one for who it is for. A sum below zero ends the matter in microseconds, and so do two low ones; of long texts
the passages with the highest sums are read. A sum is over one stretch, so words elsewhere cannot hide a request. Words
are placed by the encoder's pretrained embeddings, so that a word counts like its neighbours in meaning, in every
language. Trained by ``training/screen.py``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Screen", "Sums", "highest", "words_of"]

#: Words that are summed together: a request is told in a few sentences.
STRETCH = 96
_HALF = STRETCH // 2
#: Words remembered with their features; the memory starts anew when it is full.
MOST_WORDS = 65_536

_SEPARATORS = str.maketrans(dict.fromkeys("\"'`()[]{}<>,.;:!?/\\|@#$%^&*+=~-_", " "))
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")

Array = npt.NDArray[np.float32]


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
    """The two small networks, and the features of words already seen. Thread-safe.

    Args:
        weights: what ``training/screen.py`` wrote.
        embedding: gives the pretrained embedding of a word.
    """

    def __init__(self, weights: Mapping[str, npt.NDArray[Any]], embedding: Callable[[str], Array]) -> None:
        self._w1, self._b1, self._w2, self._b2, self._up, self._up_bias, self._down, self._down_bias = (
            weights[name].astype(np.float32) for name in ("w1", "b1", "w2", "b2", "up", "up_bias", "down", "down_bias")
        )
        self._least = float(weights["least"])
        self._embedding = embedding
        self._lock = threading.Lock()
        self._forget()

    @classmethod
    def read(cls, path: Path, embedding: Callable[[str], Array]) -> Screen:
        """Return the screen stored at ``path``."""
        with np.load(path, allow_pickle=False) as weights:
            return cls(dict(weights), embedding)

    def _forget(self) -> None:
        # Both are replaced together, so that a reader holds numbers and the table that they belong to.
        self._known: tuple[dict[str, int], Array] = ({}, np.zeros((1024, len(self._b2)), dtype=np.float32))

    def sums(self, text: str) -> Sums:
        """Return the highest sum of each question over the stretches of ``text``."""
        words = words_of(text)
        if not words:
            return NOTHING
        features = self._features(words)
        pooled = np.maximum.reduceat(features, range(0, len(words), _HALF), axis=0)
        if len(pooled) > 1:  # every stretch is two neighbouring halves
            pooled = np.maximum(pooled[:-1], pooled[1:])
        sums = np.maximum(pooled @ self._up + self._up_bias, 0) @ self._down + self._down_bias
        act, actor = sums.max(axis=0).tolist()
        return Sums(act, actor, self._least)

    def _features(self, words: list[str]) -> Array:
        numbers, _ = self._known
        found = list(map(numbers.get, words))
        known = self._known  # read last: its table has all that the numbers had
        if None in found or known[0] is not numbers:
            with self._lock:
                known = self._learn(words)
                found = list(map(known[0].get, words))
        result: Array = known[1][np.array(found, dtype=np.intp)]
        return result

    def _learn(self, words: list[str]) -> tuple[dict[str, int], Array]:
        """Add the words that are not known yet; returns the numbers and the table with all of ``words``."""
        if len(self._known[0]) + len(words) > MOST_WORDS:
            self._forget()
        numbers, table = self._known
        new = [word for word in dict.fromkeys(words) if word not in numbers]
        first = len(numbers)
        if first + len(new) > len(table):
            table = np.concatenate([table, np.zeros((max(len(table), len(new)), table.shape[1]), dtype=np.float32)])
        if new:
            placed = np.stack([self._embedding(word) for word in new])
            table[first : first + len(new)] = self._score(placed)
        self._known = (numbers, table)
        numbers.update({word: first + n for n, word in enumerate(new)})
        return numbers, table

    def _score(self, embeddings: Array) -> Array:
        from .meaning.network import gelu

        widened: Array = embeddings @ self._w1 + self._b1
        raw: Array = gelu(widened) @ self._w2 + self._b2
        return (1 / (1 + np.exp(-raw))).astype(np.float32)
