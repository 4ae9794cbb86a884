"""Whether the pictures of a session come from one moving camera, and whether anything says that they come live.

Likeness alone says "one camera" and nothing of when: a time-lapse and footage that is reviewed look the same. It is
live if something else says so too: pictures in a realtime session, LIVE in an overlay, or an overlay whose clock runs
with their arrivals. What words say is for ``merge`` to weigh.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Literal

import numpy as np

from ..extract.attachments import bytes_of
from ..model.request import Overlay, Picture, Request, Stream
from ..model.wire import Wire
from .frame import FRAME, Frames, frames_of
from .profile import likeness, profile_of
from .store import MAX_AGE_S, MemoryStore, Store

__all__ = ["Streams", "can_track"]

#: From this on a picture resembles an earlier one.
ALIKE = 0.75
#: Of the last scenes, the share that resemble an earlier one; how many are looked at; and how many there have to be.
SHARE, LAST, FEWEST = 0.6, 12, 5
#: Scenes in a row that resemble an earlier one.
IN_A_ROW = 3
#: Scenes in a realtime session from which on it is a camera's, whether or not they resemble one another.
IN_SESSION = 4
#: A clock runs with the arrivals if so many pictures, over so many seconds, differ by no more than this.
CLOCKS, CLOCK_SPAN_S, CLOCK_DRIFT_S = 3, 5.0, 1.5
#: Pictures of one request that are looked at, the last ones: a chat sends its earlier ones again.
MOST_PICTURES = 24

_DAY_S = 24 * 3600.0
#: Characters at the beginning, in the middle and at the end by which a picture is known again.
_SAMPLE = 8 * 1024
#: Where a request names whom it is for, besides the ids of conversations.
_WHO = ("/safety_identifier", "/user")
_LINKS = ("conversation", "thread")


@lru_cache
def can_track() -> bool:
    """Whether pictures can be decoded: the extra ``vision`` or ``ocr`` is installed. Nothing is imported."""
    return find_spec("PIL") is not None


class Streams:
    """The pictures that one client sent lately, by session; thread-safe.

    Args:
        store: where they are remembered.
        clock: seconds since 1970, which several processes agree on.
    """

    def __init__(self, store: Store | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.store: Store = store if store is not None else MemoryStore()
        self._clock = clock

    def watch(self, wire: Wire, requests: Sequence[Request]) -> Sequence[Request]:
        """Return the requests, with what their pictures and those before them tell together.

        An upload of many requests is not live, so it is left alone.
        """
        if len(requests) != 1 or not can_track():
            return requests
        (request,) = requests
        pictures = [picture for picture in request.pictures if request.segments[picture.segment].kind == "image"]
        if not pictures:  # none, or the pages of a document
            return requests
        stream = self._stream(_name(wire, request), request, pictures)
        return (replace(request, stream=stream),)

    def _stream(self, name: str, request: Request, pictures: Sequence[Picture]) -> Stream | None:
        now = self._clock()
        frames = _recent(self.store.pieces(name), now)
        overlays = {overlay.segment: overlay for overlay in request.overlays}
        for picture in pictures[-MOST_PICTURES:]:
            digest = _digest(picture)
            if digest in frames["digest"].tolist():
                continue
            frame = _frame(picture, digest, frames, overlays.get(picture.segment), now)
            self.store.add(name, frame.tobytes())
            frames = np.concatenate([frames, frame])
        is_one = _is_one_camera(frames)
        is_session = request.path.startswith("/realtime") and np.count_nonzero(frames["is_scene"]) >= IN_SESSION
        if not is_one and not is_session:
            return None
        pointer = request.segments[pictures[-1].segment].pointer
        return Stream(pointer, is_one, "realtime session" if is_session else _shown_live(frames))


def _name(wire: Wire, request: Request) -> str:
    """Return the name of the session that a request belongs to, from which the ids in it cannot be read."""
    who = [wire.connection]
    who += [link.id for link in request.links if link.kind in _LINKS]
    who += [segment.text for segment in request.segments if segment.pointer in _WHO]
    chosen = next(filter(None, who), "")
    return hashlib.sha256(chosen.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _recent(pieces: bytes, now: float) -> Frames:
    frames = frames_of(pieces)
    return frames[frames["at"] > now - MAX_AGE_S]


def _digest(picture: Picture) -> bytes:
    """Return by what a picture is known again: samples of it, for all of it may be megabytes."""
    encoded = picture.encoded
    middle = len(encoded) // 2
    samples = (encoded[:_SAMPLE], encoded[middle : middle + _SAMPLE], encoded[-_SAMPLE:], str(len(encoded)))
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(sample.encode("utf-8", "surrogatepass") if isinstance(sample, str) else sample)
    return digest.digest()[:8]


def _frame(picture: Picture, digest: bytes, frames: Frames, overlay: Overlay | None, now: float) -> Frames:
    """Return one picture as a frame. The first of a session is not decoded: one picture is no stream."""
    frame = np.zeros(1, dtype=FRAME)
    frame["digest"], frame["at"] = np.void(digest), now
    frame["clock"] = overlay.clock_s if overlay is not None and overlay.clock_s is not None else np.nan
    frame["is_live"] = overlay is not None and overlay.is_live
    profile = profile_of(bytes_of(picture)) if len(frames) else None
    if profile is not None:
        frame["is_scene"], frame["profile"] = True, profile
        frame["is_alike"] = likeness(profile, frames["profile"][frames["is_scene"]]) >= ALIKE
    return frame


def _is_one_camera(frames: Frames) -> bool:
    alike = frames["is_alike"][frames["is_scene"]]
    if len(alike) < FEWEST:
        return False
    return bool(alike[-IN_A_ROW:].all() and alike[-LAST:].mean() >= SHARE)


def _shown_live(frames: Frames) -> Literal["", "LIVE", "clock"]:
    """Return what the overlays say of when: nothing, that it is live, or a clock that runs with the arrivals."""
    if frames["is_live"][-LAST:].any():
        return "LIVE"
    timed = frames[~np.isnan(frames["clock"])]
    if len(timed) < CLOCKS:
        return ""
    late = timed["clock"] - timed["at"]
    drift = np.abs((late - late[-1] + _DAY_S / 2) % _DAY_S - _DAY_S / 2)
    together = timed["at"][drift <= CLOCK_DRIFT_S]
    is_running = len(together) >= CLOCKS and float(np.ptp(together)) >= CLOCK_SPAN_S
    return "clock" if is_running else ""
