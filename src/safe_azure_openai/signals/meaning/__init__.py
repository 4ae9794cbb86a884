"""What a small encoder makes of a request: one probability per question.

The questions (``HEADS``) are facts, not verdicts: is this facial recognition to be done, is it by or for law
enforcement, which country, which camera, is it live. Rules and tenant turn the answers into a verdict elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...model.request import Segment
from ..screen import Sums, highest

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..screen import Screen
    from .network import Array
    from .reading import Window, Word
    from .tokenizer import Tokenizer

__all__ = ["HEADS", "Answer", "Encoder", "load", "windows_of"]

#: The questions, in the order of the network's outputs.
HEADS = (
    "fr",  # facial recognition is to be done, or made to work
    "le",  # it is by or for law enforcement
    "fr_le",  # both
    "us",  # the agency is one of the United States
    "abroad",  # it is one of another country
    "body",  # the camera is worn on a body
    "dash",  # it is in or on a vehicle
    "mobile",  # it is a drone, a robot or in a hand
    "fixed",
    "live",  # it happens in real time
    "coop",  # an enrolled person presents himself
    "rt",  # facial recognition in real time on a body-worn or dash-mounted camera, in the wild
    "emo",  # emotions are to be read from faces
    "trait",  # so are sensitive traits
    "track",  # particular people are to be followed over time
    "scrape",  # a face database is to be built from pictures gathered without a target
)
HERE = Path(__file__).parent

#: Windows read of one text at most; of a longer one, those that the screen thinks likeliest to matter.
MOST_WINDOWS = 12
_OF_THOSE_FOR_ACTOR = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """The probability of each question's yes, and the window that said so, over all readings of a request.

    ``read`` is how many different windows were read for it.
    """

    scores: dict[str, float]
    windows: dict[str, tuple[Word, ...]]
    read: int = 1

    def __getitem__(self, head: str) -> float:
        return self.scores.get(head, 0.0)


NOTHING = Answer({}, {})


@dataclass(slots=True)
class _Look:
    """What is known of a window: the sums of the first look, and the answers once the upper layers have read it.

    ``told`` are its logits, and what it adds to the reading of the whole text.
    """

    ids: tuple[int, ...]
    sums: Sums
    hidden: Array | None
    told: tuple[Array, Array] | None = None


class Encoder:
    """Tokenizer, screen and network together, with a memory of windows already read (by their token ids)."""

    def __init__(self, folder: Path, *, remembered: int = 4096) -> None:
        from ..screen import Screen
        from .glance import Glance
        from .network import Network
        from .tokenizer import UNKNOWN, Tokenizer

        self.tokenizer = Tokenizer.load(folder / "vocabulary.txt")
        self._network = Network.load(folder / "weights.npz")
        self._glance = Glance.read(folder / "glance.npz")
        self.screen = Screen.read(
            folder / "screen.npz",
            lambda words: self._network.embeddings([self.tokenizer.encode_word(word) or (UNKNOWN,) for word in words]),
        )
        self._look = lru_cache(maxsize=remembered)(self._looked)

    def _looked(self, ids: tuple[int, ...]) -> _Look:
        hidden = self._network.lower(ids, self._glance.layers)
        return _Look(ids, self._glance.sums(hidden), hidden)

    def _read(self, look: _Look) -> tuple[Array, Array]:
        """Return what the upper layers tell of a window."""
        if look.told is None:
            hidden = look.hidden  # another thread may take it away
            if hidden is None:
                hidden = self._network.lower(look.ids, self._glance.layers)
            look.told = self._network.upper(hidden, self._glance.layers)
        return look.told

    def answer(
        self,
        segments: Sequence[Segment],
        readings: Sequence[Mapping[int, str]] = ({},),
        is_worth: Callable[[Sums], bool] = lambda _: True,
    ) -> Answer:
        """Return the surest answers over all windows of all readings.

        Args:
            segments: what the request consists of.
            readings: other texts for some segments, by index.
            is_worth: given the highest sums of a first look, whether to read on; where not, the answer is ``NOTHING``.
        """
        texts: list[list[tuple[Window, _Look]]] = []
        for reading in readings:
            found = windows_of(segments, self.tokenizer, self.screen, instead=reading)
            texts.append([(window, self._look(window.ids)) for window in found])
        looks = [look for text in texts for _, look in text]
        answer = NOTHING
        if looks and is_worth(highest(look.sums for look in looks)):
            # A window with neither adds nothing, unless what it is about stands outside: in the tenant, in a picture.
            lively = [[(window, look) for window, look in text if look.sums.any] for text in texts]
            answer = self._surest(lively if any(lively) else texts)
        for look in looks:
            look.hidden = None
        return answer

    def _surest(self, texts: Sequence[Sequence[tuple[Window, _Look]]]) -> Answer:
        """Return the answers of the surest window of each text, corrected by what its windows say together."""
        import numpy as np

        surest = np.full(len(HEADS), -np.inf)
        where: dict[str, tuple[Word, ...]] = {}
        for text in filter(None, texts):
            told = [self._read(look) for _, look in text]
            logits = np.stack([own for own, _ in told])
            answers = logits.max(axis=0)
            if len(told) > 1:
                answers = answers + self._network.whole([part for _, part in told])
            for n, head in enumerate(HEADS):
                if answers[n] > surest[n]:
                    surest[n] = answers[n]
                    where[head] = text[int(logits[:, n].argmax())][0].words
        read = len({look.ids for text in texts for _, look in text})
        return Answer(dict(zip(HEADS, _probabilities(surest), strict=True)), where, read)

    def probability(self, window: Window, head: str) -> float:
        """Return one answer for one window: used to find which words an answer rests on."""
        look = self._look(window.ids)
        logits, _ = self._read(look)
        look.hidden = None
        return _probabilities(logits)[HEADS.index(head)]


def _probabilities(logits: npt.NDArray[Any]) -> list[float]:
    import numpy as np

    found: list[float] = (1.0 / (1.0 + np.exp(-logits.astype(np.float64)))).tolist()
    return found


def windows_of(
    segments: Sequence[Segment], tokenizer: Tokenizer, screen: Screen, *, instead: Mapping[int, str] | None = None
) -> list[Window]:
    """Return the windows of a request that are worth reading: its gist first, where there are several."""
    from .reading import gist, windows, words

    def text_of(some: Sequence[Word]) -> str:
        spans: dict[int, tuple[int, int]] = {}
        for word in some:
            start, end = spans.get(word.segment, (word.start, word.end))
            spans[word.segment] = min(start, word.start), max(end, word.end)
        return " ".join((instead or {}).get(n, segments[n].text)[a:b] for n, (a, b) in spans.items())

    def sums(passages: Sequence[Sequence[Word]]) -> list[Sums]:
        return screen.each([text_of(passage) for passage in passages])

    all_words = words(segments, tokenizer, instead=instead)
    found = windows(all_words, segments)
    if len(found) == 1:
        return found
    in_them = sums([window.words for window in found])
    return [gist(all_words, segments, sums), *_lively(list(zip(found, in_them, strict=True)))]


def _lively(found: Sequence[tuple[Window, Sums]]) -> list[Window]:
    """Return the windows in which there can be something: of many, the likeliest, some of them for the actor."""
    some = [n for n, (_, sums) in enumerate(found) if sums.any]
    by_act = sorted(some, key=lambda n: -found[n][1].act)[: MOST_WINDOWS - _OF_THOSE_FOR_ACTOR]
    by_actor = sorted(some, key=lambda n: -found[n][1].actor)[:_OF_THOSE_FOR_ACTOR]
    return [found[n][0] for n in (some if len(some) <= MOST_WINDOWS else sorted({*by_act, *by_actor}))]


_lock = threading.Lock()
_loaded: list[Encoder] = []


def load() -> Encoder:
    """Return the encoder of this version, read from the package once per process (some 60 ms)."""
    with _lock:
        if not _loaded:
            _loaded.append(Encoder(HERE))
        return _loaded[0]
