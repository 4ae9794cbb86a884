"""RapidOCR with the models that its package brings: nothing is downloaded, nothing leaves the machine."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from .line import Line, Pixels, Untyped

__all__ = ["RapidOcr", "is_installed"]

_NEEDED = ("rapidocr", "onnxruntime", "PIL")
#: Measured on screenshots of 900 x 240: one thread and one line at a time take half the time of the defaults, whose
#: threads wait for one another and whose batches are padded to their longest line.
_SETTINGS = {
    "Global.log_level": "critical",  # an engine that says what it reads would write users' words
    "Global.text_score": 0.0,  # what it is not sure of still tells that there is text
    "Global.use_cls": False,  # whether a line stands on its head is found by reading the picture the other way round
    "Det.limit_type": "max",
    "Det.limit_side_len": 1280,
    "Rec.rec_batch_num": 1,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
}
#: A box that is so much higher than wide holds text that runs downwards.
_TALL = 1.5


@lru_cache
def is_installed() -> bool:
    """Whether all that reading needs is there. Nothing is imported."""
    return all(find_spec(name) is not None for name in _NEEDED)


class RapidOcr:
    """An engine for one thread at a time."""

    def __init__(self) -> None:
        self._engine: Untyped = import_module("rapidocr").RapidOCR(params=dict(_SETTINGS))

    def lines(self, pixels: Pixels) -> tuple[Line, ...]:
        """Return the lines of a picture, from the top to the bottom."""
        found = self._engine(np.ascontiguousarray(pixels[:, :, ::-1]))  # blue first, as OpenCV has it
        if found.txts is None or found.boxes is None:
            return ()
        height = len(pixels)
        lines: list[Line] = []
        for text, score, box in zip(found.txts, found.scores, found.boxes, strict=True):
            wide, high = np.ptp(box[:, 0]), np.ptp(box[:, 1])
            top, bottom = float(box[:, 1].min()) / height, float(box[:, 1].max()) / height
            lines.append(Line(str(text), float(score), top, bottom, is_upright=bool(high < wide * _TALL)))
        return tuple(lines)
