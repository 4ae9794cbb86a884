"""Write a trained encoder as the package reads it: its weights in few bits, and the vocabulary.

python training/export.py build/encoder.pt src/safe_azure_openai/signals/meaning
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pretrained import BLOCK

from safe_azure_openai.signals.meaning.network import unpack, widen

#: Where answers leave the network: small, and kept as they are.
ENDS = ("head", "whole.into", "whole.head")


def _layers(count: int) -> list[tuple[str, str]]:
    """Return the name of each layer in the package and in training."""
    return [*((str(n), f"layers.{n}") for n in range(count)), ("whole", "whole.layer")]


def narrow(value: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 8-bit integers and the scales, one for each slice along the other axis."""
    scale = np.abs(value).max(axis=axis, keepdims=True) / 127.0
    scale[scale == 0] = 1.0
    return np.round(value / scale).astype(np.int8), scale.astype(np.float16)


def pack(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return four-bit numbers, two a byte, and the scales of blocks of 32.

    The embeddings are kept as they were pretrained, and the package they come from stores them in this very form, in
    which the number furthest from zero is -8: nothing is lost.
    """
    blocks = value.reshape(len(value), -1, BLOCK)
    furthest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[..., None], axis=2)
    scale = furthest / -8.0
    scale[scale == 0] = 1.0
    numbers = np.clip(np.round(blocks / scale) + 8, 0, 15).astype(np.uint8)
    packed = numbers[..., : BLOCK // 2] | (numbers[..., BLOCK // 2 :] << 4)
    return packed.reshape(len(value), -1), scale[..., 0].astype(np.float16)


def export(checkpoint: Path, target: Path) -> None:
    saved = torch.load(checkpoint, map_location="cpu")
    state = {k: v.float().numpy() for k, v in saved["state"].items()}
    out: dict[str, np.ndarray] = {"shape": np.array([saved["layers"], saved["heads"]], dtype=np.int32)}

    def wide(name: str, source: str) -> None:
        out[name] = state[source].astype(np.float16)

    out["word"], out["word.scale"] = pack(state["word.weight"])
    wide("position", "position")
    wide("embedding_norm", "embedding_norm.weight")
    wide("embedding_norm_bias", "embedding_norm.bias")
    for to, source in _layers(saved["layers"]):
        for name in ("qkv", "out", "up", "down"):
            # Stored input by output, so that a row vector is multiplied from the left; one scale per output.
            out[f"{to}.{name}"], out[f"{to}.{name}.scale"] = narrow(state[f"{source}.{name}.weight"].T, 0)
            wide(f"{to}.{name}_bias", f"{source}.{name}.bias")
        for name in ("attention", "output"):
            wide(f"{to}.{name}_norm", f"{source}.{name}_norm.weight")
            wide(f"{to}.{name}_norm_bias", f"{source}.{name}_norm.bias")
    for name in ENDS:
        out[name] = state[f"{name}.weight"].T.astype(np.float32)
        out[f"{name}_bias"] = state[f"{name}.bias"].astype(np.float32)
    np.savez(target / "weights.npz", **out)
    lines = [f"{piece}\t{score:.4f}" for piece, score in zip(saved["pieces"], saved["scores"], strict=True)]
    (target / "vocabulary.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    size = (target / "weights.npz").stat().st_size / 1e6
    print(f"{len(lines)} pieces, {saved['layers']} layers, {size:.1f} MB")


def exported(folder: Path) -> dict[str, Any]:
    """Return what ``export`` wrote, as the checkpoint it came from: the same but for the bits that it rounded away."""
    with np.load(folder / "weights.npz", allow_pickle=False) as weights:
        stored = dict(weights)

    wide = partial(widen, stored)
    state = {
        "word.weight": unpack(stored["word"], wide("word.scale")),
        "position": wide("position"),
        "embedding_norm.weight": wide("embedding_norm"),
        "embedding_norm.bias": wide("embedding_norm_bias"),
    }
    layers, heads = stored["shape"].tolist()
    for to, source in _layers(layers):
        for name in ("qkv", "out", "up", "down"):
            state[f"{source}.{name}.weight"] = wide(f"{to}.{name}").T
            state[f"{source}.{name}.bias"] = wide(f"{to}.{name}_bias")
        for name in ("attention", "output"):
            state[f"{source}.{name}_norm.weight"] = wide(f"{to}.{name}_norm")
            state[f"{source}.{name}_norm.bias"] = wide(f"{to}.{name}_norm_bias")
    for name in ENDS:
        state[f"{name}.weight"] = wide(name).T
        state[f"{name}.bias"] = wide(f"{name}_bias")
    lines = (folder / "vocabulary.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    pieces, scores = zip(*(line.rsplit("\t", 1) for line in lines), strict=True)
    return {
        "state": {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in state.items()},
        "pieces": list(pieces),
        "scores": [float(score) for score in scores],
        "heads": heads,
        "layers": layers,
    }


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
