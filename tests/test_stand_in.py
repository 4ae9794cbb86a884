"""The stand-in as a program of its own: what it prints is all that a client needs."""

from __future__ import annotations

import signal
import subprocess
import sys

from safe_azure_openai import AzureOpenAI


def listen_to_interrupts() -> None:
    """A program that was started in the background ignores them, and so does what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_what_it_prints_is_all_that_a_client_needs() -> None:
    command = [sys.executable, "-m", "safe_azure_openai.testing"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listen_to_interrupts
    ) as served:
        assert served.stdout is not None
        assert served.stderr is not None
        first, *words = served.stdout.readline().split()
        assert first == "export"
        told = dict(word.split("=", 1) for word in words)
        with AzureOpenAI(
            azure_endpoint=told["AZURE_OPENAI_ENDPOINT"],
            api_key=told["AZURE_OPENAI_API_KEY"],
            api_version=told["OPENAI_API_VERSION"],
        ) as client:
            answer = client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "Say hello."}]
            )
        served.send_signal(signal.SIGINT)
        assert served.wait(20) == 0
        assert served.stderr.read() == ""
    assert answer.choices[0].message.content == "Hello from the stand-in."
