"""What an editor shows of our clients is what it shows of upstream's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("upstream_signatures.py")
ROOT = CASES.parent.parent.parent


@pytest.mark.parametrize(
    "checker",
    [
        ["mypy", "--strict", "--no-error-summary", f"--config-file={ROOT / 'pyproject.toml'}"],
        ["pyright", "--pythonpath", sys.executable],
    ],
    ids=lambda checker: checker[0],
)
def test_the_types_that_upstream_declares_are_ours(checker: list[str]) -> None:
    pytest.importorskip(checker[0])
    done = subprocess.run(
        [sys.executable, "-m", *checker, str(CASES)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
