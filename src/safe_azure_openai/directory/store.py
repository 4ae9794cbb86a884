"""The last known report on disk, so that a restart needs no look-up and survives a directory that is down.

It holds what was found, in a file of the user's cache that only the user can read: no token, no account, no words of
requests.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from .report import Report

__all__ = ["Store"]

#: Version of the file's shape; another one is not read.
SCHEMA = 1
MAX_BYTES = 1024 * 1024

_logger = logging.getLogger("safe_azure_openai")
_reports = TypeAdapter(Report)


class Store:
    """One file per thing that is looked up.

    Args:
        key: what is looked up; another key never gets this one's report.
        folder: by default the user's cache.
    """

    def __init__(self, key: tuple[str, ...], folder: Path | None = None) -> None:
        if folder is None:
            from platformdirs import user_cache_path

            folder = user_cache_path("safe-azure-openai", appauthor=False)
        self.path = folder / f"tenant-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.json"

    def load(self) -> Report | None:
        """Return the report that was kept last, or None where there is none that can be used."""
        try:
            with self.path.open("rb") as file:
                content: object = json.loads(file.read(MAX_BYTES))
            if not isinstance(content, dict) or content.get("schema") != SCHEMA:  # pyright: ignore[reportUnknownMemberType]
                return None
            return _reports.validate_python(content["report"], strict=False)  # pyright: ignore[reportUnknownArgumentType]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError, KeyError, ValidationError) as error:
            _logger.debug("the tenant kept in %s cannot be used: %s", self.path, type(error).__name__)
            return None

    def save(self, report: Report) -> None:
        """Keep a report; a reader sees the old one or the new one, and a disk that cannot be written is no fault."""
        content = json.dumps({"schema": SCHEMA, "report": asdict(report)}).encode()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.stem)  # made with mode 0600
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                Path(name).replace(self.path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            _logger.debug("the tenant is not kept in %s: %s", self.path, type(error).__name__)
