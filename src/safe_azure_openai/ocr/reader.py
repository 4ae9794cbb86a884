"""Reads the pictures of requests, each once, within a time, and puts their words where they stand.

The scanned pages of a document are such pictures, too: they belong to the segment of the document.

Worker threads read, with an engine each, for engines keep state. Who asks waits for at most ``seconds``; what is not
read by then is reported.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, replace

import numpy as np

from ..extract.attachments import bytes_of, decode_base64
from ..extract.images import Device
from ..model.request import Gap, Origin, Overlay, Picture, Request, Segment, Signal
from .decode import frames, is_drawn
from .engine import RapidOcr, is_installed
from .gate import Look, is_lightly_packed, look
from .line import Engine, Line, Pixels
from .overlay import overlay_of

__all__ = ["Reader", "shared"]

#: Seconds that all pictures of one call may take together.
SECONDS = 20.0
#: Pictures remembered with what stands in them, and characters of each.
REMEMBERED = 512
MAX_CHARS = 20_000
#: Gaps reported for one call; more would say nothing new.
MAX_GAPS = 32
#: Threads that read; each has an engine of some 200 MB.
MAX_THREADS = 4
#: Below this a reading of a page is taken for one of a page that lies on its side: letters, and how sure they are.
MIN_LETTERS, MIN_SCORE = 12, 0.8
#: Below this a line is taken for none.
MIN_LINE_SCORE = 0.5
#: Words from which on a text in a scene is one that somebody wrote to be read: signs and shirts have fewer.
MIN_TOLD = 4
#: Bytes in which the size of a picture stands. A multiple of 3, as base64 wants it.
HEAD = 24 * 1024
#: Quarter turns that are tried, in this order.
_TURNS = (1, 3, 2)
#: Longest side of what the gate looks at.
_GATE_SIDE = 1000

_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]{2,}|[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]{2}")


@dataclass(frozen=True, slots=True)
class Inscription:
    """What stands in a picture: words to be judged, and the overlay of a camera."""

    words: str = ""
    is_told: bool = True  # words for whoever reads the picture, not those of a sign or a shirt in it
    names: tuple[str, ...] = ()  # in an overlay
    device: Device | None = None
    is_live: bool = False
    clock_s: float | None = None
    is_read: bool = True


class Reader:
    """Reads pictures. Thread-safe; shared by all guards of a process.

    Args:
        engine: makes an engine, once for each thread; None where there is none.
        seconds: how long all pictures of one call may take together.
        clock: seconds, for that.
    """

    def __init__(
        self,
        engine: Callable[[], Engine] | None,
        *,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = engine
        self._seconds = seconds
        self._clock = clock
        self._own = threading.local()
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, Future[Inscription]] = OrderedDict()
        threads = min(MAX_THREADS, os.cpu_count() or 1)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="safe-azure-openai-ocr")

    @property
    def can_read(self) -> bool:
        """Whether there is an engine."""
        return self._make is not None

    def read(self, requests: Sequence[Request]) -> tuple[Request, ...]:
        """Return the requests with the words, the cameras and the gaps that their pictures add."""
        deadline = self._clock() + self._seconds
        left = MAX_GAPS
        out: list[Request] = []
        for request in requests:
            if request.pictures:
                request = self._inscribed(request, deadline, left)
                left -= sum(gap.is_unread_text for gap in request.gaps)
            out.append(request)
        return tuple(out)

    def _inscribed(self, request: Request, deadline: float, most_gaps: int) -> Request:
        if self._make is None:
            return _unread(request, most_gaps)
        begun = [(picture, self._begin(picture)) for picture in request.pictures]
        found: defaultdict[int, list[Inscription]] = defaultdict(list)
        gaps: list[Gap] = []
        for picture, future in begun:
            segment = request.segments[picture.segment]
            try:
                inscription = future.result(max(deadline - self._clock(), 0.0))
            except (NotInTime, CancelledError):
                future.cancel()
                gaps.append(Gap(segment.pointer, "picture_timeout"))
                continue
            found[picture.segment].append(inscription)
            if not inscription.is_read or (segment.kind == "file" and not is_drawn(bytes_of(picture))):
                gaps.append(Gap(segment.pointer, "unread_picture"))
        before = [gap for gap in request.gaps if not gap.is_unread_text]  # that pages are unread was said before
        return replace(
            request,
            segments=tuple(_with_words(request.segments, found)),
            signals=tuple(_with_cameras(request, found)),
            gaps=(*before, *list(dict.fromkeys(gaps))[: max(most_gaps, 0)]),
            overlays=tuple(
                Overlay(index, one.clock_s, one.is_live)
                for index, some in found.items()
                for one in some
                if one.is_live or one.clock_s is not None
            ),
        )

    def _begin(self, picture: Picture) -> Future[Inscription]:
        """Return what stands in a picture, or will: each picture is read once, however often it is sent."""
        data = bytes_of(picture)
        digest = hashlib.sha256(data).digest()
        with self._lock:
            future = self._known.pop(digest, None)
            if future is None or future.cancelled():
                future = self._threads.submit(self._read, data)
            self._known[digest] = future
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return future

    def _read(self, data: bytes) -> Inscription:
        if not is_drawn(data):
            return Inscription()
        try:
            return _joined([self._read_frame(pixels) for pixels in frames(data)])
        except Exception:  # noqa: BLE001 - what cannot be decoded or makes an engine fail is not read, whatever it was
            return Inscription(is_read=False)

    def _read_frame(self, pixels: Pixels) -> Inscription:
        step = max(-(-max(pixels.shape[:2]) // _GATE_SIDE), 1)
        seen = look(pixels[::step, ::step])
        if seen == "nothing":
            return Inscription()
        overlay = overlay_of(self._lines(pixels, seen))
        words = "\n".join(line.text for line in overlay.rest)[:MAX_CHARS]
        is_told = seen == "page" or len(_WORD.findall(words)) >= MIN_TOLD
        return Inscription(words, is_told, overlay.names, overlay.device, overlay.is_live, overlay.clock_s)

    def _lines(self, pixels: Pixels, seen: Look) -> tuple[Line, ...]:
        """Return the lines of a picture; of one that seems to lie on its side, those of the turn that reads best."""
        engine = self._engine()
        best = engine.lines(pixels)
        lies = sum(not line.is_upright for line in best) * 2 > len(best)
        if lies or (seen == "page" and best and not _is_good(best)):
            for turns in _TURNS:
                lines = engine.lines(np.rot90(pixels, turns))
                best = max(best, lines, key=_worth)
                if _is_good(lines):
                    break
        return tuple(line for line in best if line.score >= MIN_LINE_SCORE)

    def _engine(self) -> Engine:
        engine: Engine | None = getattr(self._own, "engine", None)
        if engine is None:
            assert self._make is not None  # noqa: S101 - asked before
            engine = self._own.engine = self._make()
        return engine


def _unread(request: Request, most_gaps: int) -> Request:
    """Return a request whose pictures nobody reads: what is likely a page is a gap. A larger picture costs no more.

    Of scanned documents it was said when they were found.
    """
    pictures = [(picture, request.segments[picture.segment]) for picture in request.pictures]
    gaps = [
        Gap(segment.pointer, "unread_picture")
        for picture, segment in pictures
        if segment.kind != "file" and _is_likely_page(picture)
    ]
    return replace(request, gaps=(*request.gaps, *gaps[: max(most_gaps, 0)]))


def _is_likely_page(picture: Picture) -> bool:
    if isinstance(picture.encoded, bytes):
        head, size = picture.encoded[:HEAD], len(picture.encoded)
    else:
        head = decode_base64(picture.encoded[picture.start : picture.start + HEAD // 3 * 4]) or b""
        size = (len(picture.encoded) - picture.start) // 4 * 3
    return is_drawn(head) and is_lightly_packed(head, size)


def _letters(lines: Sequence[Line]) -> int:
    return sum(len(_LETTER.findall(line.text)) for line in lines)


def _worth(lines: Sequence[Line]) -> float:
    """Return how much of a reading can be relied upon; lines that run downwards are those of a page on its side."""
    return sum(len(_LETTER.findall(line.text)) * line.score**4 * (1 if line.is_upright else 0.5) for line in lines)


def _is_good(lines: Sequence[Line]) -> bool:
    upright = [line for line in lines if line.is_upright]
    letters = _letters(upright)
    return letters >= MIN_LETTERS and _worth(upright) >= letters * MIN_SCORE**4


def _joined(some: Sequence[Inscription]) -> Inscription:
    """Return what stands in the frames of one picture; what stands in several of them, once."""
    return Inscription(
        "\n".join(dict.fromkeys(one.words for one in some if one.words))[:MAX_CHARS],
        any(one.is_told for one in some if one.words),
        tuple(dict.fromkeys(name for one in some for name in one.names)),
        next((one.device for one in some if one.device is not None), None),
        any(one.is_live for one in some),
        next((one.clock_s for one in some if one.clock_s is not None), None),
    )


def _with_words(segments: Sequence[Segment], found: Mapping[int, Sequence[Inscription]]) -> Iterator[Segment]:
    """Yield the segments, and behind each picture the words in it: as if typed there, or as an inscription.

    Those of a scanned page are words of its document.
    """
    for index, segment in enumerate(segments):
        yield segment
        typed = Origin.FILE if segment.kind == "file" else segment.origin
        for inscription in found.get(index, ()):
            if inscription.names:
                yield Segment("text", Origin.METADATA, segment.pointer, "\n".join(inscription.names))
            if _WORD.search(inscription.words):
                origin = typed if inscription.is_told else Origin.METADATA
                yield Segment("text", origin, segment.pointer, inscription.words)


def _with_cameras(request: Request, found: Mapping[int, Sequence[Inscription]]) -> Iterator[Signal]:
    yield from request.signals
    known = {(signal.device, signal.is_live) for signal in request.signals}
    for index, inscription in ((index, one) for index, some in found.items() for one in some):
        device = inscription.device
        if device is not None and (device.id, inscription.is_live) not in known:
            known.add((device.id, inscription.is_live))
            pointer = request.segments[index].pointer
            yield Signal(device.camera, pointer, device.id, device.police_only, inscription.is_live)


_shared: list[tuple[int, Reader]] = []
_shared_lock = threading.Lock()


def shared() -> Reader:
    """Return the reader of this process; a process that was forked has threads of its own."""
    with _shared_lock:
        if not _shared or _shared[0][0] != os.getpid():
            _shared[:] = [(os.getpid(), Reader(RapidOcr if is_installed() else None))]
        return _shared[0][1]
