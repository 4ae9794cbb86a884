"""The encoder: a small transformer with one output per question, in numpy.

The embeddings of words are stored in four bits, blocks of 32 with a scale each, as in the package they come from, and
widened when they are used; the other weights are 8-bit integers with one scale per output, widened when loaded. A
window of token ids goes in; one number per head comes out, before the logistic function. Deterministic on one machine;
no framework, no downloads.
"""

# numpy's stubs leave the shapes of reshaped and transposed arrays unknown.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Network", "gelu", "unpack", "widen"]

Array = npt.NDArray[np.float32]
#: Numbers of an embedding that share a scale.
BLOCK = 32


class Network:
    """A BERT-style encoder with mean pooling and linear heads."""

    def __init__(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        layers, heads = (int(n) for n in weights["shape"])
        self._heads = heads
        self._word: npt.NDArray[np.uint8] = weights["word"]
        self._word_scale = widen(weights, "word.scale")
        self._position = widen(weights, "position")
        self._embedding_norm = _norm(weights, "embedding")
        self._layers = [_layer(weights, str(n)) for n in range(layers)]
        self._head, self._head_bias = widen(weights, "head"), widen(weights, "head_bias")
        self._into, self._into_bias = widen(weights, "whole.into"), widen(weights, "whole.into_bias")
        self._together = _layer(weights, "whole")
        self._correction, self._correction_bias = widen(weights, "whole.head"), widen(weights, "whole.head_bias")

    @classmethod
    def load(cls, path: Path) -> Network:
        with np.load(path, allow_pickle=False) as weights:
            return cls(dict(weights))

    @property
    def longest(self) -> int:
        """The most tokens a window may have."""
        return int(self._position.shape[0])

    def embeddings(self, words: Sequence[Sequence[int]]) -> Array:
        """Return the mean of the pretrained embeddings of the token ids of each word, one a row; none is empty."""
        lengths = [len(ids) for ids in words]
        starts = list(accumulate(lengths[:-1], initial=0))
        pieces = self._words([token for ids in words for token in ids])
        means: Array = np.add.reduceat(pieces, starts, axis=0)
        means /= np.array(lengths, dtype=np.float32)[:, None]
        return means

    def _words(self, ids: Sequence[int]) -> Array:
        """Return the embeddings of token ids, one a row."""
        rows = np.asarray(ids)
        return unpack(self._word[rows], self._word_scale[rows])

    def __call__(self, ids: Sequence[int]) -> Array:
        """Return the heads' logits for one window of token ids, begin and end marks included."""
        return self.upper(self.lower(ids, 0), 0)[0]

    def lower(self, ids: Sequence[int], layers: int) -> Array:
        """Return what the first ``layers`` layers make of one window of token ids, a row a token."""
        x: Array = _layer_norm(self._words(ids) + self._position[: len(ids)], self._embedding_norm)
        for layer in self._layers[:layers]:
            x = self._passed(x, layer)
        return x

    def upper(self, x: Array, layers: int) -> tuple[Array, Array]:
        """Return the heads' logits for what the first ``layers`` layers made of a window, and what ``whole`` asks."""
        for layer in self._layers[layers:]:
            x = self._passed(x, layer)
        pooled = np.concatenate([x.mean(axis=0), x[0]])
        return pooled @ self._head + self._head_bias, pooled @ self._into + self._into_bias

    def whole(self, windows: Sequence[Array]) -> Array:
        """Return what several windows of one text, each as ``upper`` told it, add to the surest logits."""
        x = self._passed(np.stack(windows), self._together)
        correction: Array = np.concatenate([x.mean(axis=0), x.max(axis=0)]) @ self._correction + self._correction_bias
        return correction

    def _passed(self, x: Array, layer: tuple[Any, ...]) -> Array:
        qkv, qkv_bias, out, out_bias, norm_1, up, up_bias, down, down_bias, norm_2 = layer
        tokens, width = x.shape
        per_head = width // self._heads
        scale = np.float32(per_head**-0.5)
        mixed: Array = x @ qkv + qkv_bias
        parts: Array = mixed.reshape(tokens, 3, self._heads, per_head).transpose(1, 2, 0, 3)
        keys: Array = parts[1].transpose(0, 2, 1)
        attended: Array = _softmax(parts[0] @ keys * scale) @ parts[2]
        joined: Array = attended.transpose(1, 0, 2).reshape(tokens, width)
        x = _layer_norm(x + joined @ out + out_bias, norm_1)
        widened: Array = x @ up + up_bias
        return _layer_norm(x + gelu(widened) @ down + down_bias, norm_2)


def _layer(weights: Mapping[str, npt.NDArray[Any]], name: str) -> tuple[Any, ...]:
    """Return the weights of one layer, in the order in which they are used."""
    return (
        *(widen(weights, f"{name}.{part}") for part in ("qkv", "qkv_bias", "out", "out_bias")),
        _norm(weights, f"{name}.attention"),
        *(widen(weights, f"{name}.{part}") for part in ("up", "up_bias", "down", "down_bias")),
        _norm(weights, f"{name}.output"),
    )


def unpack(packed: npt.NDArray[np.uint8], scale: Array) -> Array:
    """Return rows of four-bit numbers, two a byte in blocks with a scale each, as float32."""
    halves = packed.reshape(len(packed), -1, BLOCK // 2)
    values = np.concatenate([halves & 0x0F, halves >> 4], axis=2).astype(np.float32) - np.float32(8)
    result: Array = (values * scale[:, :, None]).reshape(len(packed), -1)
    return result


def widen(weights: Mapping[str, npt.NDArray[Any]], name: str) -> Any:
    """Return an array as float32; 8-bit ones are multiplied by the scale of their row."""
    value = weights[name]
    if value.dtype == np.int8:
        return value.astype(np.float32) * weights[name + ".scale"].astype(np.float32)
    return value.astype(np.float32)


def _norm(weights: Mapping[str, npt.NDArray[Any]], name: str) -> tuple[Array, Array]:
    return widen(weights, name + "_norm"), widen(weights, name + "_norm_bias")


def _layer_norm(x: Array, norm: tuple[Array, Array]) -> Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    result: Array = centred / np.sqrt(variance + np.float32(1e-12)) * norm[0] + norm[1]
    return result


def _softmax(x: Array) -> Array:
    e: Array = np.exp(x - x.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e


def gelu(x: Array) -> Array:
    """Return the Gaussian error linear unit of ``x``."""
    # The tanh form (Hendrycks and Gimpel, 2016); training uses the same one. In place: the arrays are the large ones.
    t: Array = x * x
    t *= np.float32(0.044715)
    t += np.float32(1)
    t *= x
    t *= np.float32(0.7978845608)
    np.tanh(t, out=t)
    t += np.float32(1)
    t *= x
    t *= np.float32(0.5)
    return t
