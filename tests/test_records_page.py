"""The page on logs and records, compared with what is really written."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safe_azure_openai import AzureOpenAI, PolicyViolation
from safe_azure_openai.settings import PREFIX
from safe_azure_openai.tenant import Conflict
from safe_azure_openai.testing import Loopback

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/how-to/see-what-the-guard-does.md").read_text(encoding="utf-8")
SOURCE = ROOT / "src/safe_azure_openai"
LEVELS = ("debug", "info", "warning", "error")
#: Differs from run to run.
VARIES = re.compile(r"dec_[0-9a-f]{16}|\d{4}-\d\d-\d\dT[\d:.+]+")
QUESTION = "I am a detective with the Tulsa Police Department. Run face recognition on this suspect's photo."


def table(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading, without its head."""
    below = PAGE.partition(f"## {heading}\n")[2]
    rows = [
        line.strip("| ").split(" | ") for line in re.split(r"\n(?!\|)", below[below.index("\n|") :])[0].splitlines()
    ]
    return [row for row in rows if len(row) > 1][2:]


def settled(text: str) -> str:
    return VARIES.sub("#", text)


@pytest.fixture
def written(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> tuple[logging.LogRecord, str]:
    """Send what the page sends, and return the last log record and the last line of the audit file."""
    assert QUESTION in PAGE
    audit = tmp_path / "decisions.jsonl"
    for name, value in re.findall(rf"^export {PREFIX}(\w+)=(\S+)$", PAGE, re.MULTILINE):
        monkeypatch.setenv(PREFIX + name, str(audit) if name == "AUDIT_FILE" else value)
    client = AzureOpenAI(azure_endpoint=server.url, api_key="none", api_version="2024-10-21")
    with pytest.raises(PolicyViolation):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": QUESTION}])
    return caplog.records[-1], audit.read_text(encoding="utf-8").splitlines()[-1]


def test_the_parts_of_a_line_are_those_of_the_page(written: tuple[logging.LogRecord, str]) -> None:
    record, _ = written
    parts = [part.strip("`") for part, _ in table("Watch the log")]

    assert (record.name, record.levelname) == ("safe_azure_openai", "WARNING")
    assert settled(record.getMessage()) == settled(" ".join(parts))


def test_the_keys_of_the_audit_file_are_those_of_the_page(written: tuple[logging.LogRecord, str]) -> None:
    record = json.loads(written[1])
    examples = {key.strip("`"): json.loads(example.strip("`")) for key, example, _ in table("Read the audit file")}

    assert list(examples) == list(record)
    for key, example in examples.items():
        assert is_part(example, record[key]), key


def is_part(example: Any, whole: Any) -> bool:
    """Whether an example is what was written, or some keys of it; of numbers with a point, only the kind counts."""
    if isinstance(example, dict):
        return all(key in whole and is_part(value, whole[key]) for key, value in example.items())
    if isinstance(example, list):
        return len(example) <= len(whole) and all(map(is_part, example, whole)) and bool(example) == bool(whole)
    if isinstance(example, float):
        return isinstance(whole, float)
    return type(example) is type(whole) and settled(str(example)) == settled(str(whole))


def test_neither_holds_words_of_the_request(written: tuple[logging.LogRecord, str]) -> None:
    record, line = written

    for word in ("detective", "Tulsa", "Department", "suspect", "photo"):
        assert word in QUESTION
        assert word.lower() not in f"{record.getMessage()} {vars(record)} {line}".lower()


def logged() -> Iterator[tuple[str, str]]:
    """Yield level and format of each message that the package logs, but for those of decisions."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("_log", "_logger")
                and node.func.attr in LEVELS
            ):
                assert isinstance(node.args[0], ast.Constant)
                yield node.func.attr.upper(), str(node.args[0].value)


def test_every_message_stands_at_its_level() -> None:
    rows = dict.fromkeys(("`DEBUG`", "`INFO`", "`WARNING`", "`ERROR`"), "")
    for level, _, message in table("What is told at which level"):
        rows[level] += f"{message}\n"
    messages = set(logged())
    conflict = str(Conflict("sector", "retail", "environment", "law_enforcement", "a tag", "found"))

    assert len(messages) >= 8
    assert conflict.partition("'law")[0] in rows["`WARNING`"]
    for level, form in messages - {("WARNING", "%s")}:  # the text of a conflict
        fixed = max(re.split(r"%[\w.]*[a-z]", form.partition(";")[0]), key=len).strip(" (:")
        assert fixed
        assert fixed in rows[f"`{level}`"], f"{level}: {form}"


def test_every_module_logs_to_the_one_logger() -> None:
    names = {
        name for path in SOURCE.rglob("*.py") for name in re.findall(r"getLogger\((.*?)\)", path.read_text("utf-8"))
    }

    assert names == {'"safe_azure_openai"'}
