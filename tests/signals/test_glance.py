"""The first look, and what the encoder makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from safe_azure_openai.model.request import Origin, Segment
from safe_azure_openai.signals import meaning
from safe_azure_openai.signals.meaning import Encoder, load
from safe_azure_openai.signals.meaning.glance import Glance
from safe_azure_openai.signals.screen import Sums


def glance(limit: float) -> Glance:
    """One whose act is the highest state of the first column over ``limit``, and which sees no actor."""
    weights: dict[str, npt.NDArray[Any]] = {
        "layers": np.array(2), "least": np.array(0.0), "w1": np.zeros((6, 1)), "b1": np.zeros(1),
        "w2": np.array([[1.0, 0.0]]), "b2": np.array([-limit, -1.0]),
    }  # fmt: skip
    weights["w1"][2, 0] = 10.0
    return Glance(weights)


@pytest.mark.parametrize(("highest", "expected"), [(0.1, False), (0.3, True)])
def test_one_word_of_a_window_is_enough(highest: float, expected: bool) -> None:
    hidden = np.zeros((40, 2), dtype=np.float32)
    hidden[17, 0] = highest
    sums = glance(limit=2.0).sums(hidden)
    assert (sums.act >= 0) is expected
    assert sums.actor < 0
    assert sums.any is expected


def test_a_stored_glance_gives_the_same_sums(tmp_path: Path) -> None:
    weights = {
        "layers": np.array(3),
        "least": np.array(0.0),
        "w1": np.ones((6, 2)),
        "b1": np.ones(2),
        "w2": np.ones((2, 2)),
        "b2": np.ones(2),
    }
    np.savez(tmp_path / "glance.npz", allow_pickle=False, **weights)
    hidden = np.ones((3, 2), dtype=np.float32)
    stored = Glance.read(tmp_path / "glance.npz")
    assert stored.layers == 3
    assert stored.sums(hidden) == Glance(weights).sums(hidden)


def text(words: str) -> list[Segment]:
    return [Segment("text", Origin.USER, "/messages/0/content", words)]


def test_where_the_first_look_finds_nothing_the_upper_layers_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(Path(meaning.__file__).parent)
    monkeypatch.setattr(encoder, "_read", lambda look: pytest.fail("the upper layers were asked"))
    assert encoder.answer(text("A recipe for leek soup"), is_worth=lambda sums: False) is meaning.NOTHING


def test_answers_do_not_depend_on_what_was_read_before() -> None:
    encoder, words = load(), "Which booking number is the man at the till? Sgt. Ode, Mesa PD"
    first = encoder.answer(text(words))
    again = encoder.answer(text(words))
    assert first.scores == again.scores
    alone = Encoder(Path(meaning.__file__).parent).answer(text(words))
    assert alone.scores == first.scores


def test_a_long_text_is_worth_reading_where_one_of_its_windows_is() -> None:
    seen: list[Sums] = []

    def is_worth(sums: Sums) -> bool:
        seen.append(sums)
        return False

    load().answer(text("leek soup " * 200 + "Who of the inmates is this?"), is_worth=is_worth)
    load().answer(text("leek soup " * 200), is_worth=is_worth)
    assert len(seen) == 2
    assert seen[0].act >= seen[1].act
