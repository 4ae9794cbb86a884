"""A request as words, and the words as windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_azure_openai.model.request import Kind, Origin, Segment
from safe_azure_openai.signals.meaning.reading import WINDOW, Word, gist, windows, words
from safe_azure_openai.signals.meaning.tokenizer import BEGIN, END, SPECIAL, Tokenizer
from safe_azure_openai.signals.screen import Sums

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789."
TOKENIZER = Tokenizer([*SPECIAL, "\u2581", *LETTERS], [0.0] * len(SPECIAL) + [-1.0] * (1 + len(LETTERS)))


def segment(text: str, origin: Origin = Origin.USER, kind: Kind = "text") -> Segment:
    return Segment(kind, origin, "/x", text)


def marks(*segments: Segment) -> list[str]:
    return [SPECIAL[w.ids[0]] for w in words(segments, TOKENIZER) if len(w.ids) == 1 and w.ids[0] < len(SPECIAL)]


def test_a_mark_says_who_speaks_wherever_that_changes() -> None:
    told = [segment("be kind", Origin.STANDING), segment("hi"), segment("there"), segment("hello", Origin.ASSISTANT)]
    assert marks(*told) == ["<standing>", "<user>", "<assistant>"]


def test_pictures_leave_a_mark_and_a_crowd_of_them_only_three() -> None:
    assert marks(segment("look"), *[segment("", kind="image")] * 9) == ["<user>", "<image>", "<image>", "<image>"]


def test_of_an_address_only_the_name_of_the_file_is_read() -> None:
    picture = segment("https://cdn.example.org/a/b/suspect.jpg", kind="image")
    plain = segment("suspect.jpg", kind="image")
    assert [w.ids for w in words([picture], TOKENIZER)] == [w.ids for w in words([plain], TOKENIZER)]


def test_names_that_say_nothing_are_not_read() -> None:
    assert words([segment("gpt-4o-mini", Origin.METADATA)], TOKENIZER) == []
    assert len(words([segment("custody-match", Origin.METADATA)], TOKENIZER)) == 2


@pytest.mark.parametrize(
    ("name", "undone", "read"), [("fc_screen", "fc screen", 0), ("custodyMatch", "custody match", 3), ("eA==", "x", 0)]
)
def test_an_identifier_that_was_taken_apart_is_still_a_name(name: str, undone: str, read: int) -> None:
    assert len(words([segment(name, Origin.METADATA)], TOKENIZER, instead={0: undone})) == read


def test_a_short_request_is_one_window() -> None:
    told = [segment("who is this")]
    (window,) = windows(words(told, TOKENIZER), told)
    assert (window.ids[0], window.ids[-1]) == (BEGIN, END)


def test_every_window_of_a_long_request_begins_with_what_it_is_about() -> None:
    told = [segment("we are police", Origin.STANDING), segment("sum up " + "blah " * 300 + "the end")]
    found = windows(words(told, TOKENIZER), told)
    assert len(found) > 5
    assert len({window.ids[:20] for window in found}) == 1


@pytest.mark.parametrize("between", [[], [segment("")]], ids=["nothing", "an empty piece"])
def test_what_is_said_last_in_several_pieces_is_one_turn(between: list[Segment]) -> None:
    before = [segment("good day"), segment("hello", Origin.ASSISTANT)]
    last = [segment("sum up"), segment("", kind="image"), *between, segment("blah " * 300 + "the end")]
    told = [*before, *last]
    asked = [token for word in words([segment("sum up")], TOKENIZER) for token in word.ids]  # and who speaks

    found = windows(words(told, TOKENIZER), told)

    picture = SPECIAL.index("<image>")
    assert len(found) > 5
    assert {window.ids[1:][: 1 + len(asked)] for window in found} == {(picture, *asked)}


def test_another_reading_stands_in_for_a_segment() -> None:
    told = [segment("abc"), segment("def")]
    changed = words(told, TOKENIZER, instead={1: "xyz"})
    assert [w.ids for w in changed] == [w.ids for w in words([segment("abc"), segment("xyz")], TOKENIZER)]


@given(st.lists(st.text(alphabet=LETTERS + " ", max_size=400), max_size=8))
def test_the_windows_hold_every_word_and_none_is_too_long(texts: list[str]) -> None:
    told = [segment(text) for text in texts]
    all_words = words(told, TOKENIZER)
    found = windows(all_words, told)
    assert all(len(window.ids) <= WINDOW for window in found)
    seen = {(w.segment, w.start) for window in found for w in window.words}
    assert seen == {(w.segment, w.start) for w in all_words}


def sums_of(act: set[int], actor: set[int]) -> Callable[[Sequence[Sequence[Word]]], list[Sums]]:
    """Sums of sentences by their number of tokens."""

    def sums(sentences: Sequence[Sequence[Word]]) -> list[Sums]:
        lengths = [sum(len(word.ids) for word in sentence) for sentence in sentences]
        return [Sums(float(n in act), float(n in actor)) for n in lengths]

    return sums


def test_the_gist_has_the_sentences_that_matter_in_the_order_of_the_request() -> None:
    filler = "aa bb cc dd ee. " * 40
    told = [
        segment(f"{filler}ddddddddddd. {filler}ggggggggggggg. {filler}")
    ]  # with start and stop, of 13 and 15 tokens
    window = gist(words(told, TOKENIZER), told, sums_of(act={15}, actor={13}))
    texts = [told[0].text[w.start : w.end] for w in window.words if w.end]
    assert [text for text in texts if len(text) > 3] == ["ddddddddddd.", "ggggggggggggg."]
    assert len(window.ids) <= WINDOW


def test_the_gist_says_who_speaks_and_that_there_are_pictures() -> None:
    filler = "aa bb cc dd ee. " * 40
    told = [
        segment(filler + "ddddddddddd.", Origin.STANDING),
        segment(filler + "ggggggggggggg."),
        segment("", kind="image"),
    ]
    window = gist(words(told, TOKENIZER), told, sums_of(act={15}, actor={13}))
    marks = [SPECIAL[w.ids[0]] for w in window.words if not w.end]
    assert marks == ["<standing>", "<user>"]
    assert SPECIAL.index("<image>") in window.ids


def test_a_sentence_longer_than_the_gist_has_room_for_is_taken_in_part() -> None:
    told = [segment("abcdefghi " * 200)]
    window = gist(words(told, TOKENIZER), told, sums_of(act=set(), actor=set()))
    assert window.words
    assert len(window.ids) <= WINDOW


def test_a_short_sentence_goes_with_the_one_before() -> None:
    filler = "aa bb cc dd ee. " * 40
    told = [segment(f"{filler}ddddd eeeeee. f g? {filler}")]  # of 14 tokens and of 5
    window = gist(words(told, TOKENIZER), told, sums_of(act={19}, actor=set()))
    assert "g?" in [told[0].text[w.start : w.end] for w in window.words]


@pytest.mark.parametrize(
    "text",
    [
        "这是一句话，没有空格。" * 20,
        "これは文です。" * 30,
        "没有标点的长句" * 40,
        "นี่คือประโยคที่ไม่มีช่องว่าง" * 12,
        "words_that_are_joined_" * 12,
    ],
)
def test_text_without_spaces_is_read_to_its_end(text: str) -> None:
    told = [segment(text)]
    found = words(told, TOKENIZER)
    assert found[-1].end == len(text)
    assert max(w.end - w.start for w in found) <= 64
    assert "".join(text[w.start : w.end] for w in found if w.end) == text


def test_a_long_code_without_spaces_stays_one_word() -> None:
    assert len(words([segment("a0" * 500)], TOKENIZER)) == 2
