"""A first look by the encoder's lower layers: whether the upper ones have anything to tell of a window.

The lower layers already know what a window is about, though not yet what is asked of whom. Most windows that pass the
screen need no more than that, which is a third of the work. Trained by ``training/glance.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..screen import Sums
from .network import gelu

__all__ = ["Glance"]

Array = npt.NDArray[np.float32]


class Glance:
    """Two sums, as the screen has them, from what the first ``layers`` layers make of a window."""

    def __init__(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        self.layers = int(weights["layers"])
        self._least = float(weights["least"])
        self._w1, self._b1, self._w2, self._b2 = (weights[name].astype(np.float32) for name in ("w1", "b1", "w2", "b2"))

    @classmethod
    def read(cls, path: Path) -> Glance:
        """Return the glance stored at ``path``."""
        with np.load(path, allow_pickle=False) as weights:
            return cls(dict(weights))

    def sums(self, hidden: Array) -> Sums:
        """Return the sums of one window; ``hidden`` has a row a token."""
        pooled: Array = np.concatenate([hidden.mean(axis=0), hidden.max(axis=0), hidden[0]])
        act, actor = (gelu(pooled @ self._w1 + self._b1) @ self._w2 + self._b2).tolist()
        return Sums(act, actor, self._least)
