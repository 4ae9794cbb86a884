"""Words to pieces."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_azure_openai.signals.meaning.tokenizer import SPECIAL, UNKNOWN, Tokenizer

PIECES = [*SPECIAL, "\u2581", "\u2581face", "\u2581fa", "ce", "s", "f", "a", "c", "e"]
SCORES = [0.0] * len(SPECIAL) + [-3.0, -2.0, -3.0, -3.0, -2.0, -5.0, -5.0, -5.0, -5.0]
TOKENIZER = Tokenizer(PIECES, SCORES)


def pieces(text: str) -> list[str]:
    return [PIECES[n] for n in TOKENIZER.encode(text)]


def test_the_likeliest_pieces_are_chosen() -> None:
    assert pieces("face faces") == ["\u2581face", "\u2581face", "s"]


def test_a_word_is_split_where_no_longer_piece_fits() -> None:
    assert pieces("facace") == ["\u2581fa", "c", "a", "ce"]


def test_characters_without_a_piece_are_one_unknown() -> None:
    assert TOKENIZER.encode("face\u65e5\u672c") == [PIECES.index("\u2581face"), UNKNOWN]


@given(st.text("faces", max_size=9))
def test_no_likelier_pieces_are_overlooked(word: str) -> None:
    score = dict(zip(PIECES, SCORES, strict=True))
    text = f"\u2581{word}"
    best = [0.0]  # of the first characters, over all pieces that they may end with
    for end in range(1, len(text) + 1):
        best.append(max(best[start] + score.get(text[start:end], float("-inf")) for start in range(end)))
    assert sum(SCORES[n] for n in TOKENIZER.encode_word(word)) == best[-1]


def test_case_and_compatibility_forms_make_no_difference() -> None:
    assert TOKENIZER.encode("FACE") == TOKENIZER.encode("face") == TOKENIZER.encode("\uff46\uff41\uff43\uff45")


def test_of_a_word_longer_than_any_window_the_beginning_is_read() -> None:
    assert TOKENIZER.encode_word("face" * 10_000) == TOKENIZER.encode_word("face" * 64)


@given(st.text())
def test_any_text_has_ids_within_the_vocabulary(text: str) -> None:
    assert all(0 <= n < len(TOKENIZER) for n in TOKENIZER.encode(text))


def test_a_vocabulary_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_text("".join(f"{p}\t{s}\n" for p, s in zip(PIECES, SCORES, strict=True)), encoding="utf-8")
    assert Tokenizer.load(path).encode("faces") == TOKENIZER.encode("faces")


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_blank_text_has_no_pieces(text: str) -> None:
    assert TOKENIZER.encode(text) == []
