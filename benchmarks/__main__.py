"""Run every benchmark, or those that are named: ``python -m benchmarks [name ...]``."""

from __future__ import annotations

import logging
import sys

from . import calls, extract, guard, images, pictures, streams

ALL = {module.__name__.rpartition(".")[2]: module for module in (guard, extract, images, pictures, calls, streams)}


def main(names: list[str]) -> None:
    """Run the benchmarks of these names, or all of them."""
    if unknown := [name for name in names if name not in ALL]:
        raise SystemExit(f"no benchmark {', '.join(unknown)}; there are {', '.join(ALL)}")
    logging.disable(logging.CRITICAL)
    for name in names or ALL:
        print(f"{name}: {(ALL[name].__doc__ or '').splitlines()[0]}")
        ALL[name].main()
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
