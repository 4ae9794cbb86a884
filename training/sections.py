"""Whole files put together from sections that know nothing of one another, as developers hand them to a model.

In the README or the source of a project, who it is for is said once, and what it does somewhere else. So the sections
in ``sections/<author>.jsonl`` are of seven kinds:

- ``open``: how a file begins; it may tell who it is for (``le``) and what it does (``fr``),
- ``act``: what does it or makes it work, for nobody named (``fr`` 1; ``cam``, ``live``),
- ``near``: what looks like it and is something else,
- ``plain``: what any such file has,
- ``who``: what tells in passing who uses it (``le``),
- ``talk``: limits, ethics, law, what the project does not do,
- ``ask``: what the developer wants of the model: to build on the file (``do`` 1) or to speak of it (``do`` 0).
"""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from facts import Item, lines, made

__all__ = ["SECTIONS", "files"]

SECTIONS = Path(__file__).parent / "sections"
Section = dict[str, Any]
#: Media whose sections stand in one file together.
TOGETHER = {
    "readme": ("readme", "doc"),
    "doc": ("doc", "readme"),
    "prompt": ("prompt", "doc"),
    "notebook": ("notebook", "python"),
}
ANY = "any"
NAMES = {
    "readme": ("README.md", "readme.txt", "README.rst", "docs/index.md"),
    "doc": ("design.md", "notes.txt", "spec.docx", "RFC-12.md"),
    "prompt": ("AGENTS.md", "system_prompt.txt", "agent.yaml", "prompts/main.md"),
    "python": ("main.py", "app.py", "utils.py", "run.py", "test2.py"),
    "js": ("index.js", "App.tsx", "server.js", "api.ts"),
    "java": ("MainActivity.java", "Main.kt", "Service.java"),
    "c": ("main.cpp", "pipeline.cc", "node.cpp", "main.c"),
    "config": ("config.yaml", "docker-compose.yml", ".env.example", "settings.toml"),
    "notebook": ("demo.ipynb", "Untitled3.ipynb", "experiment.ipynb"),
}


class Language:
    """The sections of one language, by kind and medium, and of each those that tell of an act or of law enforcement."""

    def __init__(self, name: str, sections: list[Section]) -> None:
        self.name = name
        self._found: dict[tuple[str, str, bool], list[Section]] = defaultdict(list)
        for section in sections:
            part = section["part"]
            told = {"open": section.get("le"), "who": section.get("le"), "ask": section.get("do")}
            medium = ANY if part == "ask" else section["medium"]  # what is wanted fits all of them
            self._found[part, medium, bool(told.get(part))].append(section)
        self.media = sorted({medium for part, medium, _ in self._found if part == "open"})

    def pick(
        self, part: str, media: tuple[str, ...], rng: random.Random, *, told: bool = False, silent: bool = False
    ) -> Section:
        """Return a section of one of ``media``, of the first of them mostly; of any where they have none.

        ``told`` is for one that tells who it is for (of an ``ask``: that something is to be done), ``silent`` for one
        without facial recognition.
        """
        some = self._found.get((part, media[0], told), [])
        if not some or (len(some) < 4 and rng.random() < 0.5) or (len(media) > 1 and rng.random() < 0.25):
            some = [s for medium in media for s in self._found.get((part, medium, told), [])]
        if not some:
            some = [s for (p, _, t), found in sorted(self._found.items()) if (p, t) == (part, told) for s in found]
        return rng.choice([section for section in some if not (silent and section.get("fr"))] or some)


def files(count: int, rng: random.Random, root: Path = SECTIONS) -> list[Item]:
    """Return ``count`` requests about files, of every language in proportion to the sections below ``root``."""
    by_name: dict[str, list[Section]] = defaultdict(list)
    for path in sorted(root.glob("*.jsonl")):
        for section in lines(path, "part", "t", "lang"):
            by_name[section["lang"]].append(section)
    languages = [Language(name, sections) for name, sections in sorted(by_name.items())]
    weights = [len(sections) for _, sections in sorted(by_name.items())]
    return [
        made({"lang": language.name, "k": "file", **_file(language, rng)}, "sections")
        for language in rng.choices(languages, weights, k=count)
    ]


def _file(language: Language, rng: random.Random) -> dict[str, Any]:
    medium = rng.choice(language.media)
    media = TOGETHER.get(medium, (medium,))
    is_told, is_done = rng.random() < 0.6, rng.random() < 0.55

    def pick(part: str, *, told: bool = False, silent: bool = False) -> Section:
        return language.pick(part, media, rng, told=told, silent=silent)

    at_once = rng.random() < 0.7
    first = pick("open", told=is_told and at_once, silent=not is_done)
    rest = [pick("plain") for _ in range(rng.choice((1, 2, 3, 4, 6, 8, 12, 16)))]
    if is_told and not at_once:
        rest.append(pick("who", told=True))
    elif rng.random() < 0.3:
        rest.append(pick("who"))
    if is_done:
        rest += [pick("act") for _ in range(rng.choice((1, 1, 2, 3)))]
    if not is_done or rng.random() < 0.35:
        rest += [pick("near") for _ in range(rng.choice((1, 1, 2)))]
    if rng.random() < 0.25:
        rest.append(pick("talk"))
    rng.shuffle(rest)
    some = list({section["t"]: section for section in (first, *rest)}.values())
    if rng.random() < 0.25:  # a part of a longer file, or a short one
        some = some[: rng.randint(2, 4)]
    text = rng.choice(("\n\n", "\n\n", "\n", "\n\n\n")).join(section["t"] for section in some)
    ask = language.pick("ask", (ANY,), rng, told=rng.random() < 0.75) if rng.random() < 0.92 else {"t": "", "do": 1}
    return {**_facts(some, is_to_be_done=bool(ask.get("do"))), **_placed(text, ask["t"], medium, rng)}


def _facts(some: list[Section], *, is_to_be_done: bool) -> dict[str, Any]:
    """Return the facts of a file from those of its sections; who speaks of a file does not do what it does."""
    acts = [section for section in some if section.get("fr")]
    agencies = [section["le"] for section in some if section.get("le")]
    named = [agency for agency in agencies if agency != "?"] or agencies
    # A file that begins with a camera is about that one; others in it may have nothing to do with what is done.
    cameras = [section for section in some if section.get("cam") and (section["part"] == "open" or section in acts)]
    seen = next((section for section in cameras if section.get("live")), cameras[0] if cameras else {})
    agency = named[0] if named else ""
    return {
        "fr": int(bool(acts) and is_to_be_done),
        # Where it is spoken of, the police may be what it is about or the ones who ask: the sections do not tell.
        "le": agency if is_to_be_done or not agency else None,
        "cam": seen.get("cam", ""),
        "live": int(bool(seen.get("live"))),
        "coop": int(bool(seen.get("coop"))),
    }


def _placed(text: str, ask: str, medium: str, rng: random.Random) -> dict[str, Any]:
    """Return where each stands: in one message, in the instructions, as a tool's result, after an earlier turn."""
    place = rng.random()
    if medium == "prompt" and ask and place < 0.5:
        return {"s": text, "u": ask}
    if not ask:
        return {"u": text}
    if place < 0.2:
        return {"s": text, "u": ask}
    if place < 0.35:
        return {"u": ask, "tr": text, "fn": rng.choice(NAMES[medium])}
    if place < 0.42:
        return {"h": [text, "OK."], "u": ask}
    fence = "```" if medium not in {"readme", "prompt", "doc"} and rng.random() < 0.6 else ""
    name = f"{rng.choice(NAMES[medium])}\n" if rng.random() < 0.3 else ""
    body = f"{name}{fence}\n{text}\n{fence}" if fence else f"{name}{text}"
    return {"u": f"{ask}\n\n{body}" if place < 0.75 else f"{body}\n\n{ask}"}
