"""The demo as a newcomer runs it: a process of its own, over real HTTP."""

from __future__ import annotations

import base64
import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from safe_azure_openai.testing import Loopback, Reply

EXAMPLES = Path(__file__).parent.parent / "examples"
ESCAPE = "\x1b["


def demo(environment: Mapping[str, str] | None = None) -> str:
    """Return what the demo prints where nobody looks on."""
    result = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py"],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **(environment or {})},
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert result.stderr == b""
    return result.stdout.decode()


def scenes(output: str) -> list[str]:
    """Return what was printed of each scene, its lines as they stand."""
    return re.split(r"^ +\d  ", output, flags=re.MULTILINE)[1:]


@pytest.fixture(scope="module")
def printed() -> str:
    clean = {name: value for name, value in os.environ.items() if "OPENAI" not in name}
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(clean):
            patch.delenv(name)
        return demo()


def test_the_first_three_are_answered(printed: str) -> None:
    answered = scenes(printed)[:3]

    assert ["✓ sent" in scene for scene in answered] == [True, True, True]
    assert "Crumb" in answered[0]
    assert "before the joke is over" in answered[1]
    assert "three faces, all blurred" in answered[2]


def test_the_other_three_are_stopped_each_by_its_own_rule(printed: str) -> None:
    stopped = scenes(printed)[3:]

    rules = [re.findall(r"rule +(\S+)", scene) for scene in stopped]
    assert rules == [
        ["us-police-facial-recognition"],
        ["law-enforcement-identification"],
        ["real-time-mobile-camera"],
    ]


def test_a_violation_says_where_on_whose_word_and_what_to_do(printed: str) -> None:
    for scene in scenes(printed)[3:]:
        assert re.search(r"^ +at +/\S+ \(", scene, re.MULTILINE)
        assert re.search(r"^ +source +\S", scene, re.MULTILINE)
        assert "<https://learn.microsoft.com/" in scene
        assert re.search(r"^ +fix +\S", scene, re.MULTILINE)
        assert "never be seen" not in scene


def test_the_sum_is_that_of_the_server(printed: str) -> None:
    assert "6 requests made, the server counted 3. The other 3 never left this machine." in printed


def test_the_next_step_exists(printed: str) -> None:
    (page,) = re.findall(r"docs/\S+\.md", printed)

    assert (EXAMPLES.parent / page).exists()


def test_without_a_terminal_there_is_no_colour(printed: str) -> None:
    assert ESCAPE not in printed
    assert "[three people on a street, PNG, 224x80]" in printed


def test_a_terminal_gets_colour_and_pictures() -> None:
    output = on_a_terminal({"TERM": "xterm-256color"})

    assert "▀" in output
    assert f"{ESCAPE}38;2;" in output


def test_a_terminal_gets_no_colour_where_it_is_not_wanted() -> None:
    assert ESCAPE not in on_a_terminal({"TERM": "xterm-256color", "NO_COLOR": "1"})


def on_a_terminal(environment: Mapping[str, str]) -> str:
    """Return what the demo prints to a terminal."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    reader, writer = pty.openpty()
    with subprocess.Popen(
        [sys.executable, EXAMPLES / "demo.py"], env={**os.environ, **environment}, stdout=writer, stderr=writer
    ) as process:
        os.close(writer)
        output = b""
        while data := _read(reader):
            output += data
        os.close(reader)
        assert process.wait(60) == 0
    return output.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux reports the end of a pseudo-terminal as an error
        return b""


def test_with_an_endpoint_it_talks_to_azure() -> None:
    with Loopback("I am the deployment.") as azure:
        output = demo(
            {
                "AZURE_OPENAI_ENDPOINT": azure.url,
                "AZURE_OPENAI_API_KEY": "secret",
                "AZURE_OPENAI_DEPLOYMENT": "our-gpt",
            }
        )

    assert [request.target.partition("?")[0] for request in azure.requests] == [
        "/openai/deployments/our-gpt/chat/completions"
    ] * 3
    assert output.count("I am the deployment.") == 3
    assert "the guard let out 3" in output


def test_a_refusal_of_azure_is_told_and_does_not_end_the_demo() -> None:
    with Loopback() as azure:
        azure.reply("/chat/completions", Reply.of({"error": {"message": "no such deployment"}}, 404))
        output = demo({"AZURE_OPENAI_ENDPOINT": azure.url, "AZURE_OPENAI_API_KEY": "secret"})

    assert output.count("the server said no") == 3
    assert len(scenes(output)) == 6


def test_a_wrong_setting_is_told_without_a_traceback() -> None:
    result = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py"],
        env={**os.environ, "SAFE_AZURE_OPENAI_MODE": "enforced"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 2
    assert "SAFE_AZURE_OPENAI_MODE='enforced'" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_broken_installation_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from safe_azure_openai.guard import Guard\n"
        "def judge(*args, **kwargs): raise FileNotFoundError('weights')\n"
        "Guard.judge = judge\n",
        encoding="utf-8",
    )
    result = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert "safe-azure-openai doctor" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_pictures_are_png_files_of_the_size_they_say() -> None:
    code = "import pictures as p; [print(x.data_url()) for x in (p.STREET, p.PORTRAIT, *p.FRAMES)]"
    urls = subprocess.check_output([sys.executable, "-c", code], cwd=EXAMPLES, text=True).split()

    for url in urls:
        png = base64.b64decode(url.removeprefix("data:image/png;base64,"))
        width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
        (length,) = struct.unpack(">I", png[33:37])
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert (depth, kind) == (8, 2)
        assert len(zlib.decompress(png[41 : 41 + length])) == height * (1 + 3 * width)
