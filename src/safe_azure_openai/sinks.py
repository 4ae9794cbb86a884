"""Where decisions are recorded: the log, a JSONL file, and whatever else has a ``record`` method.

A sink that fails does not stop requests: the failure is logged as an error, with the id of the decision that is not on
record there, and the other sinks still get it. Who must not send what is not recorded says so with
``JsonlSink(path, required=True)``, or raises a ``GuardError`` in a sink of their own: that one reaches the caller, and
the request is not sent.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .errors import ConfigurationError, GuardError

if TYPE_CHECKING:
    from .decision import Decision
    from .model.facts import Evidence
    from .tenant import Tenant

__all__ = ["JsonlSink", "LoggingSink", "Sink", "as_record", "record_all"]

#: Version of the record's shape; a field may be added without a new one.
SCHEMA = 1

_logger = logging.getLogger("safe_azure_openai")


class Sink(Protocol):
    """Something that keeps decisions. Called once per request, from any thread, before the request is sent."""

    def record(self, decision: Decision, *, tenant: Tenant, sent: bool) -> None:
        """Keep one decision; ``sent`` is whether the request goes out."""
        ...


def record_all(sinks: Iterable[Sink], decision: Decision, *, tenant: Tenant, sent: bool) -> None:
    """Give a decision to every sink; see the top of this module for what happens when one fails.

    Raises:
        GuardError: a sink refuses to let the request go unrecorded. The others have been called before it is raised.
    """
    refusal: GuardError | None = None
    for sink in sinks:
        try:
            sink.record(decision, tenant=tenant, sent=sent)
        except GuardError as error:
            refusal = error
        except Exception as error:  # noqa: BLE001 - a foreign sink may raise anything, and no request may break on it
            # The error's own text could repeat what was recorded, so only its type is logged.
            _logger.error(  # noqa: TRY400 - a traceback could carry the words of the request
                "decision %s is not recorded by %s: %s", decision.id, type(sink).__name__, type(error).__name__
            )
    if refusal is not None:
        raise refusal


class LoggingSink:
    """One line per decision to the logger ``safe_azure_openai``: a warning where a rule matched or a part went unread.

    The text of pictures is no such part, unless it had to be read. The line holds ids, rules and places, and none of
    the words of the request.
    """

    def record(self, decision: Decision, *, tenant: Tenant, sent: bool) -> None:
        # That pictures are not read is so for every one of them, until what reads them is installed: no news.
        is_news = decision.is_blocked or not sent or any(not gap.is_unread_text for gap in decision.gaps)
        level = logging.WARNING if is_news else logging.INFO
        if not _logger.isEnabledFor(level):
            return
        _logger.log(
            level,
            "%s %s %s rules=%s at=%s gaps=%s sent=%s policy=%s sector=%s country=%s",
            decision.verdict,
            _one_word(decision.path),
            decision.id,
            ",".join(decision.rules) or "-",
            ",".join(dict.fromkeys(_one_word(item.pointer) or "/" for item in decision.evidence)) or "-",
            ",".join(f"{_one_word(gap.pointer) or '/'}({gap.reason})" for gap in decision.gaps) or "-",
            str(sent).lower(),
            ",".join(f"{ref.id}@{ref.version}" for ref in decision.policy) or "-",
            tenant.sector,
            tenant.country or "-",
        )


class JsonlSink:
    """Appends each decision to a file, one JSON object per line.

    Several threads, forked workers and other processes may share the file: each line is one write to a file opened for
    appending, and a file that was moved away by log rotation is made anew. It is made with mode 0600.

    Args:
        path: the file; its folder must exist.
        required: whether a request whose decision cannot be written must not be sent.
        now: the time to record.
    Raises:
        ConfigurationError: the file cannot be opened for appending.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, required: bool = False, now: Callable[[], datetime] | None = None
    ) -> None:
        self.path = Path(path)
        self.required = required
        self._now = now or _utc_now
        self._lock = threading.Lock()
        try:
            os.close(self._open())
        except OSError as error:
            raise ConfigurationError(
                f"the audit file {str(self.path)!r} cannot be written: {error.strerror}; "
                "name a file in a folder that exists and is writable (SAFE_AZURE_OPENAI_AUDIT_FILE)"
            ) from None

    def record(self, decision: Decision, *, tenant: Tenant, sent: bool) -> None:
        """Append one line.

        Raises:
            OSError: it cannot be written.
            GuardError: the same, where the record is ``required``.
        """
        record = {"time": self._now().isoformat(timespec="milliseconds"), **as_record(decision, tenant, sent=sent)}
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        try:
            self._append(line)
        except OSError as error:
            if self.required:
                raise GuardError(
                    f"the request was not sent: its decision {decision.id} cannot be recorded in {str(self.path)!r}: "
                    f"{error.strerror}"
                ) from error
            raise

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)

    def _append(self, line: bytes) -> None:
        with self._lock:  # only a write cut short needs it: its rest must follow before another thread's line
            descriptor = self._open()
            try:
                while line:
                    line = line[os.write(descriptor, line) :]
            finally:
                os.close(descriptor)


def as_record(decision: Decision, tenant: Tenant, *, sent: bool) -> dict[str, object]:
    """Return a decision as JSON-like values, without the words of the request unless the evidence quotes them."""
    return {
        "schema": SCHEMA,
        "decision": decision.id,
        "verdict": decision.verdict,
        "sent": sent,
        "rules": list(decision.rules),
        "path": decision.path,
        "facts": {name: {"value": fact.value, "source": fact.source} for name, fact in decision.facts.items()},
        "tenant": tenant.facts(),
        "policy": [{"id": ref.id, "version": ref.version, "digest": ref.digest} for ref in decision.policy],
        "evidence": [_evidence(item) for item in decision.evidence],
        "gaps": [{"pointer": gap.pointer, "reason": gap.reason} for gap in decision.gaps],
        "second_opinions": [asdict(opinion) for opinion in decision.opinions],
        "unknown_ids": decision.memory.is_unknown,
        "screened": decision.screened,
        "duration_us": round(decision.duration_us, 1),
    }


def _evidence(item: Evidence) -> dict[str, object]:
    place: dict[str, object] = {
        "kind": item.kind,
        "pointer": item.pointer,
        "start": item.start,
        "end": item.end,
        "digest": item.digest,
    }
    return place if item.quote is None else {**place, "quote": item.quote}


def _one_word(text: str) -> str:
    """Return text that stays on one line and in one column, whatever a client put into a path or a key."""
    return "".join(character if character.isprintable() and character != " " else "?" for character in text)


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)
