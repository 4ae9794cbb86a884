"""What the project's own files promise one another."""

from __future__ import annotations

import ast
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from safe_azure_openai.policy import Policy
from safe_azure_openai.policy.pack import BUILT_IN

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_readme_needs_two_commands_and_both_exist() -> None:
    commands = re.findall(r"^make (\w+)", README, re.MULTILINE)

    assert commands == ["demo", "test"]
    assert all(re.search(rf"^{command}:", MAKEFILE, re.MULTILINE) for command in commands)


def test_the_readmes_example_is_python() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

    names = [node.module for node in ast.walk(ast.parse(example)) if isinstance(node, ast.ImportFrom)]
    assert names == ["safe_azure_openai"]


def test_the_readme_links_to_files_that_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_changelog_names_the_version_of_each_policy(name: str) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert f"`{name}` {Policy.load(name).refs[-1].version}" in changelog


def test_the_oldest_dependencies_are_the_lower_bounds() -> None:
    oldest = dict(re.findall(r"^([\w-]+)==([\d.]+)$", (ROOT / "tests/oldest.txt").read_text(), re.MULTILINE))
    bounds = dict(re.findall(r"([\w-]+)>=([\d.]+)", "\n".join(d for d in PROJECT["dependencies"] if ";" not in d)))

    assert {name: re.sub(r"(\.0)+$", "", version) for name, version in oldest.items()} == {
        name: re.sub(r"(\.0)+$", "", version) for name, version in bounds.items()
    }


def test_the_installed_package_has_the_projects_version_and_says_it_is_typed() -> None:
    assert metadata.version("safe-azure-openai") == PROJECT["version"]
    assert (ROOT / "src/safe_azure_openai/py.typed").exists()


def test_ci_runs_the_readmes_test_command() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
