"""Run openai's own tests twice, with its classes and with ours, and compare what became of each test.

The tests come from the sdist that the package index has of the version in question; nothing of them is kept in this
repository. A test that passes with stock and not with ours is lost, and so is one that sends something else. Lost tests
fail the run unless ``permitted.toml`` names them, with a reason.

    python -m tests.contract                    the installed version of openai, everything
    python -m tests.contract --openai 2.45.0    another one, in an environment of its own
    python -m tests.contract --quick            the files that say most, in under two minutes
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from .rebind import rebound

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "contract"
EXTRAS = "aiohttp,realtime,bedrock"
#: Of the packages that the sdist's development list names, the ones its tests import.
NEEDED = (
    "pytest", "pytest-asyncio", "respx", "jsonschema", "time-machine", "dirty-equals", "importlib-metadata", "rich",
    "inline-snapshot", "azure-identity", "botocore", "trio", "nest_asyncio", "griffe", "Pillow", "packaging",
)  # fmt: skip
QUICK = (
    "tests/test_client.py", "tests/test_legacy_response.py", "tests/test_response.py", "tests/test_streaming.py",
    "tests/test_module_client.py", "tests/lib/test_azure.py", "tests/lib/chat", "tests/api_resources/chat",
    "tests/api_resources/responses", "tests/api_resources/test_files.py", "tests/api_resources/test_uploads.py",
)  # fmt: skip
#: Tests of the repository rather than of the package: they start package managers, linters or the network.
NOT_OF_THE_PACKAGE = (
    "tests/test_uv_workflows.py", "tests/test_dependency_constraints.py", "tests/test_readme_metadata.py",
    "tests/compat", "tests/test_consumer_compatibility.py",
)  # fmt: skip

Outcomes = dict[str, dict[str, Any]]


def main(argv: list[str] | None = None) -> int:
    """Run, print, and return 1 if a test is lost that is not permitted."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--openai", default=version("openai"), metavar="VERSION", help="default: the installed one")
    parser.add_argument("--quick", action="store_true", help="only the files that say most")
    parser.add_argument("--judge", choices=("on", "off"), default="on", help="off: compare the enforcement alone")
    parser.add_argument("paths", nargs="*", help="files or folders of openai's tests; default: all")
    options = parser.parse_args(argv)
    began = time.monotonic()
    folder = WORK / options.openai
    python = environment(folder, options.openai)
    trees = {kind: tree(folder, options.openai, kind) for kind in ("stock", "ours")}
    paths = options.paths or [path for path in QUICK if options.quick and (trees["stock"] / path).exists()]
    stock, ours = run(python, trees, paths, options.judge)
    report = compare(stock, ours)
    again = sorted(report)
    if again:  # a test that fails by chance must do so twice
        stock_again, ours_again = run(python, trees, again, options.judge)
        report = compare({**stock, **stock_again}, {**ours, **ours_again})
    return show(options.openai, stock, ours, report, time.monotonic() - began)


def environment(folder: Path, wanted: str) -> Path:
    """Return the interpreter of a virtual environment that holds ``openai`` and what its tests import."""
    python = folder / "venv" / "bin" / "python"
    ready = folder / "venv" / "ready"
    if not ready.exists():
        shutil.rmtree(folder / "venv", ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
        ours = [line for line in ours if not line.startswith("openai")]
        upstream = tomllib.loads((source(folder, wanted) / "pyproject.toml").read_text(encoding="utf-8"))
        groups = upstream.get("dependency-groups", {}).get("dev", [])
        groups += upstream.get("tool", {}).get("rye", {}).get("dev-dependencies", [])
        tests = [line for line in groups if isinstance(line, str) and _name(line) in {_name(name) for name in NEEDED}]
        subprocess.run([*install, f"openai[{EXTRAS}]=={wanted}", "numpy", *ours, *tests], check=True)
        ready.touch()
    # Not by PYTHONPATH alone: tests that start a program of their own set that anew.
    for packages in (folder / "venv" / "lib").glob("python*/site-packages"):
        (packages / "safe_azure_openai.pth").write_text(f"{ROOT / 'src'}\n", encoding="utf-8")
    return python


def _name(requirement: str) -> str:
    return requirement.split("=")[0].split(">")[0].split("<")[0].split("[")[0].strip().lower().replace("_", "-")


def source(folder: Path, wanted: str) -> Path:
    """Return the unpacked sdist, fetched from the package index if need be."""
    target = folder / f"openai-{wanted}"
    if not target.exists():
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*fetch, "--no-binary", "openai", "--dest", folder, f"openai=={wanted}"], check=True)
        with tarfile.open(folder / f"openai-{wanted}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return target


def tree(folder: Path, wanted: str, kind: str) -> Path:
    """Return a copy of the sdist without its package; in ``ours`` the four classes are ours."""
    origin, target = source(folder, wanted), folder / kind
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(origin, target, ignore=shutil.ignore_patterns("src", "*.pyc"))
    if kind == "ours":
        for path in [*(target / "tests").rglob("*.py"), *(target / "examples").rglob("*.py")]:  # tests run examples
            path.write_text(rebound(path.read_text(encoding="utf-8")), encoding="utf-8")
    return target


def run(python: Path, trees: dict[str, Path], paths: list[str], judge: str) -> tuple[Outcomes, Outcomes]:
    """Run the tests in both trees at the same time and return what became of each test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AZURE_", "SAFE_"))}
    command = [str(python), "-m", "pytest", "-p", "recorder", "-p", "no:cacheprovider", "-o", "addopts="]
    # Not --tb=short: CPython 3.11 fails to parse some of these files (gh-106905), and pytest would stop in the middle.
    command += ["-q", "--tb=native", "--durations=15"]
    command += [f"--ignore={path}" for path in NOT_OF_THE_PACKAGE]
    processes: list[subprocess.Popen[bytes]] = []
    for kind, folder in trees.items():
        (folder / "outcomes.json").unlink(missing_ok=True)
        settings = {
            **kept,
            "PYTHONPATH": str(HERE),
            "CONTRACT_OUTCOMES": str(folder / "outcomes.json"),
            "CONTRACT_JUDGE": judge if kind == "ours" else "on",
        }
        name = "output-again.txt" if "::" in "".join(paths) else "output.txt"
        with (folder / name).open("wb") as output:
            processes.append(
                subprocess.Popen([*command, *paths], cwd=folder, env=settings, stdout=output, stderr=subprocess.STDOUT)
            )
        assert kind in ("stock", "ours")
    for folder, process in zip(trees.values(), processes, strict=True):
        if process.wait() > 1:
            print(f"pytest did not reach its end (status {process.returncode}): see {folder}/output.txt")
    stock, ours = (json.loads((folder / "outcomes.json").read_text(encoding="utf-8")) for folder in trees.values())
    return stock, ours


def compare(stock: Outcomes, ours: Outcomes) -> dict[str, str]:
    """Return the tests that are lost, each with what differs."""
    lost: dict[str, str] = {}
    for test, expected in stock.items():
        found = ours.get(test, {"outcome": "missing", "why": "not collected", "sent": []})
        if expected["outcome"] == "passed" and found["outcome"] != "passed":
            lost[test] = f"{found['outcome']}: {found['why']}"
        elif expected["outcome"] == found["outcome"] and expected.get("sent") != found.get("sent"):
            counts = [len(entry.get("sent", ())) for entry in (expected, found)]
            lost[test] = f"sends something else: {counts[0]} and {counts[1]} requests"
    return lost


def permitted(wanted: str) -> dict[str, str]:
    """Return the patterns of differences that are intended, with their reasons."""
    entries = tomllib.loads((HERE / "permitted.toml").read_text(encoding="utf-8"))["permitted"]
    return {
        entry["test"]: entry["reason"]
        for entry in entries
        if any(fnmatch.fnmatch(wanted, pattern) for pattern in entry.get("openai", ["*"]))
    }


def show(wanted: str, stock: Outcomes, ours: Outcomes, lost: dict[str, str], seconds: float) -> int:
    """Print the outcome; return 1 if something is lost that is not permitted."""
    reasons = permitted(wanted)
    allowed = {test: reason for test in lost for pattern, reason in reasons.items() if fnmatch.fnmatch(test, pattern)}
    print(f"openai {wanted}: {len(stock)} tests, {seconds:.0f} s")
    for name, outcomes in (("stock", stock), ("ours", ours)):
        states = [entry["outcome"] for entry in outcomes.values()]
        counts = ", ".join(f"{states.count(state)} {state}" for state in ("passed", "failed", "skipped", "xfailed"))
        sent = sum(len(entry.get("sent", ())) for entry in outcomes.values())
        print(f"  {name:<6} {counts}; {sent} requests compared byte for byte")
    print(f"  lost   {len(lost)}, of which {len(allowed)} are permitted")
    for test, reason in allowed.items():
        print(f"    permitted  {test}: {reason}")
    for test in sorted(set(lost) - set(allowed)):
        print(f"    LOST       {test}\n               {lost[test].strip()[-500:]}")
    return 1 if set(lost) - set(allowed) or not stock else 0
