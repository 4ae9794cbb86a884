"""What a guarded client sends, what it stops, and why: ``make demo``.

With nothing configured, a stand-in for Azure OpenAI answers on loopback. With ``AZURE_OPENAI_ENDPOINT`` and
``AZURE_OPENAI_API_KEY`` (or ``AZURE_OPENAI_AD_TOKEN``) set, the same script talks to Azure;
``AZURE_OPENAI_DEPLOYMENT`` names the deployment, "gpt-4o" unless set.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from openai import APIError
from pictures import FRAMES, PORTRAIT, STREET, Picture
from terminal import Terminal

from safe_azure_openai import (
    AzureOpenAI,
    ConfigurationError,
    Decision,
    Guard,
    InspectionError,
    PolicyViolation,
    Tenant,
)
from safe_azure_openai.testing import Loopback

# --- the script


@dataclass(frozen=True)
class Scene:
    """One request: who asks, what, and what the stand-in would say."""

    title: str
    words: str
    answer: str
    tenant: Tenant = field(default_factory=Tenant)
    standing: str = ""
    pictures: tuple[Picture, ...] = ()
    stream: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def messages(self) -> list[dict[str, Any]]:
        standing = [{"role": "system", "content": self.standing}] if self.standing else []
        content = [{"type": "text", "text": self.words}, *(picture.part() for picture in self.pictures)]
        return [*standing, {"role": "user", "content": content if self.pictures else self.words}]


SHERIFF = Tenant("law_enforcement", country="US", organization="a sheriff's office")

WATCH_LIST_TOOL = {
    "type": "function",
    "function": {
        "name": "match_watchlist",
        "description": "Compare a face in the current frame with the faces on the ban list and return the name.",
        "parameters": {"type": "object", "properties": {"frame": {"type": "integer"}}, "required": ["frame"]},
    },
}

SCENES = (
    Scene(
        "An ordinary chat",
        "Suggest a name for a very small dog.",
        "Biscuit. If it is smaller than that: Crumb.",
    ),
    Scene(
        "The same, streamed",
        "Tell me in one sentence why streaming is nice.",
        "Because you can start to smile before the joke is over.",
        stream=True,
    ),
    Scene(
        "A sheriff's office protects bystanders",
        "Blur every face in this picture before we publish it.",
        "Done: three faces, all blurred. The yellow hair stays.",
        SHERIFF,
        pictures=(STREET,),
    ),
    Scene(
        "The same office asks who somebody is",
        "Who is the man in this picture? Compare his face with our booking photos.",
        "This answer should never be seen.",
        SHERIFF,
        pictures=(PORTRAIT,),
    ),
    Scene(
        "A police force in Germany, and nothing declared",
        "Hier ist die Kriminalpolizei. Vergleiche das Gesicht auf diesem Bild mit unserer Lichtbilddatei: Wer ist das?",
        "This answer should never be seen.",
        pictures=(PORTRAIT,),
    ),
    Scene(
        "Guards of a shopping mall, live, on body cameras",
        "Frames 41 and 42. Tell the guard by name who from the ban list is in front of him.",
        "This answer should never be seen.",
        Tenant("security"),
        standing=(
            "You receive live frames from the body-worn cameras of our guards while they patrol the mall. Search every "
            "face in each frame as it arrives and alert the guard when a face from the ban list shows up."
        ),
        pictures=FRAMES,
        options={"tools": [WATCH_LIST_TOOL]},
    ),
)


# --- running it


class Tally:
    """A sink that counts what went out: where Azure listens, nobody else can tell us."""

    def __init__(self) -> None:
        self.made = 0
        self.sent = 0

    def record(self, decision: Decision, *, tenant: Tenant, sent: bool) -> None:  # noqa: ARG002 - a sink gets them
        self.made += 1
        self.sent += sent


def play(scene: Scene, client: AzureOpenAI, tally: Tally, model: str, terminal: Terminal) -> None:
    """Send one request with a guard for its tenant, and print what became of it."""
    guarded = client.with_guard(Guard(scene.tenant, sinks=[tally]))
    request: dict[str, Any] = {"model": model, "messages": scene.messages(), **scene.options}
    try:
        if scene.stream:
            stream = guarded.chat.completions.create(**request, stream=True)
            terminal.typed(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        else:
            completion = guarded.chat.completions.create(**request)
            terminal.wrapped("answer", completion.choices[0].message.content or "(a tool call)", "green")
        terminal.line(f"{'':<5}{terminal.paint('✓ sent', 'green', 'bold')}")
    except PolicyViolation as violation:
        tell(violation, terminal)
    except APIError as error:  # of Azure: a wrong key, a deployment that sees no pictures, ...
        terminal.wrapped("error", f"the server said no: {error}", "yellow")


def tell(violation: PolicyViolation, terminal: Terminal) -> None:
    """Print a violation: which rule, where in the request, on whose word, and what to do instead."""
    first = violation.decision.matches[0]
    places: dict[str, list[str]] = {}
    for item in violation.evidence:
        places.setdefault(item.pointer, []).append(item.kind)
    seen = ", ".join(f"{pointer or '/'} ({', '.join(kinds)})" for pointer, kinds in places.items())
    terminal.line(f"{'':<5}{terminal.paint('✗ stopped, and not a byte was sent', 'red', 'bold')}")
    terminal.wrapped("rule", violation.rule, "bold")
    terminal.wrapped("", first.title)
    if violation.rules[1:]:
        terminal.wrapped("also", ", ".join(violation.rules[1:]))
    terminal.wrapped("at", seen or "the tenant's configuration")
    terminal.wrapped("source", violation.citation, "dim")
    terminal.wrapped("fix", first.fix, "yellow")


def who(tenant: Tenant) -> str:
    parts = (tenant.organization or tenant.sector.replace("_", " "), tenant.country)
    return "tenant: " + (", ".join(filter(None, parts)) if tenant.sector != "unknown" else "nothing declared")


def introduce(number: int, scene: Scene, terminal: Terminal) -> None:
    """Print who asks what."""
    mark = terminal.paint(f"{number:>3}", "cyan", "bold")
    gap = max(2, terminal.width - 5 - len(scene.title) - len(who(scene.tenant)))
    terminal.line()
    terminal.line(f"{mark}  {terminal.paint(scene.title, 'bold')}{' ' * gap}{terminal.paint(who(scene.tenant), 'dim')}")
    if scene.standing:
        terminal.wrapped("system", scene.standing)
    terminal.wrapped("asked", scene.words)
    for name in (tool["function"]["name"] for tool in scene.options.get("tools", ())):
        terminal.wrapped("tool", name)
    for picture in scene.pictures[:1] if terminal.has_colour else scene.pictures:
        terminal.show(picture)


def server_for(stack: ExitStack) -> tuple[AzureOpenAI, str, Loopback | None]:
    """Return a client, the name of its model, and the stand-in it talks to: None where it is Azure."""
    version = os.environ.get("OPENAI_API_VERSION", "2024-10-21")
    model = os.environ.get("AZURE_OPENAI_DEPLOYMENT", "gpt-4o")
    if os.environ.get("AZURE_OPENAI_ENDPOINT"):
        return AzureOpenAI(api_version=version), model, None
    answers = {scene.words: scene.answer for scene in SCENES}
    stand_in = stack.enter_context(Loopback(lambda body: answers[_words(body)]))
    return AzureOpenAI(azure_endpoint=stand_in.url, api_key="none", api_version=version), model, stand_in


def _words(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else content[0]["text"]


def main() -> int:
    """Play the script; return 0 where all of it could be played."""
    # Decisions are logged as well. Here they are printed, so the log would only say them twice.
    logging.getLogger("safe_azure_openai").addHandler(logging.NullHandler())
    terminal, tally = Terminal(), Tally()
    with ExitStack() as stack:
        try:
            client, model, stand_in = server_for(stack)
        except ConfigurationError as error:
            print(f"demo: {error}", file=sys.stderr)
            return 2
        where, kind = f"Talking to {client.base_url}", f"Deployment {model}."
        if stand_in:
            where, kind = f"A stand-in for Azure OpenAI at {stand_in.url}", "Real HTTP, real client, no account."
        terminal.line()
        terminal.line(f"  {terminal.paint('safe-azure-openai', 'bold', 'cyan')}  one import changed, nothing else")
        terminal.line(f"  {terminal.paint(f'{where}. {kind}', 'dim')}")
        for number, scene in enumerate(SCENES, 1):
            introduce(number, scene, terminal)
            try:
                play(scene, client, tally, model, terminal)
            except InspectionError as error:  # nothing here is unreadable, so the installation is broken
                print(f"demo: {error}\nsee what is wrong: safe-azure-openai doctor", file=sys.stderr)
                return 1
        arrived = len(stand_in.requests) if stand_in else tally.sent
        close(arrived, tally.made - tally.sent, terminal, by_server=stand_in is not None)
    return 0


def close(arrived: int, stopped: int, terminal: Terminal, *, by_server: bool) -> None:
    """Print the sum, and where to go from here."""
    counted = "the server counted" if by_server else "the guard let out"
    total = f"{len(SCENES)} requests made, {counted} {arrived}. The other {stopped} never left this machine."
    terminal.line()
    terminal.line(f"  {terminal.paint(total, 'bold')}")
    terminal.line()
    terminal.line("  Your turn: change one line of your own program,")
    terminal.line()
    terminal.line(f"      {terminal.paint('- from openai import AzureOpenAI', 'red')}")
    terminal.line(f"      {terminal.paint('+ from safe_azure_openai import AzureOpenAI', 'green')}")
    terminal.line()
    terminal.line(f"  and read {terminal.paint('docs/tutorial.md', 'cyan')} (five minutes, still offline).")
    terminal.line()


if __name__ == "__main__":
    sys.exit(main())
