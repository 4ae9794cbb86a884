"""The pages: every example does what it says, what is made from the code is current, and links lead somewhere."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from safe_azure_openai.model.facts import FACT_VALUES
from safe_azure_openai.policy import Policy
from safe_azure_openai.policy.pack import BUILT_IN
from safe_azure_openai.toml_source import TomlSource

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted((ROOT / "README.md", *DOCS.rglob("*.md")))
WRITTEN = [page for page in PAGES if "Made by docs/build.py" not in page.read_text(encoding="utf-8")]
RULES = [rule for name in BUILT_IN for rule in Policy.load(name).packs[-1].rules]


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script("build", monkeypatch)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script("run", monkeypatch)


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return one of the scripts in docs/ as a module."""
    monkeypatch.syspath_prepend(str(DOCS))
    for module in ("build", "docstrings", "run"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return importlib.import_module(name)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- examples


def marks(page: Path) -> list[pytest.MarkDecorator]:
    """Return a mark for each dependency group that a page needs: ``<!-- group: name -->``."""
    return [pytest.mark.group(name) for name in re.findall(r"<!-- group: (\S+) -->", page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page), marks=marks(page)) for page in WRITTEN])
def test_the_examples_do_what_the_page_says(page: Path, run: ModuleType) -> None:
    run.run(page)


def test_only_installations_are_not_run() -> None:
    reasons = {
        reason for page in PAGES for reason in re.findall(r"<!-- not run: (.+?) -->", page.read_text(encoding="utf-8"))
    }

    assert reasons <= {"installs from a package index", "sets up and runs this whole project"}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("```python\nraise KeyError('wrong')\n```\n", "wrong"),
        ("```bash\nfalse\n```\n", "status 1"),
        ("```console\n$ false\n```\n", "status 1"),
        ("```console\n$ echo one\ntwo\n```\n", "the page says\n\ntwo\n\nand this was printed\n\none"),
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "the page says\n\n2\n\nand this was printed\n\n1"),
        ("```text\nthe output of nothing\n```\n", "no example stands before"),
        ("```json\n{\n```\n", "property name"),
        ("```toml\n[\n```\n", "not valid TOML"),
        ("```cobol\nDISPLAY 1.\n```\n", "nothing is known of blocks in 'cobol'"),
    ],
)
def test_a_wrong_example_is_found(block: str, message: str, run: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{block}", encoding="utf-8")

    with pytest.raises(Exception, match=message):
        run.run(page)


def test_a_page_is_run_in_order_and_in_a_place_of_its_own(run: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '```python title="said.py"\nprint("hello")\n```\n'
        "```bash\nexport WORD=world\n```\n"
        "```console\n$ python said.py\nhello\n$ echo $WORD\nworld\n```\n"
        '```python\nimport os\nword = os.environ["WORD"]\n```\n'
        "```python\nprint(word, 'dec_0123456789abcdef')\n```\n"
        "```text\nworld dec_fedcba9876543210\n```\n",
        encoding="utf-8",
    )

    assert run.run(page) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


def test_what_is_printed_can_be_written_into_the_page(run: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nprint(1)\n```\n\n```text\n2\n```\n\n```console\n$ echo one\ntwo\n```\n", encoding="utf-8"
    )

    run.write(page)

    assert page.read_text(encoding="utf-8") == (
        "```python\nprint(1)\n```\n\n```text\n1\n```\n\n```console\n$ echo one\none\n```\n"
    )
    run.run(page)


# --- pages made from the code


def test_the_reference_is_what_the_code_yields(build: ModuleType) -> None:
    assert build.stale() == []


def test_a_reference_page_that_was_edited_is_found(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = build.pages()
    monkeypatch.setattr(build, "pages", lambda: {**made, "names.md": "edited"})

    assert build.main(["--check"]) == 1
    assert "docs/reference/names.md" in capsys.readouterr().err


def test_the_reference_is_written_and_what_is_left_over_is_removed(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gone.md").write_text("a rule that is no more", encoding="utf-8")
    monkeypatch.setattr(build, "REFERENCE", tmp_path)

    assert build.main([]) == 0
    assert build.stale() == []
    assert not (tmp_path / "gone.md").exists()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.id))
def test_each_rule_has_a_page_with_its_source(rule: object) -> None:
    page = (DOCS / "reference/rules" / f"{getattr(rule, 'id')}.md").read_text(encoding="utf-8")  # noqa: B009

    assert getattr(rule, "url") in page  # noqa: B009
    assert getattr(rule, "citation") in page  # noqa: B009


def test_every_fact_has_words(build: ModuleType) -> None:
    assert list(build.FACTS) == list(FACT_VALUES)


def test_the_choices_of_each_argument_and_field_are_spelt_out(build: ModuleType) -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    stand_ins = set(re.findall(r"^(\w+) = Literal\[", source, re.MULTILINE))
    pages = build.pages()
    types = [
        part
        for name in ("names.md", "decisions.md", "testing.md", "retries.md")
        for part in re.findall(r"^```py\n.*?^```|^\| `\w+` \| `[^\n]*` \|$", pages[name], re.MULTILINE | re.DOTALL)
    ]

    assert {"Mode", "Sector", "Sensitivity"} <= stand_ins
    assert 'sensitivity: Literal["balanced", "strict"] = "balanced"' in pages["names.md"]
    assert not {word for part in types for word in re.findall(r"\w+", part)} & stand_ins


def test_a_page_that_a_docstring_names_is_a_link(build: ModuleType) -> None:
    pages = build.pages()

    assert "([Environment](environment.md))" in pages["names.md"]
    assert "[Figures](../explanation/figures.md)" in pages["names.md"]


def test_what_a_detector_finds_is_not_called_missing(build: ModuleType) -> None:
    missing = build.not_found_yet()

    assert "facial_recognition" not in missing["act"]
    assert "law_enforcement" not in missing["actor"]
    assert not missing["camera"]


def test_a_rule_that_nothing_can_match_yet_says_so(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        build, "not_found_yet", lambda: {name: frozenset({"emotion_inference"}) for name in FACT_VALUES}
    )
    pages = build.pages()

    assert "**Not yet found.**" in pages["rules/emotion-inference.md"]
    assert "`emotion_inference`*" in pages["facts.md"]
    assert "**Not yet found.**" not in pages["rules/us-police-facial-recognition.md"]


# --- glossary

GLOSSARY = (DOCS / "glossary.toml").read_text(encoding="utf-8")
WORDS = cast("dict[str, dict[str, str]]", TomlSource.parse("glossary.toml", GLOSSARY.encode()).data["words"])


@pytest.mark.parametrize("word", WORDS)
def test_each_word_of_the_glossary_stands_on_the_page_that_explains_it(word: str) -> None:
    page = DOCS / WORDS[word]["in"].partition("#")[0]

    assert word.lower() in " ".join(page.read_text(encoding="utf-8").lower().split())


def test_the_glossary_is_in_order() -> None:
    assert list(WORDS) == sorted(WORDS)


@pytest.mark.parametrize(
    ("line", "instead", "wrong"),
    [
        ('flips = "', 'turns = "', "flips, turns"),
        ('fixed = "', 'mounted = "', "fixed, mounted"),
        ('encrypted = "', 'sealed = "', "encrypted, sealed"),
        ('token = "', 'jwt = "', "jwt, token"),
    ],
)
def test_a_name_of_the_code_that_the_glossary_does_not_have_stops_the_build(
    line: str, instead: str, wrong: str, build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    changed = tmp_path / "glossary.toml"
    changed.write_text(GLOSSARY.replace(f"\n{line}", f"\n{instead}"), encoding="utf-8")
    monkeypatch.setattr(build, "GLOSSARY", changed)

    with pytest.raises(ValueError, match=f"glossary.toml and the code differ in {wrong}"):
        build.pages()


# --- links


def links(page: Path) -> Iterator[tuple[Path, str]]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield ((page.parent / path).resolve() if path else page, anchor)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_pages_and_headings_that_exist(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"{name_of(page)} links to {target}"
        if anchor:
            assert anchor in anchors(target), f"{name_of(page)} links to #{anchor} of {name_of(target)}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"[\w./-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))

    assert listed == {page.relative_to(DOCS).as_posix() for page in PAGES if page.is_relative_to(DOCS)}
