"""The decision point: what it returns, records and raises."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any, cast

import pytest

from safe_azure_openai import (
    ConfigurationError,
    Decision,
    Guard,
    InspectionError,
    OpenAI,
    PolicyViolation,
    Tenant,
)
from safe_azure_openai.errors import FaceIdentificationViolation
from safe_azure_openai.model.memory import Memory
from safe_azure_openai.model.request import Request
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.session import Session

POLICE = Tenant("law_enforcement", country="US")
PICTURE = {
    "type": "image_url",
    "image_url": {"url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptV"},
}
SECRET = "the man in the purple hat"


def chat(*content: Any, system: str | None = None) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    return {"model": "gpt-4o", "messages": [*messages, {"role": "user", "content": list(content)}]}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


WHO = chat(text(f"Who is {SECRET}?"), PICTURE)


def wire(body: Any, path: str = "/chat/completions") -> Wire:
    return Wire(path, "application/json", json.dumps(body).encode())


class Kept:
    def __init__(self) -> None:
        self.records: list[tuple[Decision, bool]] = []

    def record(self, decision: Decision, *, tenant: Tenant, sent: bool) -> None:
        self.records.append((decision, sent))


def test_a_check_neither_records_nor_raises() -> None:
    sink = Kept()
    decision = Guard(POLICE, sinks=[sink]).check("/chat/completions", WHO)
    assert decision.is_blocked
    assert not sink.records


def test_a_prohibited_request_raises_the_class_of_its_first_rule_and_is_recorded_as_not_sent() -> None:
    sink = Kept()
    with pytest.raises(FaceIdentificationViolation) as caught:
        Guard(POLICE, sinks=[sink]).admit(wire(WHO), Session())
    assert caught.value.rule == "us-police-facial-recognition"
    assert caught.value.rules == ("us-police-facial-recognition",)
    assert "Code of Conduct" in caught.value.citation
    assert [sent for _, sent in sink.records] == [False]


def test_monitor_mode_records_the_violation_and_lets_it_pass() -> None:
    sink = Kept()
    decision = Guard(POLICE, mode="monitor", sinks=[sink]).admit(wire(WHO), Session())
    assert decision.is_blocked
    assert [sent for _, sent in sink.records] == [True]


def test_an_allowed_request_is_recorded_as_sent() -> None:
    sink = Kept()
    decision = Guard(POLICE, sinks=[sink]).admit(wire(chat(text("What is the capital of France?"))), Session())
    assert not decision.is_blocked
    assert [sent for _, sent in sink.records] == [True]


def test_a_request_that_is_attempted_again_is_recorded_once() -> None:
    sink = Kept()
    guard = Guard(sinks=[sink])
    seen: set[str] = set()
    for _ in range(3):
        guard.admit(wire(chat(text("Hello"))), Session(), seen=seen)
    assert len(sink.records) == 1


def test_the_error_does_not_repeat_the_words_and_survives_pickling() -> None:
    with pytest.raises(PolicyViolation) as caught:
        Guard(POLICE).admit(wire(WHO), Session())
    error = caught.value
    assert SECRET not in str(error)
    assert SECRET not in repr(error.decision)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.rules, again.evidence) == (str(error), error.rules, error.evidence)


def test_the_words_are_quoted_only_where_asked_for() -> None:
    quoted = Guard(POLICE, evidence="quote").check("/chat/completions", WHO)
    assert any(item.quote and SECRET in item.quote for item in quoted.evidence)
    assert all(item.quote is None for item in Guard(POLICE).check("/chat/completions", WHO).evidence)


def test_the_evidence_points_at_the_words() -> None:
    evidence = Guard(POLICE).check("/chat/completions", WHO).evidence
    assert {item.pointer for item in evidence if item.kind == "act"} == {"/messages/0/content/0/text"}
    assert all(item.digest for item in evidence)


def test_a_body_that_cannot_be_read_is_stopped_unless_the_operator_says_otherwise() -> None:
    unreadable = Wire("/chat/completions", "application/json", b"\xff\xfe{{{")
    with pytest.raises(InspectionError) as caught:
        Guard().admit(unreadable, Session())
    assert "ON_UNINSPECTABLE" in str(caught.value)
    decision = Guard(on_uninspectable="allow").admit(unreadable, Session())
    assert [gap.is_blocking for gap in decision.gaps] == [True]


def test_a_fault_inside_the_guard_stops_the_request_and_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("safe_azure_openai.judgement.read", fault)
    sink = Kept()
    with pytest.raises(InspectionError) as caught:
        Guard(sinks=[sink]).admit(wire(chat(text("Hello"))), Session())
    assert SECRET not in str(caught.value)
    (decision, sent), *_ = sink.records
    assert not sent
    assert [gap.reason for gap in decision.gaps] == ["guard_error"]


def test_what_the_server_keeps_counts_with_what_is_sent_now() -> None:
    guard = Guard()
    set_up = guard.check(
        "/responses", {"instructions": "You assist detectives of the Phoenix Police Department.", "input": "Hi"}
    )
    ask = {
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Who is he?"},
                    {"type": "input_image", "image_url": "https://x.example/1.jpg"},
                ],
            }
        ]
    }
    assert not set_up.is_blocked
    assert not guard.check("/responses", ask).is_blocked
    session = Session()
    session.remember("response", "resp_1", set_up.memory)
    with pytest.raises(PolicyViolation) as caught:
        guard.admit(wire({**ask, "previous_response_id": "resp_1"}, "/responses"), session)
    assert caught.value.rule == "us-police-facial-recognition"
    assert caught.value.decision.facts.actor.source == "session"


def test_memory_holds_no_text() -> None:
    memory = Guard().check("/chat/completions", WHO).memory
    assert SECRET not in repr(memory)
    assert memory.has_image


def test_a_line_of_an_upload_is_named_by_its_number() -> None:
    lines = [
        {"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": body}
        for n, body in enumerate((chat(text("Hello")), WHO))
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    form = (
        b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="b.jsonl"\r\n\r\n' + content + b"\r\n--x--\r\n"
    )
    with pytest.raises(PolicyViolation) as caught:
        Guard(POLICE).admit(Wire("/files", "multipart/form-data; boundary=x", form), Session())
    assert all(item.pointer.startswith("/lines/2/") for item in caught.value.evidence if item.pointer)


def test_no_requests_give_an_allowing_decision() -> None:
    assert Guard().judge(()).verdict == "allow"
    assert Guard().judge((Request("/models"),), memory=Memory()).screened


def test_the_explanation_names_verdict_facts_sources_and_what_would_change_it() -> None:
    report = Guard(POLICE).check("/chat/completions", WHO).explain()
    for part in (
        "BLOCK",
        "us-police-facial-recognition",
        "tenant sector (argument)",
        "would change it",
        "azure-openai-2024-05@",
    ):
        assert part in report
    assert SECRET not in report


@pytest.mark.parametrize(
    ("argument", "value", "told"),
    [
        ("mode", "Enforce", "mode='Enforce') is not valid: write one of enforce, monitor; did you mean 'enforce'?"),
        ("mode", "audit", "did you mean 'monitor'?"),
        ("on_uninspectable", "Block", "write one of block, allow; did you mean 'block'?"),
        ("on_uninspectable", None, "on_uninspectable=None) is not valid"),
        ("evidence", "quotes", "did you mean 'quote'?"),
        ("ocr", "required", "did you mean 'require'?"),
        ("sensitivity", "high", "write one of balanced, strict"),
        ("tenant", "law_enforcement", "give Tenant('law_enforcement', country='US')"),
        ("tenant", Tenant, "give Tenant('law_enforcement', country='US')"),
        ("judge", "gpt-4o-mini", "give SecondOpinion('gpt-4o-mini')"),
        ("sinks", print, "give a list such as [JsonlSink('decisions.jsonl')]"),
        ("sinks", [print], "it has no record()"),
    ],
)
def test_an_argument_that_is_no_choice_fails_when_the_guard_is_made(argument: str, value: Any, told: str) -> None:
    arguments: dict[str, Any] = {argument: value}
    with pytest.raises(ConfigurationError) as caught:
        Guard(**arguments)
    assert f"Guard({argument}=" in str(caught.value)
    assert told in str(caught.value)


def test_an_attribute_set_to_no_choice_lets_nothing_pass() -> None:
    guard = Guard(POLICE)
    guard.mode = cast("Any", "Enforce")
    with pytest.raises(PolicyViolation):
        guard.admit(wire(WHO), Session())
    guard.on_uninspectable = cast("Any", "Block")
    with pytest.raises(InspectionError):
        guard.admit(Wire("/chat/completions", "application/json", b"{"), Session())


def test_a_tenant_can_be_given_to_the_guard_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAFE_AZURE_OPENAI_SECTOR", "healthcare")
    monkeypatch.setenv("SAFE_AZURE_OPENAI_AUDIT_FILE", str(tmp_path / "decisions.jsonl"))
    guard = Guard.from_env(tenant=POLICE)
    with pytest.raises(PolicyViolation):
        guard.admit(wire(WHO), Session())
    record = json.loads((tmp_path / "decisions.jsonl").read_text())
    assert record["tenant"]["sector"]["value"] == "law_enforcement"


def test_no_guard_is_refused() -> None:
    client = OpenAI(api_key="k")
    with pytest.raises(ConfigurationError, match=r"with_guard\('x'\) is not valid: give a Guard"):
        client.with_guard(cast("Any", "x"))
