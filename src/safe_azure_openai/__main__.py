"""``python -m safe_azure_openai``: the command ``safe-azure-openai``, by another name."""

from __future__ import annotations

import sys

from .cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
