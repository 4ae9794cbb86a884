"""A request as the encoder reads it: words in order, each with its place, cut into windows.

A short request is one window. A long one is cut, and every window begins with the same short head (who set the
assistant up, that there are pictures, and the first and last words of the user's last turn), because "summarise the
following" and "run the following" change what the rest means. Before those stands its gist: the sentences that matter
most, from wherever they are, because who asks may stand on page 2 and what is asked for on page 40.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...model.request import Origin, Segment
from ..names import tells
from ..screen import Sums
from .tokenizer import BEGIN, END, SPECIAL, Tokenizer

__all__ = ["WINDOW", "Window", "Word", "gist", "windows", "words"]

#: Tokens of a window, begin and end marks included.
WINDOW = 128
_HEAD_STANDING = 24
_HEAD_USER = 20
_OVERLAP = 16
_MOST_IMAGES = 3
#: Tokens of a sentence in the gist at most; of a longer one, the part that matters most.
_SENTENCE = 32
#: Tokens of a sentence at most that says little alone and goes with the one before: "He is on the left. Who is he?"
_SHORT = 6
#: Sentences that the gist looks for, of each question.
_MOST_SENTENCES = 4

_MARK = {mark.strip("<>"): SPECIAL.index(mark) for mark in SPECIAL}
_ATTACHMENT = {"image": _MARK["image"], "audio": _MARK["audio"], "file": _MARK["document"]}
_TOKEN = re.compile(r"\S+")
#: Scripts without spaces: Thai, Lao, Burmese, Khmer, Japanese, Chinese.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
#: From so many underscores on, they join the words of a sentence.
_JOINED = 4
#: There a clause is read as a word is elsewhere, and so much of it at most.
_CLAUSE = re.compile(r"[^、。,.!?;:_]{1,48}[、。,.!?;:_]*|[、。,.!?;:_]+")
_LAST = tuple(".!?。؟।")
#: The last component of an address is the only part of it that people write.
_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://[^/]*/?(?:.*/)?", re.IGNORECASE)


class Word(NamedTuple):  # not a frozen dataclass, which takes twice as long to make
    """One word of a segment: its token ids, the segment's index, its span there, and whether it ends a sentence."""

    ids: tuple[int, ...]
    segment: int
    start: int
    end: int
    is_last: bool = False


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
        normal = tokenizer.normalise(text)
        for start, end in _spans(normal):
            word = normal[start:end]
            is_last = word.endswith(_LAST) or normal.startswith(("\n", "\r"), end)
            out.append(Word(tokenizer.encode_word(word), index, start, end, is_last))
    return out


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for match in _TOKEN.finditer(text):
        if match.end() - match.start() > WINDOW // 4 and _is_sentence(match.group()):
            yield from (clause.span() for clause in _CLAUSE.finditer(text, *match.span()))
        else:
            yield match.span()


def _is_sentence(token: str) -> bool:
    return token.count("_") >= _JOINED or _UNSPACED.search(token) is not None


def gist(
    all_words: Sequence[Word],
    segments: Sequence[Segment],
    sums: Callable[[Sequence[Sequence[Word]]], Sequence[Sums]],
) -> Window:
    """Return one window of the sentences with the highest ``sums`` of either question, in the order of the request."""
    head = _head(all_words, segments)
    room = WINDOW - 2 - _tokens(head)
    sentences = _sentences(all_words)
    scored = sums(sentences)
    by_act = sorted(range(len(sentences)), key=lambda n: -scored[n].act)[:_MOST_SENTENCES]
    by_actor = sorted(range(len(sentences)), key=lambda n: -scored[n].actor)[:_MOST_SENTENCES]
    chosen: set[int] = set()
    for n in (n for pair in zip(by_act, by_actor, strict=True) for n in pair):
        cost = _tokens(sentences[n]) + 1  # and the mark of who speaks
        if n not in chosen and cost <= room:
            chosen.add(n)
            room -= cost
    part: list[Word] = []
    for n in sorted(chosen):
        index = sentences[n][0].segment
        if not part or segments[part[-1].segment].origin is not segments[index].origin:
            part.append(Word((_MARK[segments[index].origin.value],), index, 0, 0))
        part += sentences[n]
    return _window(head, part)


def _sentences(all_words: Sequence[Word]) -> list[list[Word]]:
    """Return the words of each sentence, or of so much of it as the gist has room for, without marks."""
    out: list[list[Word]] = [[]]
    used = 0
    for word in all_words:
        if not word.end:
            continue
        last = out[-1]
        if last and (last[-1].is_last or last[-1].segment != word.segment or used + len(word.ids) > _SENTENCE):
            out.append([])
            used = 0
        out[-1].append(word)
        used += len(word.ids)
    joined: list[list[Word]] = []
    for sentence in filter(None, out):
        before = joined[-1] if joined and joined[-1][-1].segment == sentence[0].segment else None
        if before and _tokens(sentence) <= _SHORT and _tokens(before) <= _SENTENCE:
            before += sentence
        else:
            joined.append(sentence)
    return joined


def windows(all_words: Sequence[Word], segments: Sequence[Segment], *, longest: int = WINDOW) -> list[Window]:
    """Return the windows over ``all_words``: one if they fit, else as many as it takes, each behind the head."""
    room = longest - 2
    if _tokens(all_words) <= room:
        return [_window((), all_words)]
    head = _head(all_words, segments)
    room -= _tokens(head)
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


def _tokens(some: Iterable[Word]) -> int:
    return sum(len(word.ids) for word in some)


def _window(head: Sequence[Word], part: Sequence[Word]) -> Window:
    ids = [BEGIN]
    for word in (*head, *part):
        ids.extend(word.ids)
    ids.append(END)
    return Window(tuple(ids), tuple(part))


def _head(all_words: Sequence[Word], segments: Sequence[Segment]) -> list[Word]:
    standing = [word for word in all_words if segments[word.segment].origin is Origin.STANDING]
    pictures = [word for word in all_words if not word.end and segments[word.segment].kind == "image"]
    last = _last_turn(segments)
    turn = [word for word in all_words if word.segment in last and segments[word.segment].kind == "text"]
    start = _take(turn, _HEAD_USER)
    rest = turn[len(start) :]
    end = list(reversed(_take(list(reversed(rest)), _HEAD_USER)))
    return [*_take(standing, _HEAD_STANDING), *pictures[:_MOST_IMAGES], *start, *end]


def _last_turn(segments: Sequence[Segment]) -> range:
    """Return the indexes of what the user said last, pictures and files included: it may be in several pieces."""
    said = (n for n, s in enumerate(segments) if s.origin is Origin.USER and s.kind == "text" and s.text)
    start = end = max(said, default=-1) + 1
    while start and segments[start - 1].origin is Origin.USER:
        start -= 1
    return range(start, end)


def _take(some: Sequence[Word], tokens: int) -> list[Word]:
    out: list[Word] = []
    for word in some:
        tokens -= len(word.ids)
        if tokens < 0:
            break
        out.append(word)
    return out
