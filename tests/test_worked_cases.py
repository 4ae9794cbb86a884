"""The worked cases of the policy page: the least that a guard has to get right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safe_azure_openai import Guard, Tenant

PICTURE = {
    "type": "image_url",
    "image_url": {"url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptV"},
}
CASES = [json.loads(line) for line in (Path(__file__).parent / "worked_cases.jsonl").read_text("utf-8").splitlines()]


def body_of(case: dict[str, Any]) -> dict[str, Any]:
    messages = [{"role": "system", "content": case["system"]}] if case["system"] else []
    content = [{"type": "text", "text": case["user"]}] + [PICTURE] * case["images"]
    tools = [{"type": "function", "function": {"name": name, "description": what}} for name, what in case["tools"]]
    body: dict[str, Any] = {"model": "gpt-4o", "messages": [*messages, {"role": "user", "content": content}]}
    return {**body, "tools": tools} if tools else body


@pytest.mark.parametrize("case", CASES, ids=[case["user"][:48] for case in CASES])
def test_a_worked_case_of_the_policy_is_decided_as_written(case: dict[str, Any]) -> None:
    tenant = Tenant(**case["tenant"]) if case["tenant"] else None
    decision = Guard(tenant).check("/chat/completions", body_of(case))
    assert (decision.verdict == "block") is bool(case["rules"]), decision.explain()
    assert list(decision.rules) == case["rules"], decision.explain()
