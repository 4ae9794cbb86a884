from __future__ import annotations

import dataclasses
import threading
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_azure_openai.model.memory import Memory
from safe_azure_openai.model.request import Link
from safe_azure_openai.session import Session, merge


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


SCORES = st.sampled_from([0.0, 0.3, 0.9])
MEMORIES = st.builds(
    Memory,
    actor=SCORES,
    country=st.sampled_from(["unknown", "US", "DE"]),
    act=SCORES,
    camera=st.sampled_from(["unknown", "body_worn"]),
    camera_score=SCORES,
    timing=SCORES,
    has_image=st.booleans(),
    is_unknown=st.booleans(),
)


@given(MEMORIES, MEMORIES)
def test_merging_never_lowers_what_is_known(a: Memory, b: Memory) -> None:
    both = merge(a, b)
    for one in (a, b):
        for field in fields(Memory):
            before, after = getattr(one, field.name), getattr(both, field.name)
            assert after != "unknown" or before == "unknown"
            assert isinstance(before, str) or after >= before


@given(MEMORIES)
def test_merging_with_nothing_or_with_itself_changes_nothing(memory: Memory) -> None:
    assert merge(memory, Memory()) == merge(Memory(), memory) == merge(memory, memory) == memory


def test_where_two_countries_are_known_the_surer_one_is_kept() -> None:
    assert merge(Memory(actor=0.2, country="DE"), Memory(actor=0.9, country="US")).country == "US"
    assert merge(Memory(actor=0.9, country="DE"), Memory(actor=0.9, country="US")).country == "DE"


def test_merging_covers_every_field_of_a_memory() -> None:
    full = Memory(0.5, "US", 0.5, "body_worn", 0.5, 0.5, has_image=True, is_unknown=True, has_police_camera=True)
    assert all(getattr(full, field.name) != field.default for field in fields(Memory)), "a field was added: merge it"
    assert merge(Memory(), full) == full
    assert dataclasses.asdict(merge(full, Memory())) == dataclasses.asdict(full)


def test_what_is_remembered_is_recalled_by_kind_and_id() -> None:
    session = Session()
    session.remember("response", "resp_1", Memory(actor=0.9))
    assert session.recall([Link("response", "resp_1", "/previous_response_id")]) == Memory(actor=0.9)
    assert session.recall([Link("thread", "resp_1", "")]) == Memory(is_unknown=True)


def test_nothing_to_recall_is_nothing_known() -> None:
    assert Session().recall([]) == Memory()


def test_one_unknown_id_among_known_ones_is_a_fact() -> None:
    session = Session()
    session.remember("file", "file_1", Memory(act=0.7))
    links = [Link("file", "file_1", ""), Link("file", "file_2", "")]
    assert session.recall(links) == Memory(act=0.7, is_unknown=True)


def test_a_later_turn_adds_to_what_is_known_and_takes_nothing_away() -> None:
    session = Session()
    session.remember("thread", "thread_1", Memory(actor=0.9, country="US"))
    session.remember("thread", "thread_1", Memory(act=0.8))
    assert session.known("thread", "thread_1") == Memory(actor=0.9, country="US", act=0.8)


def test_unrelated_ids_do_not_leak_into_one_another() -> None:
    session = Session()
    session.remember("response", "resp_1", Memory(actor=0.9))
    session.remember("response", "resp_2", Memory())
    assert session.known("response", "resp_2") == Memory()


def test_the_id_not_used_for_longest_is_forgotten_first() -> None:
    session = Session(max_ids=2)
    session.remember("file", "a", Memory())
    session.remember("file", "b", Memory())
    session.known("file", "a")
    session.remember("file", "c", Memory())
    assert len(session) == 2
    assert [session.known("file", id) is not None for id in "abc"] == [True, False, True]  # noqa: A001


def test_an_id_that_was_not_used_for_long_is_forgotten() -> None:
    clock = Clock()
    session = Session(max_age_s=10, clock=clock)
    session.remember("file", "a", Memory())
    session.remember("file", "b", Memory())
    clock.now = 8
    assert session.known("file", "a") == Memory()
    clock.now = 12
    assert session.known("file", "b") is None
    assert session.known("file", "a") == Memory()
    clock.now = 30
    assert session.recall([Link("file", "a", "")]).is_unknown
    assert len(session) == 0


def test_a_session_that_could_hold_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="max_ids"):
        Session(max_ids=0)


def test_threads_may_share_a_session() -> None:
    session = Session(max_ids=50)
    faults: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(300):
                session.remember("file", f"{name}{number % 40}", Memory(actor=0.1))
                session.recall([Link("file", f"{name}{number % 30}", "")])
        except BaseException as fault:  # noqa: BLE001 - the test looks at it
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(session) == 50
