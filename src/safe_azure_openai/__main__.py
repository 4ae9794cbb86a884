"""``python -m safe_azure_openai run app.py``: run a program with every ``openai`` client in it guarded.

``run -m module`` runs a module; what follows belongs to the program. Other commands are those of ``safe-azure-openai``.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

USAGE = "usage: python -m safe_azure_openai run (app.py | -m module) [arguments of the program]"


def run(arguments: list[str]) -> int:
    """Run a program as ``python`` would, guarded; return 2 where no program is named."""
    from ._install import install

    is_module = arguments[:1] == ["-m"]
    program = arguments[1:] if is_module else arguments
    if not program:
        print(USAGE, file=sys.stderr)
        return 2
    sys.argv = list(program)
    with install():
        if is_module:
            sys.path.insert(0, "")
            runpy.run_module(program[0], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, str(Path(program[0]).resolve().parent))
            runpy.run_path(program[0], run_name="__main__")
    return 0


def main() -> int:
    """Run the program, or hand the command to the command line tool."""
    if sys.argv[1:2] == ["run"]:
        return run(sys.argv[2:])
    from .cli import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
