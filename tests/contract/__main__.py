"""``python -m tests.contract``: openai's own tests, against stock and against ours."""

from __future__ import annotations

import sys

from .run import main

if __name__ == "__main__":
    sys.exit(main())
