"""The encoder in numpy, against the definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from safe_azure_openai.signals.meaning.network import Network, gelu

WIDTH, HEADS, LONGEST, VOCABULARY, QUESTIONS = 64, 4, 6, 5, 3
NARROW = 32  # what is told of a window, where several are read together


def weights(seed: int = 1) -> dict[str, npt.NDArray[Any]]:
    random = np.random.default_rng(seed)

    def some(*shape: int) -> npt.NDArray[np.float32]:
        return random.normal(0, 0.5, shape).astype(np.float32)

    out: dict[str, npt.NDArray[Any]] = {
        "shape": np.array([2, HEADS], dtype=np.int32),
        "word": random.integers(0, 256, (VOCABULARY, WIDTH // 2), dtype=np.uint8),
        "word.scale": random.normal(0, 0.1, (VOCABULARY, WIDTH // 32)).astype(np.float16),
        "position": some(LONGEST, WIDTH),
        "embedding_norm": np.ones(WIDTH, dtype=np.float32),
        "embedding_norm_bias": np.zeros(WIDTH, dtype=np.float32),
        "head": some(2 * WIDTH, QUESTIONS),
        "head_bias": some(QUESTIONS),
        "whole.into": some(2 * WIDTH, NARROW),
        "whole.into_bias": some(NARROW),
        "whole.head": some(2 * NARROW, QUESTIONS),
        "whole.head_bias": some(QUESTIONS),
    }
    for layer, width in (("0", WIDTH), ("1", WIDTH), ("whole", NARROW)):
        for name, rows, columns in (
            ("qkv", width, 3 * width),
            ("out", width, width),
            ("up", width, 16),
            ("down", 16, width),
        ):
            out[f"{layer}.{name}"] = some(rows, columns)
            out[f"{layer}.{name}_bias"] = some(columns)
        for name in ("attention", "output"):
            out[f"{layer}.{name}_norm"] = np.ones(width, dtype=np.float32)
            out[f"{layer}.{name}_norm_bias"] = np.zeros(width, dtype=np.float32)
    return out


def norm(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.array([(row - row.mean()) / np.sqrt(row.var() + 1e-12) for row in x])


def passed(x: npt.NDArray[np.float64], w: dict[str, npt.NDArray[Any]], layer: str) -> npt.NDArray[np.float64]:
    width = x.shape[1]
    size = width // HEADS
    qkv = x @ w[f"{layer}.qkv"] + w[f"{layer}.qkv_bias"]
    mixed = np.zeros_like(x)
    for head in range(HEADS):
        q, k, v = (qkv[:, part * width + head * size : part * width + (head + 1) * size] for part in range(3))
        for t in range(len(x)):
            scores = np.exp(q[t] @ k.T / np.sqrt(size))
            mixed[t, head * size : (head + 1) * size] = scores / scores.sum() @ v
    x = norm(x + mixed @ w[f"{layer}.out"] + w[f"{layer}.out_bias"])
    up = x @ w[f"{layer}.up"] + w[f"{layer}.up_bias"]
    up = 0.5 * up * (1 + np.tanh(np.sqrt(2 / np.pi) * (up + 0.044715 * up**3)))
    return norm(x + up @ w[f"{layer}.down"] + w[f"{layer}.down_bias"])


def plain(w: dict[str, npt.NDArray[Any]], ids: list[int]) -> npt.NDArray[np.float64]:
    """What the same network tells of a window, head by head and token by token, in double precision."""
    w = {k: v.astype(np.float64) for k, v in w.items()} | {"word": w["word"]}

    def embedding(token: int) -> list[float]:
        """Number n of a block is the low half of byte n, number n + 16 its high half."""
        out = []
        for n in range(WIDTH):
            block, place = divmod(n, 32)
            byte = int(w["word"][token][16 * block + place % 16])
            out.append(((byte >> 4 if place >= 16 else byte & 15) - 8) * float(w["word.scale"][token][block]))
        return out

    x = norm(np.array([embedding(i) for i in ids]) + w["position"][: len(ids)])
    for layer in ("0", "1"):
        x = passed(x, w, layer)
    return np.concatenate([x.mean(axis=0), x[0]])


@pytest.mark.parametrize("ids", [[1], [1, 2, 3], [4, 3, 2, 1, 0, 4]])
def test_the_network_computes_what_its_definition_says(ids: list[int]) -> None:
    w = weights()
    assert np.allclose(Network(w)(ids), plain(w, ids) @ w["head"] + w["head_bias"], atol=1e-4)


def test_several_windows_are_read_together() -> None:
    w = weights()
    network = Network(w)
    windows = ([1, 2, 3], [4], [3, 3])
    into = np.array([plain(w, ids) @ w["whole.into"] + w["whole.into_bias"] for ids in windows])
    x = passed(into, w, "whole")
    expected = np.concatenate([x.mean(axis=0), x.max(axis=0)]) @ w["whole.head"] + w["whole.head_bias"]

    told = [network.upper(network.lower(ids, 0), 0)[1] for ids in windows]

    assert np.allclose(network.whole(told), expected, atol=1e-4)


def test_the_order_of_words_matters() -> None:
    network = Network(weights())
    assert not np.allclose(network([1, 2, 3]), network([3, 2, 1]))


def test_a_stored_network_answers_like_the_one_that_was_stored(tmp_path: Path) -> None:
    w = weights()
    np.savez(tmp_path / "w.npz", allow_pickle=False, **w)
    assert np.array_equal(Network.load(tmp_path / "w.npz")([1, 2]), Network(w)([1, 2]))


def test_gelu_leaves_its_argument_alone() -> None:
    x = np.array([-1.0, 0.0, 2.0], dtype=np.float32)
    assert np.allclose(gelu(x), [-0.1588, 0.0, 1.9546], atol=1e-3)
    assert x.tolist() == [-1.0, 0.0, 2.0]
