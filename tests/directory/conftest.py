"""The stand-in for Azure, reached as the real one is: by Azure's own variables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from safe_azure_openai.directory import lookup

from .azure import Azure

#: What azure-identity and this package read, and what a developer's shell or a build agent may have set.
READ = ("AZURE_", "ARM_", "IDENTITY_", "MSI_", "IMDS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def bare_azure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No account of the developer's, no cache of an earlier test, no look-up that another test shares."""
    for name in list(os.environ):
        if name.upper().startswith(READ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(lookup, "_shared", {})


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    with Azure() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server
