"""Run every benchmark: ``python -m benchmarks``."""

from __future__ import annotations

import logging

from . import extract, guard, images, streams

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    guard.main()
    print()
    extract.main()
    print()
    images.main()
    print()
    streams.main()
