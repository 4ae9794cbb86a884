"""The evaluation sends the calls of an item at the times that the item gives them, without waiting for those."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from safe_azure_openai.testing import Loopback

from .filmed import Camera, data_url

ROOT = Path(__file__).parent.parent.parent
WORDS = "Describe the street in one sentence."


@pytest.fixture
def evaluation(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("evaluation.run")


def filmed(evaluation: Any, seconds: float | None) -> Any:
    """Return an item of eight pictures of one camera, so many seconds apart."""
    camera, calls = Camera(2), list[dict[str, Any]]()
    for number in range(8):
        content = [
            {"type": "text", "text": WORDS},
            {"type": "image_url", "image_url": {"url": data_url(camera.picture())}},
        ]
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": content}]}
        when = {} if seconds is None else {"t": number * seconds}
        calls.append({"path": "/chat/completions", "body": body, **when})
    return evaluation.Item("one", "file", "slice", "en", None, tuple(calls), False, ())


@pytest.mark.parametrize(
    ("seconds", "source"),
    [(1.0, "pictures (one camera)"), (40.0, "none"), (None, "pictures (one camera)")],
    ids=["a second apart", "most of a minute apart", "no times given"],
)
def test_pictures_arrive_when_their_item_says(
    evaluation: Any, server: Loopback, seconds: float | None, source: str
) -> None:
    outcome = evaluation.run(filmed(evaluation, seconds), server)
    assert (outcome.error, outcome.sent, outcome.blocked) == ("", 1, False)
    _, last = evaluation.guard_for(())
    assert last.decision.facts.timing.source == source
