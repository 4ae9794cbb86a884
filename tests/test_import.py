"""Importing the package is cheap, and does nothing else."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

import pytest

LIMIT_MS = 30.0
ROUNDS = 5

#: Imports the package after openai and prints the milliseconds that took.
MEASURE = """
import time
import openai
before = time.perf_counter()
import safe_azure_openai
print((time.perf_counter() - before) * 1e3)
"""

#: Imports the package after openai, and prints every variable that is read and every file or socket that is opened,
#: but for the package's own code and compiled modules.
WATCH = """
import os, sys, importlib.machinery
import openai

read = []
class Watched(type(os.environ)):
    def __getitem__(self, key):
        read.append(key)
        return super().__getitem__(key)
os.environ.__class__ = Watched

opened = []
def hook(event, arguments):
    if event == "open" and not str(arguments[0]).endswith((".py", ".pyc", ".so", ".pyd")):
        opened.append(str(arguments[0]))
    elif event.startswith(("socket.", "subprocess.")):
        opened.append(event)
sys.addaudithook(hook)
import safe_azure_openai
print([name for name in read if name.startswith(("SAFE_AZURE_OPENAI_", "OPENAI_", "AZURE_"))], opened)
"""


def run(script: str, **environment: str) -> str:
    # Where no bytecode may be written, modules would be compiled each time, and an installed package's never are.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, env={**inherited, **environment}
    ).stdout.strip()


def test_importing_the_package_costs_little_beyond_openai() -> None:
    run(MEASURE)  # compiles the bytecode, which an installed package has already
    rounds = [float(run(MEASURE)) for _ in range(ROUNDS)]

    # The machine may be busy with other things: the best round is the nearest to what the import itself costs.
    assert min(rounds) <= LIMIT_MS, f"best {min(rounds):.1f} ms, median {statistics.median(rounds):.1f} ms"


@pytest.mark.parametrize("module", ["numpy", "pydantic_settings", "websockets"])
def test_heavy_modules_wait_until_they_are_needed(module: str) -> None:
    script = (
        "import sys, openai; before = set(sys.modules); import safe_azure_openai; "
        f"print({module!r} in set(sys.modules) - before)"
    )

    assert run(script) == "False"


def test_importing_the_package_reads_no_environment_and_opens_nothing() -> None:
    assert run(WATCH, SAFE_AZURE_OPENAI_MODE="nonsense") == "[] []"
