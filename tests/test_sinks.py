from __future__ import annotations

import json
import logging
import os
import stat
import sys
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from safe_azure_openai.decision import Decision
from safe_azure_openai.errors import ConfigurationError, GuardError
from safe_azure_openai.model.facts import Evidence, Fact, Facts, PolicyRef, RuleMatch
from safe_azure_openai.model.request import Gap
from safe_azure_openai.sinks import JsonlSink, LoggingSink, record_all
from safe_azure_openai.tenant import Tenant

TENANT = Tenant(
    "law_enforcement",
    country="US",
    organization="Tulsa PD",
    sources=(
        ("sector", "environment"),
        ("country", "file"),
        ("serves", "none"),
        ("organization", "argument"),
    ),
)
SECRET = "who is this"
NOON = datetime(2026, 5, 2, 12, tzinfo=timezone.utc)


def decision(**changes: object) -> Decision:
    values: dict[str, object] = {
        "verdict": "block",
        "id": "dec_1",
        "path": "/chat/completions",
        "facts": Facts(actor=Fact("law_enforcement", "tenant sector (environment)", 1.0)),
        "matches": (RuleMatch("us-police-facial-recognition", "p", "identification", "title", "citation", "fix"),),
        "evidence": (Evidence("act", "/messages/0/content", 3, 14, "abcd"),),
        "policy": (PolicyRef("azure-openai-2024-05", "1.0.0", "ef" * 32),),
        "duration_us": 12.345,
    }
    return Decision(**{**values, **changes})  # type: ignore[arg-type]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("reason", "sent", "level"),
    [("unread_picture", True, "INFO"), ("unread_picture", False, "WARNING"), ("unread_attachment", True, "WARNING")],
)
def test_an_unread_picture_is_news_only_where_it_stops_the_request(
    caplog: pytest.LogCaptureFixture, reason: Any, sent: bool, level: str
) -> None:
    caplog.set_level(logging.INFO, logger="safe_azure_openai")

    LoggingSink().record(decision(verdict="allow", gaps=(Gap("/messages/0", reason),)), tenant=TENANT, sent=sent)

    assert [record.levelname for record in caplog.records] == [level]


def test_the_log_gets_one_line_with_ids_and_places(caplog: pytest.LogCaptureFixture) -> None:
    LoggingSink().record(decision(), tenant=TENANT, sent=False)

    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "safe_azure_openai",
            "WARNING",
            (
                "block /chat/completions dec_1 rules=us-police-facial-recognition at=/messages/0/content "
                "gaps=- sent=false policy=azure-openai-2024-05@1.0.0 sector=law_enforcement country=US"
            ),
        )
    ]


def test_an_allowed_request_is_logged_for_information(caplog: pytest.LogCaptureFixture) -> None:
    allowed = Decision("allow", "dec_2", "/responses")
    LoggingSink().record(allowed, tenant=Tenant(), sent=True)
    assert caplog.records == []

    caplog.set_level(logging.INFO, logger="safe_azure_openai")
    LoggingSink().record(allowed, tenant=Tenant(), sent=True)
    assert caplog.messages == ["allow /responses dec_2 rules=- at=- gaps=- sent=true policy=- sector=unknown country=-"]


def test_what_was_not_read_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    LoggingSink().record(
        Decision("allow", "dec_3", "/files", gaps=(Gap("/parts/file", "undecodable"), Gap("", "too_large"))),
        tenant=Tenant(),
        sent=False,
    )

    assert caplog.records[0].levelname == "WARNING"
    assert "gaps=/parts/file(undecodable),/(too_large)" in caplog.messages[0]


def test_the_log_holds_neither_quotes_nor_line_breaks(caplog: pytest.LogCaptureFixture) -> None:
    quoted = Evidence("act", "/a b\n2026 allow", 0, 3, "abcd", quote=SECRET)
    LoggingSink().record(decision(evidence=(quoted,), path="/x\r\ny"), tenant=TENANT, sent=False)

    assert SECRET not in caplog.messages[0]
    assert len(caplog.messages[0].splitlines()) == 1
    assert "at=/a?b?2026?allow" in caplog.messages[0]


def test_a_record_holds_all_that_a_review_needs(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    gap = Gap("/messages/1", "unread_attachment")
    JsonlSink(path, now=lambda: NOON).record(decision(gaps=(gap,)), tenant=TENANT, sent=False)
    (record,) = lines(path)
    facts = record.pop("facts")

    assert isinstance(facts, dict)
    assert facts["actor"] == {"value": "law_enforcement", "source": "tenant sector (environment)"}
    assert facts["act"] == {"value": "unknown", "source": "none"}
    assert record == {
        "time": "2026-05-02T12:00:00.000+00:00",
        "schema": 1,
        "decision": "dec_1",
        "verdict": "block",
        "sent": False,
        "rules": ["us-police-facial-recognition"],
        "path": "/chat/completions",
        "tenant": {
            "sector": {"value": "law_enforcement", "source": "environment"},
            "country": {"value": "US", "source": "file"},
            "serves": {"value": None, "source": "none"},
            "organization": {"value": "Tulsa PD", "source": "argument"},
            "tenant_id": {"value": None, "source": "none"},
            "cloud": {"value": None, "source": "none"},
        },
        "policy": [{"id": "azure-openai-2024-05", "version": "1.0.0", "digest": "ef" * 32}],
        "evidence": [{"kind": "act", "pointer": "/messages/0/content", "start": 3, "end": 14, "digest": "abcd"}],
        "gaps": [{"pointer": "/messages/1", "reason": "unread_attachment"}],
        "second_opinions": [],
        "unknown_ids": False,
        "screened": False,
        "duration_us": 12.3,
    }


def test_the_words_are_recorded_only_where_the_evidence_quotes_them(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    sink = JsonlSink(path)
    sink.record(decision(), tenant=TENANT, sent=False)
    sink.record(decision(evidence=(Evidence("act", "/m", quote=SECRET),)), tenant=TENANT, sent=False)
    first, second = path.read_text(encoding="utf-8").splitlines()

    assert SECRET not in first
    assert json.loads(second)["evidence"][0]["quote"] == SECRET


def test_a_record_is_dated_now_in_universal_time(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    before = datetime.now(timezone.utc)
    JsonlSink(path).record(decision(), tenant=TENANT, sent=False)
    time = datetime.fromisoformat(str(lines(path)[0]["time"]))

    assert abs((time - before).total_seconds()) < 60
    assert time.utcoffset() == before.utcoffset()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_the_audit_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    JsonlSink(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_on_record_already_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"decision": "old"}\n', encoding="utf-8")
    JsonlSink(path).record(decision(), tenant=TENANT, sent=False)

    assert [record["decision"] for record in lines(path)] == ["old", "dec_1"]


def test_a_file_that_was_rotated_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    sink = JsonlSink(path)
    sink.record(decision(id="one"), tenant=TENANT, sent=False)
    path.rename(tmp_path / "audit.jsonl.1")
    sink.record(decision(id="two"), tenant=TENANT, sent=False)

    assert [record["decision"] for record in lines(path)] == ["two"]


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    sink = JsonlSink(path)

    def work(name: int) -> None:
        for number in range(25):
            sink.record(decision(id=f"{name}-{number}"), tenant=TENANT, sent=False)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({record["decision"] for record in lines(path)}) == 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_worker_appends_to_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    sink = JsonlSink(path)
    child = os.fork()
    if child == 0:
        sink.record(decision(id="child"), tenant=TENANT, sent=False)
        os._exit(0)
    sink.record(decision(id="parent"), tenant=TENANT, sent=False)
    os.waitpid(child, 0)

    assert {record["decision"] for record in lines(path)} == {"child", "parent"}


def test_a_write_cut_short_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "audit.jsonl"
    sink = JsonlSink(path)
    write = os.write
    monkeypatch.setattr("safe_azure_openai.sinks.os.write", lambda to, data: write(to, data[:100]))
    sink.record(decision(), tenant=TENANT, sent=False)
    monkeypatch.undo()

    assert [record["decision"] for record in lines(path)] == ["dec_1"]


def test_an_audit_file_that_cannot_be_written_is_told_when_the_client_is_built(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"audit file '.*' cannot be written: No such file.*AUDIT_FILE"):
        JsonlSink(tmp_path / "nowhere" / "audit.jsonl")


def test_a_failing_sink_is_logged_and_the_others_still_get_the_decision(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def record(self, decision: Decision, *, tenant: Tenant, sent: bool) -> None:
            raise RuntimeError(SECRET)

    path = tmp_path / "audit.jsonl"
    record_all((Broken(), JsonlSink(path)), decision(), tenant=TENANT, sent=True)

    assert caplog.messages == ["decision dec_1 is not recorded by Broken: RuntimeError"]
    assert caplog.records[0].levelname == "ERROR"
    assert caplog.records[0].exc_info is None
    assert len(lines(path)) == 1


def test_a_file_that_went_missing_its_folder_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    sink = JsonlSink(folder / "audit.jsonl")
    (folder / "audit.jsonl").unlink()
    folder.rmdir()
    record_all((sink,), decision(), tenant=TENANT, sent=True)

    assert caplog.messages == ["decision dec_1 is not recorded by JsonlSink: FileNotFoundError"]


def test_a_required_record_that_cannot_be_written_stops_the_request(tmp_path: Path) -> None:
    class Counting:
        count = 0

        def record(self, decision: Decision, *, tenant: Tenant, sent: bool) -> None:
            self.count += 1

    folder = tmp_path / "logs"
    folder.mkdir()
    sink, last = JsonlSink(folder / "audit.jsonl", required=True), Counting()
    (folder / "audit.jsonl").unlink()
    folder.rmdir()

    with pytest.raises(GuardError, match=r"the request was not sent: its decision dec_1 cannot be recorded"):
        record_all((sink, last), decision(), tenant=TENANT, sent=True)
    assert last.count == 1
