from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from safe_azure_openai import cli
from safe_azure_openai.decision import Decision
from safe_azure_openai.guard import Guard
from safe_azure_openai.model.facts import Evidence, Fact, Facts, Verdict
from safe_azure_openai.model.request import Gap
from safe_azure_openai.policy.pack import BUILT_IN
from safe_azure_openai.settings import PREFIX, variables
from safe_azure_openai.sinks import JsonlSink
from safe_azure_openai.tenant import Tenant

FACTS = Facts(
    actor=Fact("law_enforcement", "request"),
    country=Fact("US", "request"),
    act=Fact("facial_recognition", "request"),
    stance=Fact("operational", "request"),
)


@pytest.fixture(autouse=True)
def readings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the words "detective" and "pipe" stand for what the detectors would read: here the command is tested."""

    def check(guard: Guard, path: str, body: object) -> Decision:
        facts = FACTS if "detective" in str(body) else Facts()
        gaps = (Gap("/messages/0", "undecodable"),) if "pipe" in str(body) else ()
        matches = guard.policy.evaluate(facts)
        evidence = (Evidence("act", "/messages/0/content", 0, 4, "abcd"),) if matches else ()
        verdict: Verdict = "block" if matches else "allow"
        return Decision(verdict, "dec_1", path, facts, matches, evidence, guard.policy.refs, gaps)

    monkeypatch.setattr(Guard, "check", check)


@pytest.fixture
def blocked(tmp_path: Path) -> str:
    path = tmp_path / "blocked.json"
    path.write_text('{"messages": [{"role": "user", "content": "a detective asks who this is"}]}', encoding="utf-8")
    return str(path)


def pipe(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


# --- check


def test_check_explains_a_request_that_would_be_stopped(blocked: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", blocked]) == 1
    out = capsys.readouterr().out

    assert out.startswith("BLOCK /chat/completions")
    assert "rule  us-police-facial-recognition" in out
    assert "/messages/0/content [0:4] act" in out or "azure-openai-2024-05@1.0.0" in out


def test_check_reads_standard_input_and_takes_a_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe(monkeypatch, b'{"input": "good morning"}')

    assert cli.main(["check", "--path", "/responses"]) == 0
    assert capsys.readouterr().out.startswith("ALLOW /responses")


def test_check_prints_the_record_as_json(blocked: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--json", blocked]) == 1
    record = json.loads(capsys.readouterr().out)

    assert (record["verdict"], record["sent"]) == ("block", False)
    assert record["rules"] == ["us-police-facial-recognition"]


def test_check_tells_that_monitor_mode_would_send_it(
    blocked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "MODE", "monitor")

    assert cli.main(["check", blocked]) == 1
    assert "mode monitor: it would be recorded, and sent" in capsys.readouterr().out


@pytest.mark.parametrize(("choice", "status"), [("block", 1), ("allow", 0)])
def test_check_heeds_what_is_to_become_of_the_uninspectable(
    choice: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "ON_UNINSPECTABLE", choice)
    pipe(monkeypatch, b'{"input": "a pipe"}')

    assert cli.main(["check"]) == status
    assert ("so the request would not be sent" in capsys.readouterr().out) == (choice == "block")


def test_check_judges_as_for_the_tenant_that_is_named(
    blocked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "SECTOR", "retail")
    monkeypatch.setenv(PREFIX + "ORGANIZATION", "A shop")
    monkeypatch.setenv(PREFIX + "POLICY", "eu-ai-act-article-5")

    cli.main(["check", "--json", blocked, "--sector", "technology", "--serves", "law_enforcement", "--country", "DE"])
    record = json.loads(capsys.readouterr().out)

    assert {name: field["value"] for name, field in record["tenant"].items() if field["value"]} == {
        "sector": "technology",
        "serves": "law_enforcement",
        "country": "DE",
    }
    assert record["tenant"]["sector"]["source"] == "argument"
    assert record["policy"][-1]["id"] == "eu-ai-act-article-5"


def test_check_asks_the_environment_for_the_tenant_where_none_is_named(
    blocked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "SECTOR", "retail")

    cli.main(["check", "--json", blocked])

    assert json.loads(capsys.readouterr().out)["tenant"]["sector"] == {"value": "retail", "source": "environment"}


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("--sector", "police", "'police' is not a sector; write one of law_enforcement, government, "),
        ("--sector", "police", "; did you mean 'law_enforcement'?"),
        ("--sector", "", "'' is not a sector; write one of law_enforcement, government, "),
        ("--serves", "hospital", "; did you mean 'healthcare'?"),
        ("--country", "usa", "'usa' is not a country; write an ISO 3166-1 alpha-2 code such as 'US'; did you mean "),
    ],
)
def test_check_names_the_choices_where_the_tenant_is_wrong(
    argument: str, value: str, message: str, blocked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", blocked, argument, value]) == 2
    error = capsys.readouterr().err

    assert error.startswith(f"safe-azure-openai: {argument} ")
    assert message in error


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\x00", b"[" * 200_000])
def test_check_names_what_is_not_json(
    content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe(monkeypatch, content)

    assert cli.main(["check"]) == 2
    assert "safe-azure-openai: standard input is not JSON" in capsys.readouterr().err


def test_check_names_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(tmp_path / "nowhere.json")]) == 2
    assert "nowhere.json cannot be read: No such file" in capsys.readouterr().err


def test_a_wrong_setting_is_told_and_not_thrown(
    blocked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "MODE", "off")

    assert cli.main(["check", blocked]) == 2
    assert "SAFE_AZURE_OPENAI_MODE='off' is not valid" in capsys.readouterr().err


# --- explain


def test_explain_prints_the_page_of_any_built_in_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "eu-biometric-categorisation"]) == 0
    out = capsys.readouterr().out

    assert out.startswith("# eu-biometric-categorisation\n")
    assert "## What it blocks" in out
    assert "Article 5 (1) (g)\n<https://eur-lex.europa.eu/" in out


def test_explain_finds_a_decision_in_the_audit_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"decision": "dec_0", \n[1]\n', encoding="utf-8")  # cut short by a full disk, then foreign
    guard = Guard()
    for number in range(3):
        found = guard.check("/chat/completions", "a detective with a pipe")
        JsonlSink(path).record(
            Decision(**{**{name: getattr(found, name) for name in found.__slots__}, "id": f"dec_{number}"}),
            tenant=Tenant("technology", country="US"),
            sent=False,
        )
    monkeypatch.setenv(PREFIX + "AUDIT_FILE", str(path))

    assert cli.main(["explain", "dec_2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("BLOCK /chat/completions  [dec_2]")
    assert ", not sent" in out
    assert "safe-azure-openai explain us-police-facial-recognition" in out
    assert "technology" in out
    assert "/messages/0 (undecodable)" in out
    assert "act at /messages/0/content  abcd" in out


def test_explain_names_what_it_cannot_find(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.jsonl"
    assert cli.main(["explain", "dec_9"]) == 2
    assert cli.main(["explain", "dec_9", "--audit-file", str(path)]) == 2
    path.touch()
    assert cli.main(["explain", "dec_9", "--audit-file", str(path)]) == 2
    first, second, third = capsys.readouterr().err.splitlines()

    assert "no audit file" in first
    assert "cannot be read" in second
    assert "neither a rule 'dec_9' nor such a decision" in third


def test_explain_guesses_which_rule_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "us-police-facial-recogntion"]) == 2

    assert "did you mean 'us-police-facial-recognition'?" in capsys.readouterr().err


# --- rules


def test_rules_lists_each_rule_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rules"]) == 0
    out = capsys.readouterr().out

    assert out.startswith("azure-openai-2024-05@1.0.0")
    assert out.count("https://learn.microsoft.com/en-us/legal/ai-code-of-conduct") == 3


def test_rules_prints_all_that_is_known_of_a_rule_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rules", "eu-ai-act-article-5", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]

    assert first["id"] == "eu-real-time-biometric-identification"
    assert first["alternatives"][0]["when"]["premises"] == ["public", "unknown"]
    assert first["alternatives"][0]["unless"] == {"setting": ["cooperative"]}


def test_rules_verifies_the_cases_of_every_built_in_policy(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rules", "--verify", *BUILT_IN]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == list(BUILT_IN)


def test_rules_tells_which_case_of_ones_own_policy_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = tmp_path / "own.toml"
    pack.write_text('id = "own"\nversion = "1"\ntitle = "Own"\nextends = ["azure-openai-2024-05"]\n', encoding="utf-8")
    (tmp_path / "own.cases.jsonl").write_text(
        '{"facts": {}, "verdict": "allow", "rules": [], "note": "nothing"}\n'
        '{"facts": {}, "verdict": "block", "rules": ["x"], "note": "a wrong hope"}\n',
        encoding="utf-8",
    )

    assert cli.main(["rules", "--verify", str(pack)]) == 1
    out = capsys.readouterr().out
    assert "case 2: a wrong hope" in out
    assert "1 cases passed, 1 failed" in out


# --- env


def test_env_lists_every_variable_and_marks_what_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "COUNTRY", "US")

    assert cli.main(["env"]) == 0
    out = capsys.readouterr().out
    assert "* SAFE_AZURE_OPENAI_COUNTRY=US" in out
    assert "  SAFE_AZURE_OPENAI_MODE=enforce" in out
    assert all(row.name in out for row in variables())


def test_env_makes_the_table_of_the_docs_whatever_is_set_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "COUNTRY", "US")

    assert cli.main(["env", "--format", "markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(variables()) + 2
    assert (
        "| `SAFE_AZURE_OPENAI_COUNTRY` | an ISO 3166-1 alpha-2 code, such as US | none | Where the organisation is. |"
        in lines
    )


def test_env_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["env", "--format", "json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}

    assert rows["SAFE_AZURE_OPENAI_MODE"]["value"] == "enforce"
    assert rows["SAFE_AZURE_OPENAI_MODE"]["choices"] == ["enforce", "monitor"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_env_helps_just_when_a_variable_is_misspelt(
    form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "CONTRY", "US")

    assert cli.main(["env", "--format", form]) == 2
    told = capsys.readouterr()
    assert "SAFE_AZURE_OPENAI_COUNTRY" in told.out
    assert "did you mean 'SAFE_AZURE_OPENAI_COUNTRY'?" in told.err


def test_env_never_shows_a_password(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(PREFIX + "SESSION_STORE", "redis://user@host?password=hunter2")

    cli.main(["env"])
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err


# --- doctor


def test_doctor_finds_nothing_wrong_with_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line for line in lines if line.startswith("wrong")] == []
    assert any("openai" in line and "supported" in line for line in lines)
    assert " note  tenant sector: unknown (from none)" in lines
    assert any("Tulsa" in line and line.endswith("-> block") for line in lines)


def test_doctor_points_at_what_weakens_the_guard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, value in (
        ("MODE", "monitor"),
        ("ON_UNINSPECTABLE", "allow"),
        ("EVIDENCE", "quote"),
        ("OCR", "off"),
        ("AUDIT_FILE", str(tmp_path / "audit.jsonl")),
        ("SECTOR", "retail"),
    ):
        monkeypatch.setenv(PREFIX + name, value)

    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.count(" note  ") == 4
    assert "OCR=off: text in pictures is not read" in out
    assert "MODE=monitor: prohibited requests are recorded, and sent" in out
    assert "   ok  tenant sector: retail (from environment)" in out


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MODE", "off", "MODE='off' is not valid"),
        ("POLICY", "nothing", "SAFE_AZURE_OPENAI_POLICY: there is no policy 'nothing'"),
        ("AUDIT_FILE", "/nowhere/at/all.jsonl", "cannot be written"),
        ("AUDIT_FILE", "~nobody-of-that-name/a.jsonl", "AUDIT_FILE='~nobody-of-that-name/a.jsonl'"),
        ("SESSION_STORE", "redis://:hunter2@127.0.0.1:1/0", "redis://***@127.0.0.1:1/0 does not answer; "),
        ("SESSION_STORE", "redis://127.0.0.1:1/0?nonsense=1", "SESSION_STORE is no address of a database: "),
        ("POLICY", "eu-ai-act-article-5", "-> allow: add azure-openai-2024-05 to SAFE_AZURE_OPENAI_POLICY"),
    ],
)
def test_doctor_names_what_is_wrong(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + name, value)

    assert cli.main(["doctor"]) == 1
    assert any(line.startswith("wrong") and expected in line for line in capsys.readouterr().out.splitlines())


def test_doctor_finds_a_variable_with_a_misspelt_prefix(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAFE_OPENAI_SECTOR", "retail")

    assert cli.main(["doctor"]) == 1
    assert "wrong  SAFE_OPENAI_SECTOR is read by nobody here; did you mean" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("unit.openai.azure.com", "did you mean 'https://unit.openai.azure.com'?"),
        ("https://user:hunter2@gateway.example", "such as https://<resource>.openai.azure.com"),
    ],
)
def test_doctor_notes_an_endpoint_where_nobody_signs_in(
    endpoint: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint)

    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if "AZURE_OPENAI_ENDPOINT" in line]
    assert line.startswith(" note  ")
    assert expected in line
    assert "hunter2" not in out


def test_doctor_finds_a_broken_installation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(guard: Guard, path: str, body: object) -> Decision:
        raise FileNotFoundError("weights")

    monkeypatch.setattr(Guard, "check", check)

    assert cli.main(["doctor"]) == 1
    assert "FileNotFoundError: weights; install the package again" in capsys.readouterr().out


@pytest.mark.parametrize(("version", "status"), [("2.44.9", 1), ("2.45.0", 0), ("3.54.0", 0), ("4.0.0", 1)])
def test_doctor_knows_which_openai_is_supported(
    version: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("safe_azure_openai.cli.metadata.version", lambda _: version)

    assert cli.main(["doctor"]) == status
    assert f"openai {version} (supported: 2.45 to 3.x)" in capsys.readouterr().out


# --- the command itself


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])

    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("safe-azure-openai 0.")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough_is_no_error(unbuffered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    script = (
        "import sys; from safe_azure_openai import cli; sys.exit(cli.main(['rules', '--json', 'eu-ai-act-article-5']))"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()

    assert (process.wait(), error) == (0, b"")


def test_check_wonders_about_what_is_no_body_of_a_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "odd.json"
    file.write_text('{"message": "hi"}')
    assert cli.main(["check", str(file)]) == 0
    assert "note: it has none of events, input, instructions, messages, prompt" in capsys.readouterr().out
    file.write_text('{"messages": []}')
    assert cli.main(["check", str(file)]) == 0
    assert "note:" not in capsys.readouterr().out


def test_run_is_listed_and_names_a_program_that_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "run a program with every openai client in it guarded" in " ".join(capsys.readouterr().out.split())
    assert cli.main(["run", "nofile.py"]) == 2
    assert "nofile.py does not exist" in capsys.readouterr().err
