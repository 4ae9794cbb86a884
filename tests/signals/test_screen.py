"""The screen: sums over stretches of words."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from safe_azure_openai.signals import screen as module
from safe_azure_openai.signals.screen import NOTHING, STRETCH, Screen, Sums, highest, words_of

#: A word's embedding: is it about the act, is it about the actor.
PLACES = {"match": (1.0, 0.0), "police": (0.0, 1.0)}


def embeddings(words: Sequence[str]) -> npt.NDArray[np.float32]:
    return np.array([PLACES.get(word, (0.0, 0.0)) for word in words], dtype=np.float32)


def screen(reach: int = 0) -> Screen:
    """One in which a word has a feature at its place, and so far before and after it."""
    eye = np.eye(2, dtype=np.float32)
    adds = np.repeat(eye[:, None], 2 * reach + 1, axis=1)
    weights: dict[str, npt.NDArray[Any]] = {
        "w1": 20 * eye, "b1": np.zeros(2), "w2": adds, "bias": np.full(2, -10.0),
        "up": eye, "up_bias": np.zeros(2), "down": eye, "down_bias": np.full(2, -0.5), "least": np.array(0.0),
    }  # fmt: skip
    return Screen(weights, embeddings)


def verdict(text: str) -> tuple[bool, bool]:
    sums = screen().sums(text)
    return sums.act >= 0, sums.actor >= 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (False, False)),
        ("a recipe for soup", (False, False)),
        ("Match, please!", (True, False)),
        ("the (police)", (False, True)),
        ("police: match", (True, True)),
    ],
)
def test_a_word_counts_wherever_it_stands(text: str, expected: tuple[bool, bool]) -> None:
    assert verdict(text) == expected


def test_words_around_it_cannot_hide_it() -> None:
    assert verdict("soup " * 500 + "police match " + "soup " * 500) == (True, True)


def test_words_add_up_within_reach_of_one_another() -> None:
    apart, near = (screen(reach=1).sums(text).act for text in ("match one two match", "match match"))
    assert near == pytest.approx(apart + 20)


def test_what_a_word_adds_depends_on_which_side_it_stands() -> None:
    eye = np.eye(2, dtype=np.float32)
    ahead = screen(reach=1)
    ahead._w2 = np.stack([eye, 0 * eye, 0 * eye], axis=1)  # a word adds to the place after it
    assert ahead.sums("soup match").act < ahead.sums("match soup").act


@pytest.mark.parametrize("reach", [0, 2])
def test_texts_that_are_asked_about_together_do_not_see_one_another(reach: int) -> None:
    texts = [
        "match",
        "",
        "police " * 3,
        "soup " * 200 + "match",
        "...",
        "police match " * 90,
        "soup",
        "soup " * 9000 + "match",
    ]
    together = screen(reach).each(texts)
    assert together == [screen(reach).sums(text) for text in texts]
    assert (together[1].any, together[4].any) == (False, False)


@pytest.mark.parametrize("before", range(0, 2 * STRETCH, 17))
def test_neighbours_are_summed_together_wherever_the_stretches_begin(before: int) -> None:
    together = screen().sums("soup " * before + "police match" + " soup" * 200)
    assert together.act >= 0
    assert together.actor >= 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Who-is (he)?", ["who", "is", "he"]),
        ("Gesichtsprüfung, bitte", ["gesichtsprüfung", "bitte"]),
        ("识别人脸", ["识别", "别人", "人脸"]),
        ("脸", ["脸"]),
        ("얼굴 확인", ["얼굴", "확인"]),
    ],
)
def test_words_are_parted_by_spaces_or_by_pairs_of_characters(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_full_memory_starts_anew_and_changes_no_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WORDS", 50)
    small = screen()
    for n in range(200):
        text = f"word{n} police " + " ".join(f"w{n}x{m}" for m in range(7))
        assert small.sums(text) == screen().sums(text)
    assert len(small._known[0]) <= 50


def test_threads_get_the_same_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WORDS", 300)
    shared = screen()
    texts = [
        " ".join(f"w{(n * 7 + m) % 900}" for m in range(40)) + (" police match" if n % 2 else "") for n in range(400)
    ]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(shared.sums, texts)) == [screen().sums(text) for text in texts]


@pytest.mark.parametrize(
    ("act", "actor", "both"), [(0.0, 3.0, True), (1.4, 1.4, False), (9.0, -0.1, False), (-0.1, 9.0, False)]
)
def test_two_low_sums_are_none(act: float, actor: float, both: bool) -> None:
    assert Sums(act, actor, least=3.0).both is both


def test_what_is_told_by_two_texts_counts_together() -> None:
    assert highest([Sums(4.0, -9.0, 3.0), NOTHING, Sums(-9.0, 2.0, 3.0)]) == Sums(4.0, 2.0, 3.0)
