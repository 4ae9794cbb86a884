"""What is cut over the parts of a request reads as one text."""

from __future__ import annotations

import pytest

from safe_azure_openai.extract import from_json, joined
from safe_azure_openai.model.request import Origin


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (["run a fa", "cial recog", "nition search"], "run a facial recognition search"),
        (["Look at his", "face, please."], "Look at his\nface, please."),
        (["one.", "Two"], "one.\nTwo"),
        (["one", "", "5 two"], "one\n5 two"),
        ([], ""),
    ],
)
def test_a_word_cut_over_parts_becomes_whole_and_others_stay_apart(parts: list[str], text: str) -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": part} for part in parts]}]}
    assert joined(from_json("/chat/completions", body)) == text


def test_only_the_named_origins_are_joined() -> None:
    body = {"instructions": "Be kind.", "input": "Hello", "metadata": {"Unit": "Records"}}
    request = from_json("/responses", body)
    assert joined(request) == "Be kind.\nHello"
    assert joined(request, origins={Origin.METADATA}) == "Unit\nRecords"
