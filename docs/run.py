"""Run the examples of a page, so that none of them can be wrong.

A page is a Markdown file; its fenced blocks run in order, in a folder and an environment of their own, against a
stand-in for Azure OpenAI on loopback:

- ``python`` is executed, in one namespace for the page; ``bash`` is executed, and what it exports stays;
- ``console`` holds commands behind ``$`` and what they print;
- ``text`` is what the block before it prints;
- a block with ``title="name"`` is saved as that file instead.

``...`` in an output stands for anything; what differs from run to run (ids, digests, scores, times, ports) need not be
equal. ``<!-- not run: reason -->`` before a block leaves it out. ``<!-- group: name -->`` anywhere names the
dependency group of pyproject.toml that the page needs; ``make frameworks`` runs it.

``python docs/run.py page.md ...`` runs pages and writes what was printed into them.
"""

from __future__ import annotations

import contextlib
import doctest
import gc
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sybil import Example, Region, Sybil
from sybil.document import Document

from safe_azure_openai.testing import Loopback
from safe_azure_openai.toml_source import TomlSource

_FENCE = re.compile(
    r"^(?P<indent>[ ]*)```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<source>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_TITLE = re.compile(r'title="([^"]+)"')
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*\Z")
#: What differs from run to run. Must not match a rule id or a verdict.
_VARIES = re.compile(
    r"dec_[0-9a-f]{16}|\b[0-9a-f]{12,64}\b|127\.0\.0\.1:\d+|\d{4}-\d\d-\d\dT[\d:.+Z]+|score \d\.\d\d|\bin \d+\.\d+s\b"
    r"|\b\d+\.\d+\.\d+\b|\[\d+:\d+\]"
)

#: A page's tests know nothing of our plugins, and an openai that does not bring httpx2 is no fault of theirs.
_PYTEST = "-p no:asyncio -p no:cacheprovider -W 'ignore:Using `httpx` with `starlette.testclient`'"

#: Languages of blocks that are shown only: signatures and changes.
SHOWN = ("py", "diff")


class Page:
    """One page's folder, environment and namespace, and what its last example printed."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.printed: str | None = None
        self.environment = {
            **{name: value for name, value in os.environ.items() if "OPENAI" not in name},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "AZURE_OPENAI_ENDPOINT": url,
            "AZURE_OPENAI_API_KEY": "none",
            "OPENAI_API_VERSION": "2024-10-21",
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": "none",
            "COLUMNS": "80",
            "PYTEST_ADDOPTS": _PYTEST,
            "NO_COLOR": "1",
        }

    def python(self, source: str, path: str, line: int) -> str:
        """Execute a block and return what it prints."""
        code = compile("\n" * (line - 1) + source, path, "exec", dont_inherit=True)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), self._entered():
            exec(code, self.namespace)
        return printed.getvalue()

    def shell(self, command: str) -> tuple[str, int]:
        """Run a command, keep what it exports, and return what it prints and its status."""
        kept = self.folder / ".environment"
        script = f"{command}\nstatus=$?\nenv -0 > {shlex.quote(str(kept))}\nexit $status"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if kept.exists():
            pairs = (line.partition("=") for line in kept.read_text(encoding="utf-8").split("\0"))
            self.environment = {name: value for name, equals, value in pairs if equals}
        kept.unlink(missing_ok=True)
        return done.stdout.decode(), done.returncode

    @contextlib.contextmanager
    def _entered(self) -> Iterator[None]:
        before, folder = dict(os.environ), Path.cwd()
        os.environ.clear()
        os.environ.update(self.environment)
        os.chdir(self.folder)
        try:
            yield
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(before)


class OutputError(AssertionError):
    """An example printed something else than the page says."""


def _same(expected: str, printed: str) -> bool:
    def settled(text: str) -> str:
        return _VARIES.sub("#", "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))) + "\n"

    return doctest.OutputChecker().check_output(settled(expected), settled(printed), doctest.ELLIPSIS)


def _compare(expected: str, printed: str) -> None:
    if not _same(expected, printed):
        raise OutputError(f"the page says\n\n{expected.rstrip()}\n\nand this was printed\n\n{printed.rstrip()}\n")


def _commands(source: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block, with the output that follows it."""
    for part in re.split(r"^\$ ", source, flags=re.MULTILINE)[1:]:
        lines = part.split("\n")
        command = lines.pop(0)
        while command.endswith("\\"):
            command = command[:-1] + lines.pop(0)
        yield command, "\n".join(lines)


def _evaluate(example: Example) -> None:
    page: Page = example.namespace["page"]
    language, title, source = example.parsed
    if title:
        path = page.folder / title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    elif language in _RUN:
        _RUN[language](page, source, example)
    elif language not in SHOWN:
        raise OutputError(f"nothing is known of blocks in {language!r}")


def _python(page: Page, source: str, example: Example) -> None:
    page.printed = page.python(source, example.path, example.line + 1)


def _bash(page: Page, source: str, _: Example) -> None:
    page.printed, status = page.shell(source)
    if status:
        raise OutputError(f"status {status}:\n{page.printed}")


def _console(page: Page, source: str, _: Example) -> None:
    for command, expected in _commands(source):
        printed, status = page.shell(command)
        if expected.strip():
            _compare(expected, printed)
        elif status:
            raise OutputError(f"$ {command}\nstatus {status}:\n{printed}")


def _text(page: Page, source: str, _: Example) -> None:
    if page.printed is None:
        raise OutputError("no example stands before this output")
    _compare(source, page.printed)


def _json(_page: Page, source: str, _: Example) -> None:
    json.loads(source)


def _toml(_page: Page, source: str, _: Example) -> None:
    TomlSource.parse("example", source.encode())


#: What is done with a block that is not saved, by its language. JSON and TOML have to be what they say at least.
_RUN: dict[str, Callable[[Page, str, Example], None]] = {
    "python": _python,
    "bash": _bash,
    "console": _console,
    "text": _text,
    "json": _json,
    "toml": _toml,
}


def _blocks(document: Document) -> Iterator[Region]:
    for match in _FENCE.finditer(document.text):
        if _NOT_RUN.search(document.text, 0, match.start()):
            continue
        indent = match["indent"]
        source = re.sub(rf"^{indent}", "", match["source"], flags=re.MULTILINE)
        title = _TITLE.search(match["info"])
        parsed = (match["language"], title[1] if title else "", source)
        yield Region(match.start(), match.end(), parsed, _evaluate)


SYBIL = Sybil(parsers=[_blocks])


def run(path: Path) -> int:
    """Run every example of a page and return how many blocks were run or saved.

    Raises:
        SybilFailure, or what an example raises: an example does not do what the page says.
    """
    document = SYBIL.parse(path)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder, Loopback() as server:
        # An asynchronous client that an example leaves to a framework is closed by nobody.
        warnings.simplefilter("ignore", ResourceWarning)
        page = document.namespace["page"] = Page(Path(folder), server.url)
        examples = list(document.examples())
        for example in examples:
            example.evaluate()
        page.namespace.clear()
        gc.collect()
        if server.errors:
            raise server.errors[0]
    return len(examples)


def write(path: Path) -> None:
    """Run a page and put what its examples print into it, where it differs."""
    text = path.read_text("utf-8")
    document = SYBIL.parse(path)
    with tempfile.TemporaryDirectory() as folder, Loopback() as server:
        page = document.namespace["page"] = Page(Path(folder), server.url)
        for example in document.examples():
            language, title, source = example.parsed
            if language == "text" and not title and page.printed is not None:
                if not _same(source, page.printed):
                    text = text.replace(f"```text\n{source}```", f"```text\n{page.printed.rstrip()}\n```", 1)
            elif language == "console" and not title:
                for command, expected in _commands(source):
                    printed, _ = page.shell(command)
                    if expected.strip() and not _same(expected, printed):
                        text = text.replace(f"$ {command}\n{expected}", f"$ {command}\n{printed.rstrip()}\n", 1)
            else:
                example.evaluate()
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(Path(name).resolve())
