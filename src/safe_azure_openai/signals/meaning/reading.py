"""A request as the encoder reads it: words in order, each with its place, cut into windows.

A short request is one window. A long one is cut, and every window begins with the same short head (who set the
assistant up, and the first and last words of the user's last turn), because "summarise the following" and "run the
following" change what the rest means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...model.request import Origin, Segment
from ..names import tells
from .tokenizer import BEGIN, END, SPECIAL, Tokenizer

__all__ = ["WINDOW", "Window", "Word", "windows", "words"]

#: Tokens of a window, begin and end marks included.
WINDOW = 128
_HEAD_STANDING = 24
_HEAD_USER = 20
_OVERLAP = 16
_MOST_IMAGES = 3

_MARK = {mark.strip("<>"): SPECIAL.index(mark) for mark in SPECIAL}
_ATTACHMENT = {"image": _MARK["image"], "audio": _MARK["audio"], "file": _MARK["document"]}
_TOKEN = re.compile(r"\S+")
#: The last component of an address is the only part of it that people write.
_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://[^/]*/?(?:.*/)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a segment: its token ids, the segment's index, and its span there."""

    ids: tuple[int, ...]
    segment: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Window:
    """Token ids for one pass of the encoder; ``words`` are those of the window's own part, without the head."""

    ids: tuple[int, ...]
    words: tuple[Word, ...]


def words(segments: Sequence[Segment], tokenizer: Tokenizer, *, instead: Mapping[int, str] | None = None) -> list[Word]:
    """Return the words of a request in order, with a mark wherever the speaker changes.

    ``instead`` gives other readings for some segments (a decoded one, say), by index.
    """
    out: list[Word] = []
    origin: Origin | None = None
    images = 0
    for index, segment in enumerate(segments):
        text = instead[index] if instead and index in instead else segment.text
        if segment.kind != "text":
            images += 1
            text = _ADDRESS.sub("", text)
            if images <= _MOST_IMAGES:
                out.append(Word((_ATTACHMENT[segment.kind],), index, 0, 0))
        else:
            # The blanks of an identifier taken apart are not the sender's: they make no sentence of it.
            name = text if text == segment.text else text.replace(" ", "_")
            if segment.origin is Origin.METADATA and not tells(name):
                continue
            if segment.origin is not origin:
                origin = segment.origin
                images = 0
                out.append(Word((_MARK[origin.value],), index, 0, 0))
        out.extend(
            Word(tokenizer.encode_word(match.group()), index, match.start(), match.end())
            for match in _TOKEN.finditer(tokenizer.normalise(text))
        )
    return out


def windows(all_words: Sequence[Word], segments: Sequence[Segment], *, longest: int = WINDOW) -> list[Window]:
    """Return the windows over ``all_words``: one if they fit, else as many as it takes, each behind the head."""
    room = longest - 2
    if sum(len(word.ids) for word in all_words) <= room:
        return [_window((), all_words)]
    head = _head(all_words, segments)
    room -= sum(len(word.ids) for word in head)
    out: list[Window] = []
    start = 0
    while start < len(all_words):
        end, used = start, 0
        while end < len(all_words) and used + len(all_words[end].ids) <= room:
            used += len(all_words[end].ids)
            end += 1
        if end == start:  # one word longer than a window: its beginning stands for it
            long_word = all_words[start]
            out.append(_window(head, [Word(long_word.ids[:room], long_word.segment, long_word.start, long_word.end)]))
            start += 1
            continue
        out.append(_window(head, all_words[start:end]))
        if end == len(all_words):
            break
        back, kept = end, 0
        while back > start + 1 and kept + len(all_words[back - 1].ids) <= _OVERLAP:
            back -= 1
            kept += len(all_words[back].ids)
        start = back
    return out


def _window(head: Sequence[Word], part: Sequence[Word]) -> Window:
    ids = [BEGIN]
    for word in (*head, *part):
        ids.extend(word.ids)
    ids.append(END)
    return Window(tuple(ids), tuple(part))


def _head(all_words: Sequence[Word], segments: Sequence[Segment]) -> list[Word]:
    standing = [word for word in all_words if segments[word.segment].origin is Origin.STANDING]
    last = max((w.segment for w in all_words if segments[w.segment].origin is Origin.USER), default=-1)
    turn = [word for word in all_words if word.segment == last]
    start = _take(turn, _HEAD_USER)
    rest = turn[len(start) :]
    end = list(reversed(_take(list(reversed(rest)), _HEAD_USER)))
    return [*_take(standing, _HEAD_STANDING), *start, *end]


def _take(some: Sequence[Word], tokens: int) -> list[Word]:
    out: list[Word] = []
    for word in some:
        tokens -= len(word.ids)
        if tokens < 0:
            break
        out.append(word)
    return out
