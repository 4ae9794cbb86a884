"""The command ``safe-azure-openai``: is it set up right, what would happen to a request, and why.

It exits with 0 where all is well, 1 where a request is blocked or something needs attention, and 2 where a setting or
an argument is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .errors import ConfigurationError
from .suggestion import did_you_mean
from .tenant import SECTORS, Tenant, fault

if TYPE_CHECKING:
    from .policy import Rule

__all__ = ["main"]

OK, ATTENTION, WRONG = 0, 1, 2

#: What the body of a request has one of, whatever the path.
_CONTENT = frozenset({"events", "input", "instructions", "messages", "prompt"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == ["run"]:  # what follows belongs to the program
        return _run(words[1:])
    arguments = _parser().parse_args(words)
    run = cast("Callable[[argparse.Namespace], int]", arguments.run)
    try:
        status = run(arguments)
        sys.stdout.flush()  # here and not at exit, where nobody hears that the reader is gone
    except ConfigurationError as error:
        print(f"safe-azure-openai: {error}", file=sys.stderr)
        return WRONG
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="safe-azure-openai", description="Guards Azure OpenAI clients against prohibited facial recognition."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {metadata.version('safe-azure-openai')}")
    commands = parser.add_subparsers(required=True, metavar="command")

    doctor = commands.add_parser("doctor", help="see whether the guard is set up right")
    doctor.add_argument("--json", action="store_true", help="print the findings, the tenant and the rules as JSON")
    doctor.set_defaults(run=_doctor)

    check = commands.add_parser("check", help="see what would happen to a request, without sending it")
    check.add_argument("file", nargs="?", default="-", help="the body of the request as JSON; - is standard input")
    check.add_argument("--path", default="/chat/completions", help="the API path (default: %(default)s)")
    sectors = ", ".join(SECTORS)
    check.add_argument("--sector", help=f"who asks, in place of the tenant of the environment: one of {sectors}")
    check.add_argument("--country", help="where they are: an ISO 3166-1 alpha-2 code, such as US")
    check.add_argument("--serves", help="whom they work for: one of the same sectors")
    check.add_argument("--json", action="store_true", help="print the record that the audit file would hold")
    check.set_defaults(run=_check)

    explain = commands.add_parser("explain", help="explain a rule, or a decision on record")
    explain.add_argument("id", help="a rule id, or the id of a decision")
    explain.add_argument("--audit-file", type=Path, help="where to look (default: SAFE_AZURE_OPENAI_AUDIT_FILE)")
    explain.set_defaults(run=_explain)

    rules = commands.add_parser("rules", help="list the rules, each with its source")
    rules.add_argument("policy", nargs="*", help="ids or paths (default: SAFE_AZURE_OPENAI_POLICY)")
    rules.add_argument("--json", action="store_true", help="print everything that is known of each rule")
    rules.add_argument("--verify", action="store_true", help="run the case file beside each policy")
    rules.set_defaults(run=_rules)

    env = commands.add_parser("env", help="list the settings and their values")
    env.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="default: %(default)s")
    env.set_defaults(run=_env)

    # Listed here and taken apart in ``main``: its arguments are the program's.
    commands.add_parser("run", help="run a program with every openai client in it guarded: app.py, or -m module")
    return parser


# --- run


def _run(arguments: list[str]) -> int:
    """Run a program as ``python`` would, guarded; return 2 where there is none."""
    from ._install import install

    is_module = arguments[:1] == ["-m"]
    program = arguments[1:] if is_module else arguments
    if not program or program[0] in ("-h", "--help"):
        print("usage: safe-azure-openai run (app.py | -m module) [arguments of the program]", file=sys.stderr)
        return WRONG
    if not is_module and not Path(program[0]).exists():
        print(f"safe-azure-openai: {program[0]} does not exist", file=sys.stderr)
        return WRONG
    sys.argv = list(program)
    with install():
        if is_module:
            sys.path.insert(0, "")
            runpy.run_module(program[0], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, str(Path(program[0]).resolve().parent))
            runpy.run_path(program[0], run_name="__main__")
    return OK


# --- check


def _check(arguments: argparse.Namespace) -> int:
    from .guard import Guard
    from .sinks import as_record

    tenant = _tenant(arguments)
    body = _body(arguments.file)
    guard = Guard.from_env(tenant=tenant)
    decision = guard.check(arguments.path, body)
    is_stopped = decision.is_blocked or any(guard.stops(gap) for gap in decision.gaps)
    is_sent = not is_stopped or guard.mode == "monitor"
    if arguments.json:
        print(json.dumps(as_record(decision, guard.tenant, sent=is_sent), indent=2))
    else:
        print(decision.explain())
        if is_stopped and not decision.is_blocked:
            print("  a part cannot be inspected, so the request would not be sent (SAFE_AZURE_OPENAI_ON_UNINSPECTABLE)")
        if is_stopped and is_sent:
            print("  mode monitor: it would be recorded, and sent")
        if isinstance(body, dict) and _CONTENT.isdisjoint(cast("dict[str, object]", body)):
            print(f"  note: it has none of {', '.join(sorted(_CONTENT))}: is it the body of a request?")
    return ATTENTION if is_stopped else OK


def _tenant(arguments: argparse.Namespace) -> Tenant | None:
    """Return the tenant that the arguments declare, or None where the environment is to say who asks."""
    names = ("sector", "country", "serves")
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    for name, value in given.items():
        if wrong := fault(name, value):
            raise ConfigurationError(f"--{name} {value!r:.80} is {wrong}")
    return Tenant(**given) if given else None


def _body(file: str) -> object:
    name = "standard input" if file == "-" else file
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}") from None
    try:
        return cast("object", json.loads(content))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name} is not JSON: {error}; give the body of a request, such as messages") from None


# --- explain


def _explain(arguments: argparse.Namespace) -> int:
    from .policy import Policy
    from .policy.pack import BUILT_IN
    from .settings import Settings

    settings = Settings.load()
    # One by one and not combined: a pack of one's own may be a changed copy of one that comes with the package.
    rules = [rule for name in (*settings.policy, *BUILT_IN) for rule in Policy.load(name).rules]
    rule = next((rule for rule in rules if rule.id == arguments.id), None)
    if rule is not None:
        print(_page(rule))
        return OK
    hint = did_you_mean(arguments.id, [rule.id for rule in rules])
    file = cast("Path | None", arguments.audit_file) or settings.audit_file
    if file is None:
        raise ConfigurationError(
            f"there is no rule {arguments.id!r}, and no audit file to find a decision in: "
            f"set SAFE_AZURE_OPENAI_AUDIT_FILE, or name it with --audit-file{hint}"
        )
    for record in _records(file):
        if record.get("decision") == arguments.id:
            print(_record(record))
            return OK
    raise ConfigurationError(f"there is neither a rule {arguments.id!r} nor such a decision in {str(file)!r}{hint}")


def _page(rule: Rule) -> str:
    """Return the whole page of a rule, in Markdown."""
    why = textwrap.fill(" ".join(rule.why.split()), 100)
    return (
        f"# {rule.id}\n\n{rule.title}\n\n{rule.docs}\n\n## Why\n\n{why}\n\n## Source\n\n{rule.citation}\n<{rule.url}>"
    )


def _records(file: Path) -> Iterator[dict[str, object]]:
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    record = cast("object", json.loads(line))
                except ValueError:  # a line that a full disk cut short; the others still count
                    continue
                if isinstance(record, dict):
                    yield cast("dict[str, object]", record)
    except OSError as error:
        raise ConfigurationError(f"the audit file {str(file)!r} cannot be read: {error.strerror}") from None


def _record(record: dict[str, object]) -> str:
    """Return a recorded decision as text for people."""
    facts = cast("dict[str, dict[str, str]]", record["facts"])
    tenant = cast("dict[str, dict[str, str | None]]", record["tenant"])
    evidence = cast("list[dict[str, object]]", record["evidence"])
    gaps = cast("list[dict[str, str]]", record["gaps"])
    opinions = cast("list[dict[str, Any]]", record.get("second_opinions", []))  # later than the first records
    policy = cast("list[dict[str, str]]", record["policy"])
    lines = [
        f"{str(record['verdict']).upper()} {record['path']}  [{record['decision']}]",
        f"  at      {record['time']}, {'sent' if record['sent'] else 'not sent'}",
        *(f"  rule    {rule}: safe-azure-openai explain {rule}" for rule in cast("list[str]", record["rules"])),
        "  facts",
        *(f"    {name:<13}{fact['value']:<20}from {fact['source']}" for name, fact in facts.items()),
        "  tenant",
        *(f"    {name:<13}{fact['value'] or 'unknown':<20}from {fact['source']}" for name, fact in tenant.items()),
        *(f"  seen    {item['kind']} at {item['pointer'] or '/'}  {item['digest']}" for item in evidence),
        *(f"  unread  {gap['pointer'] or '/'} ({gap['reason']})" for gap in gaps),
        *(f"  asked   {one['judge']}: {one['failure'] or ', '.join(one['yes']) or 'no'}" for one in opinions),
        *(f"  policy  {ref['id']}@{ref['version']} ({ref['digest'][:12]})" for ref in policy),
    ]
    return "\n".join(lines)


# --- rules


def _rules(arguments: argparse.Namespace) -> int:
    from .policy import Policy
    from .settings import Settings

    names = tuple(cast("list[str]", arguments.policy)) or Settings.load().policy
    policy = Policy.load(names)
    if arguments.verify:
        return _verify(names)
    if arguments.json:
        print(json.dumps([_rule_record(rule) for rule in policy.rules], indent=2))
        return OK
    for pack in policy.packs:
        print(f"{pack.ref.id}@{pack.ref.version} ({pack.ref.digest[:12]})  {pack.title}")
        for rule in pack.rules:
            print(f"  {rule.id}\n    {rule.title}\n    {rule.citation}\n    {rule.url}")
    return OK


def _rule_record(rule: Rule) -> dict[str, object]:
    def listed(conditions: tuple[tuple[str, frozenset[str]], ...]) -> dict[str, list[str]]:
        return {fact: sorted(values) for fact, values in conditions}

    alternatives = [{"when": listed(one.when), "unless": listed(one.unless)} for one in rule.alternatives]
    return {**asdict(rule), "alternatives": alternatives}


def _verify(names: Sequence[str]) -> int:
    from .policy import Policy
    from .policy.pack import read_cases

    is_wrong = False
    for name in names:
        policy = Policy.load(name)
        cases = read_cases(name)
        failed = 0
        for case in cases:
            rules = tuple(match.id for match in policy.evaluate(case.facts))
            if rules != case.rules or case.verdict != ("block" if rules else "allow"):
                failed += 1
                print(f"{name}, case {case.line}: {case.note}\n  expected {case.rules}, got {rules}")
        print(f"{name}: {len(cases) - failed} cases passed, {failed} failed")
        is_wrong = is_wrong or failed > 0
    return ATTENTION if is_wrong else OK


# --- env


def _env(arguments: argparse.Namespace) -> int:
    from .doctor import settings_or_problem
    from .settings import variables

    rows = variables()
    if arguments.format == "markdown":  # for the docs: what may be set, not what is set here
        print("| variable | values | default | what for |\n| --- | --- | --- | --- |")
        for row in rows:
            print(f"| `{row.name}` | {row.values} | {row.default} | {row.description} |")
        return OK
    settings, problem = settings_or_problem()
    if arguments.format == "json":
        values = {row.name: row.shown(settings) if settings else None for row in rows}
        print(json.dumps([{**asdict(row), "value": values[row.name]} for row in rows], indent=2))
    else:
        for row in rows:
            mark = "*" if settings and row.field in settings.model_fields_set else " "
            print(f"{mark} {row.name}" + (f"={row.shown(settings)}" if settings else ""))
            text = f"{row.description} Values: {row.values}. Default: {row.default}."
            print(textwrap.indent(textwrap.fill(text, 96), " " * 4))
        print("\n* set in this environment")
    if problem is not None:
        raise problem
    return OK


# --- doctor


def _doctor(arguments: argparse.Namespace) -> int:
    from .doctor import examine

    report = examine()
    if arguments.json:
        print(json.dumps(report.as_record(), indent=2))
    else:
        for finding in report.findings:
            print(f"{finding.state:>5}  {finding.text}")
    return OK if report.is_well else ATTENTION
