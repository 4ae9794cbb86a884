"""What a small encoder makes of a request: one probability per question.

The questions (``HEADS``) are facts, not verdicts: is this facial recognition to be done, is it by or for law
enforcement, which country, which camera, is it live. Rules and tenant turn the answers into a verdict elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ...model import Segment

if TYPE_CHECKING:
    from .reading import Window, Word

__all__ = ["HEADS", "Answer", "Encoder", "load"]

#: The questions, in the order of the network's outputs.
HEADS = ("fr", "le", "fr_le", "us", "abroad", "body", "dash", "mobile", "fixed", "live", "coop", "rt")
HERE = Path(__file__).parent

#: Windows read of one request at most; the screen's liveliest ones come first.
MOST_WINDOWS = 12


@dataclass(frozen=True, slots=True)
class Answer:
    """The probability of each question's yes, and the window that said so, over all readings of a request."""

    scores: dict[str, float]
    windows: dict[str, tuple[Word, ...]]

    def __getitem__(self, head: str) -> float:
        return self.scores.get(head, 0.0)


NOTHING = Answer({}, {})


class Encoder:
    """Tokenizer and network together, with a memory of windows already read (by their token ids)."""

    def __init__(self, vocabulary: Path, weights: Path, *, remembered: int = 4096) -> None:
        from .network import Network
        from .tokenizer import Tokenizer

        self.tokenizer = Tokenizer.load(vocabulary)
        self._network = Network.load(weights)
        self._read = lru_cache(maxsize=remembered)(self._probabilities)

    def _probabilities(self, ids: tuple[int, ...]) -> tuple[float, ...]:
        import numpy as np

        logits = self._network(ids)
        return tuple(float(p) for p in 1.0 / (1.0 + np.exp(-logits.astype(np.float64))))

    def answer(self, segments: Sequence[Segment], readings: Sequence[dict[int, str]] = ({},)) -> Answer:
        """Return the surest answers over all windows of all readings (other texts for some segments, by index)."""
        from .reading import windows, words

        scores: dict[str, float] = dict.fromkeys(HEADS, 0.0)
        where: dict[str, tuple[Word, ...]] = {}
        for reading in readings:
            found = windows(words(segments, self.tokenizer, instead=reading), segments)
            for window in found[:MOST_WINDOWS]:
                for head, probability in zip(HEADS, self._read(window.ids), strict=True):
                    if probability > scores[head]:
                        scores[head] = probability
                        where[head] = window.words
        return Answer(scores, where)

    def probability(self, window: Window, head: str) -> float:
        """Return one answer for one window: used to find which words an answer rests on."""
        return self._read(window.ids)[HEADS.index(head)]


_lock = threading.Lock()
_loaded: list[Encoder] = []


def load() -> Encoder:
    """Return the encoder of this version, read from the package once per process (some 60 ms)."""
    with _lock:
        if not _loaded:
            _loaded.append(Encoder(HERE / "vocabulary.txt", HERE / "weights.npz"))
        return _loaded[0]
