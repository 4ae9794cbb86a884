"""Make the reference pages from the code: ``python docs/build.py``. With ``--check``, say which are out of date.

What the code knows (names, errors, settings, commands, facts, rules) is written there once and published from there.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import inspect
import io
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast, get_args, get_type_hints

from docstrings import described, prose, signature

import safe_azure_openai
from safe_azure_openai import cli, errors, merge, opinion, retry, testing
from safe_azure_openai.model import facts, request
from safe_azure_openai.model.facts import FACT_VALUES
from safe_azure_openai.policy import Policy, Rule
from safe_azure_openai.policy.pack import BUILT_IN
from safe_azure_openai.signals import reading
from safe_azure_openai.tenant import Source
from safe_azure_openai.toml_source import TomlSource

GLOSSARY = Path(__file__).parent / "glossary.toml"
REFERENCE = Path(__file__).parent / "reference"
MADE = "<!-- Made by docs/build.py from the code. Do not edit. -->\n\n"

#: What each fact answers. A fact without words here stops the build.
FACTS = {
    "actor": "Is this by or for law enforcement?",
    "country": "Where is that agency, or else the tenant? `ZZ` is some country other than the United States.",
    "act": "What is to be done with faces or people?",
    "stance": "Is it to be done, or is it talked about?",
    "camera": "What kind of camera took the pictures?",
    "timing": "While it happens, or afterwards?",
    "setting": "Are people met in the wild, or does one person present himself for a check?",
    "premises": "What kind of place is it?",
    "inspection": "Could all of the request be read?",
}

NAMES = """
# Names

What `safe_azure_openai` promises. Nothing else is: a name that is not on this page, or under [Errors](errors.md), may
change in any version.
"""

TESTING = """
# Testing

For tests without a network: `safe_azure_openai.testing`. How to use it:
[Test your app offline](../how-to/test-your-app.md).
"""

RETRIES = """
# Retries

For clients that are to try longer than `openai` does: `safe_azure_openai.retry`, with the extra `azure`. How to use it:
[Retry longer, and fail over](../how-to/retry-longer.md).
"""

DECISIONS = """
# Decisions

What a [`Decision`](names.md#decision) is made of. All of it is frozen, and none of it holds the words of a request
unless they were asked for (`EVIDENCE=quote`).
"""

VIOLATION = """
| field | what it is |
| --- | --- |
| `rule` | id of the first rule that matched |
| `rules` | ids of all that matched, in policy order |
| `citation` | where the first rule comes from, with its address |
| `evidence` | where the facts were seen: pointers and digests, no words |
| `decision` | the whole [`Decision`](names.md#decision) |
"""

ENVIRONMENT = """
# Environment

Every setting is an environment variable. It is read when a client or `Guard.from_env()` is made, and not when the
package is imported. A wrong value, and a variable with our prefix that does not exist, raise
[`ConfigurationError`](errors.md#configurationerror). `safe-azure-openai env` prints this list with the values in force.

{table}

A variable that is set to nothing counts as not set. Arguments are not mixed with the environment: a `Guard` made with
arguments uses only those and the defaults. `Guard.from_env(tenant=...)` takes all but the tenant from here.
"""

COMMANDS = """
# Commands

{about}

`safe-azure-openai run app.py` runs a program with every `openai` client in it guarded, and `run -m module` a
module. How to use it: [Guard code that is not yours](../how-to/frameworks/index.md).
"""

FACTS_PAGE = """
# Facts

What rules speak of. Each fact has one value out of a closed list; `unknown` is a value like any other. How a request
becomes facts: [How a request is judged](../explanation/how-a-request-is-judged.md).

{table}

Values marked with * can be named in a rule, but nothing in this version finds them in a request.
"""

GLOSSARY_PAGE = """
# Glossary

One line for each word: first those of these pages, each with a link to where it is explained, then those in which
decisions, errors and records are written.

## Words of these pages
"""

GLOSSARY_DECISION = """
## Parts of a decision

What stands in a [`Decision`](names.md#decision). The audit file has
[keys of its own](../how-to/see-what-the-guard-does.md#read-the-audit-file).
"""

GLOSSARY_FACTS = """
## Values of facts

`unknown` is a value of every [fact](facts.md): nothing tells it. Values marked with * can be named in a rule, but
nothing in this version finds them in a request.
"""

GLOSSARY_SOURCES = """
## Where a fact comes from

The `source` of a [`Fact`](decisions.md#fact). Dots stand for what differs.
"""

GLOSSARY_TENANT = """
## Where a field of the tenant comes from

What [`Tenant.provenance`](names.md#tenantprovenance) and records say. With `stale` behind it, it is what Azure said
last.
"""

GLOSSARY_GAPS = """
## Why a part was not read

The `reason` of a [`Gap`](decisions.md#gap). A gap stops the request, unless it is said here that it does not, or
`ON_UNINSPECTABLE=allow` is set.
"""

RULES = """
# Rules

One page for each rule. The text of a rule is our own wording; the source that it cites is what binds you.
`safe-azure-openai rules` lists the rules in force.
"""

NOT_YET = """
> **Not yet found.** Nothing in this version finds the `{fact}` that this rule asks for, so it does not match any
> request. It stands here for policies that are written now.
"""


def pages() -> dict[str, str]:
    """Return every page that is made from the code, by its path below ``docs/reference``."""
    made = {
        "names.md": _names(),
        "testing.md": [TESTING, *(described(getattr(testing, name)) for name in testing.__all__)],
        "retries.md": [RETRIES, *(described(getattr(retry, name)) for name in ("RetryPolicy", "Fallback"))],
        "decisions.md": [DECISIONS, *(described(part) for part in _PARTS)],
        "errors.md": _errors(),
        "environment.md": [ENVIRONMENT.format(table=_run("env", "--format", "markdown"))],
        "commands.md": _commands(),
        "facts.md": _facts(),
        "glossary.md": _glossary(),
        "rules/index.md": _rule_index(),
        **{f"rules/{rule.id}.md": _rule(rule) for rule in _rules()},
    }
    return {name: MADE + re.sub(r"\n{3,}", "\n\n", "\n\n".join(parts)).strip() + "\n" for name, parts in made.items()}


def not_found_yet() -> dict[str, frozenset[str]]:
    """Return, by fact, the values that rules may name and that nothing finds in a request: no detector writes them."""
    source = inspect.getsource(merge) + inspect.getsource(reading)
    written = set(re.findall(r"""(?<!source=)["'](\w+)["']""", source))
    return {fact: frozenset(values) - written for fact, values in FACT_VALUES.items()}


_PARTS = (facts.Facts, facts.Fact, facts.Evidence, request.Gap, opinion.Opinion, facts.RuleMatch, facts.PolicyRef)


def _names() -> Iterator[str]:
    yield NAMES
    for name in safe_azure_openai.__all__:
        value = getattr(safe_azure_openai, name)
        if not inspect.isclass(value):
            yield f"## `{name}`\n\n{signature(name, value)}\n\n{prose(value.__doc__)}"
        elif not issubclass(value, BaseException):
            yield described(value)


def _errors() -> Iterator[str]:
    tree, _, rest = inspect.cleandoc(errors.__doc__ or "").split("::\n\n")[1].partition("\n\n")
    yield "# Errors"
    yield f"```\n{textwrap.dedent(tree)}\n```"
    yield prose(rest)
    for name in sorted(errors.__all__, key=lambda name: (name != "GuardError", name)):
        cls = getattr(errors, name)
        public = next(base for base in cls.__mro__[1:] if not base.__name__.startswith("_"))
        yield f"## `{name}`\n\nDerives from `{public.__name__}`.\n\n{prose(cls.__doc__)}"
        if cls is errors.PolicyViolation:
            yield VIOLATION


def _run(*arguments: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        cli.main(arguments)
    return printed.getvalue()


def _commands() -> Iterator[str]:
    # argparse has no public way to list what it knows, and its printed help differs between versions of Python.
    parser = cli._parser()  # noqa: SLF001
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001
    helps = {action.dest: action.help or "" for action in commands._choices_actions}  # noqa: SLF001
    yield COMMANDS.format(about=prose(cli.__doc__))
    for name, command in cast("Mapping[str, argparse.ArgumentParser]", commands.choices).items():
        yield f"## `safe-azure-openai {name}`\n\n{_sentence(helps[name])}"
        rows = [_argument(action) for action in command._actions if action.dest != "help"]  # noqa: SLF001
        if rows:
            yield "\n".join(["| argument | what it is |", "| --- | --- |", *rows])


def _argument(action: argparse.Action) -> str:
    name = ", ".join(action.option_strings) or action.dest
    if action.option_strings and action.nargs != 0:
        name += f" {'&#124;'.join(action.choices or ()) or action.dest.upper()}"
    words = (action.help or "").replace("%(default)s", str(action.default))
    return f"| <code>{name}</code> | {words} |"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _facts() -> Iterator[str]:
    rows = [
        f"| `{name}` | {FACTS[name]} | {_values(name, choices) or 'an ISO 3166-1 alpha-2 code'}, `unknown` |"
        for name, choices in FACT_VALUES.items()
    ]
    yield FACTS_PAGE.format(table="\n".join(["| fact | question | values |", "| --- | --- | --- |", *rows]))


def _values(fact: str, choices: Iterable[str]) -> str:
    unseen = not_found_yet()[fact]
    return ", ".join(f"`{choice}`{'*' if choice in unseen else ''}" for choice in choices)


# --- glossary


def _glossary() -> Iterator[str]:
    told = cast("dict[str, dict[str, str]]", TomlSource.parse(GLOSSARY.name, GLOSSARY.read_bytes()).data)
    words = cast("dict[str, dict[str, str]]", told["words"])
    values = cast("dict[str, dict[str, str]]", told["facts"])
    yield GLOSSARY_PAGE
    yield _meanings("word", {f"[{word}]({_from_here(of['in'])})": of["is"] for word, of in words.items()})
    yield GLOSSARY_DECISION
    yield _of_code("field", told["decision"], _named(safe_azure_openai.Decision))
    yield GLOSSARY_FACTS
    rows = [row for fact, choices in FACT_VALUES.items() if choices for row in _of_fact(fact, choices, values[fact])]
    yield "\n".join(["| fact | value | what it means |", "| --- | --- | --- |", *rows])
    yield GLOSSARY_SOURCES
    yield _meanings("source", {f"`{source}`": meaning for source, meaning in told["sources"].items()})
    yield GLOSSARY_TENANT
    yield _of_code("source", told["tenant"], get_args(Source))
    yield GLOSSARY_GAPS
    yield _of_code("reason", told["gaps"], get_args(get_type_hints(request.Gap)["reason"]))


def _meanings(head: str, told: Mapping[str, str]) -> str:
    rows = [f"| {word} | {meaning} |" for word, meaning in told.items()]
    return "\n".join([f"| {head} | what it means |", "| --- | --- |", *rows])


def _of_code(head: str, told: Mapping[str, str], names: Iterable[str]) -> str:
    return _meanings(head, {f"`{name}`": meaning for name, meaning in _complete(told, names).items()})


def _of_fact(fact: str, choices: Iterable[str], told: Mapping[str, str]) -> Iterator[str]:
    return (f"| `{fact}` | {_values(fact, [value])} | {is_} |" for value, is_ in _complete(told, choices).items())


def _complete(told: Mapping[str, str], names: Iterable[str]) -> Mapping[str, str]:
    """Return what is told of the names of the code.

    Raises:
        ValueError: of one of them nothing is told, or something is told of a name that the code does not have.
    """
    if wrong := set(names) ^ set(told):
        raise ValueError(f"{GLOSSARY.name} and the code differ in {', '.join(sorted(wrong))}")
    return told


def _named(cls: type) -> Iterator[str]:
    """Yield the fields and the properties of a class."""
    yield from (field.name for field in dataclasses.fields(cls))
    yield from (name for name, member in vars(cls).items() if isinstance(member, property))


def _from_here(page: str) -> str:
    return f"../{page}".replace("../reference/", "")


# --- rules


def _rules() -> Iterator[Rule]:
    for pack in BUILT_IN:
        yield from Policy.load(pack).packs[-1].rules


def _rule_index() -> Iterator[str]:
    yield RULES
    for name in BUILT_IN:
        *others, pack = Policy.load(name).packs
        also = f" Includes the rules of {', '.join(f'`{other.ref.id}`' for other in others)}." if others else ""
        default = " The default." if name == BUILT_IN[0] else ""
        yield f"## `{pack.ref.id}`\n\n{pack.title}. Version {pack.ref.version}.{default}{also}"
        rows = [f"| [`{rule.id}`]({rule.id}.md) | {rule.title} |" for rule in pack.rules]
        yield "\n".join(["| rule | what it blocks |", "| --- | --- |", *rows])


def _rule(rule: Rule) -> Iterator[str]:
    version = next(ref.version for ref in Policy.load(rule.policy).refs if ref.id == rule.policy)
    known = {other.id for other in _rules()}
    yield f"# {rule.id}\n\n{_sentence(rule.title)}"
    yield f"Policy `{rule.policy}`, version {version}, rule {rule.order}."
    yield from _warning(rule)
    yield re.sub(r"`([a-z-]+)`", lambda it: f"[{it[0]}]({it[1]}.md)" if it[1] in known else it[0], rule.docs)
    yield "## When it applies\n\nThe rule matches when the [facts](../facts.md) of a request are these:"
    yield "\n\nor these:\n\n".join(_alternatives(rule))
    yield f"## Why\n\n{textwrap.fill(' '.join(rule.why.split()), 118)}"
    yield f"## How to fix it\n\n{_sentence(rule.fix)}"
    yield f"## Source\n\n{rule.citation}. <{rule.url}>"


def _alternatives(rule: Rule) -> Iterator[str]:
    for way in rule.alternatives:
        rows = [f"| `{fact}` | {_ranked(fact, values, ' or ')} |" for fact, values in way.when]
        rows += [f"| `{fact}` | not {_ranked(fact, values, ', not ')} |" for fact, values in way.unless]
        yield "\n".join(["| fact | value |", "| --- | --- |", *rows])


def _ranked(fact: str, values: Iterable[str], joint: str) -> str:
    order = (*FACT_VALUES[fact], "unknown")
    ranked = sorted(values, key=lambda value: (order.index(value) if value in order else -1, value))
    return joint.join(f"`{value}`" for value in ranked)


def _warning(rule: Rule) -> Iterator[str]:
    """Yield a note where no request of this version can have the facts that a rule asks for."""
    for fact, unseen in not_found_yet().items():
        if all(any(name == fact and values <= unseen for name, values in way.when) for way in rule.alternatives):
            yield NOT_YET.format(fact=fact)
            return


# --- writing


def stale() -> list[str]:
    """Return the committed pages that are not what the code yields, missing and left over ones too."""
    made = pages()
    committed = {path.relative_to(REFERENCE).as_posix(): path.read_text("utf-8") for path in REFERENCE.rglob("*.md")}
    return sorted(name for name in {*made, *committed} if made.get(name) != committed.get(name))


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` only compare; return 1 where a page is out of date."""
    made = pages()
    changed = stale()
    for name in changed:
        path = REFERENCE / name
        if "--check" in arguments:
            print(f"docs/reference/{name} is not what the code yields: run `make docs`", file=sys.stderr)
        elif name in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[name], "utf-8")
        else:
            path.unlink()
    return 1 if changed and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
