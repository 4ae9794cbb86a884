"""Requests put together from parts that know nothing of one another: who asks, what for, and from which camera.

Whether a request is prohibited is a conjunction, and a conjunction is learnt best where each side comes with every
other. The parts lie in ``parts/<language>.jsonl``, each a line of one of four kinds:

- ``who``: an introduction, a signature, a line of a ticket or a README that tells who it is by or for (``le``),
- ``ask``: what is to be done, in words that fit a museum as well as a police station (``fr``, ``img`` pictures),
- ``scene``: where pictures come from (``cam``, ``live``, ``coop``),
- ``watch``: what is to be done with such pictures (``fr``).
"""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from facts import Item, lines, made

__all__ = ["PARTS", "conjunctions"]

PARTS = Path(__file__).parent / "parts"
Part = dict[str, Any]
JOINERS = (" ", " ", ". ", "\n", "\n\n", ": ", " - ", ", ", " — ", " | ")
BULLETS = ("- {}", "* {}", "{n}. {}", "{n}) {}", "[ ] {}", "{}")


class Language:
    """The parts of one language, by kind and by whether they are what a rule asks for."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem.partition("-")[0]
        self.kinds: dict[tuple[str, bool], list[Part]] = defaultdict(list)
        for part in lines(path, "part", "t"):
            self.kinds[part["part"], bool(part.get("fr") or part.get("le"))].append(part)

    def pick(self, kind: str, rng: random.Random, positive: float = 0.5) -> Part:
        return rng.choice(self.kinds[kind, rng.random() < positive])


def conjunctions(count: int, rng: random.Random, root: Path = PARTS) -> list[Item]:
    """Return ``count`` requests, of every language that has parts below ``root`` as many."""
    languages = [Language(path) for path in sorted(root.glob("*.jsonl"))]
    recipes = ((60, introduced), (15, listed), (25, watched))
    makers = rng.choices([maker for _, maker in recipes], [weight for weight, _ in recipes], k=count)
    out = []
    for n, maker in enumerate(makers):
        language = languages[n % len(languages)]
        out.append(made({"lang": language.name, "k": "conjunction", **maker(language, rng)}, "parts"))
    return out


def introduced(language: Language, rng: random.Random) -> dict[str, Any]:
    """Who asks, and what for."""
    who, ask = language.pick("who", rng), language.pick("ask", rng, 0.6)
    facts = {"fr": ask["fr"], "le": who["le"], "img": ask.get("img", 0)}
    if rng.random() < 0.15:  # pictures are only spoken of
        del facts["img"]
    return {**facts, **placed(who["t"], ask["t"], rng)}


def listed(language: Language, rng: random.Random) -> dict[str, Any]:
    """Several things to be done, of which one may be facial recognition."""
    who, asks = language.pick("who", rng), [language.pick("ask", rng, 0.0) for _ in range(rng.randint(2, 7))]
    wanted = language.pick("ask", rng, 0.55)
    asks.insert(rng.randint(0, len(asks)), wanted)
    bullet = rng.choice(BULLETS)
    text = "\n".join(bullet.format(ask["t"], n=n) for n, ask in enumerate(asks, 1))
    facts = {"fr": wanted["fr"], "le": who["le"], "img": rng.choice((0, 1, 2, 3))}
    return {**facts, **placed(who["t"], text, rng, joiners=("\n", "\n\n", ":\n"))}


def watched(language: Language, rng: random.Random) -> dict[str, Any]:
    """What is to be done with the pictures of a camera, by somebody or by nobody named."""
    watch = language.pick("watch", rng, 0.65)
    scenes = language.kinds["scene", False]
    # Who presents himself is checked; to look out for people there is another thing.
    scene = rng.choice([s for s in scenes if not (s.get("coop") and watch["fr"])])
    who = language.pick("who", rng, 0.35) if rng.random() < 0.7 else {"t": "", "le": ""}
    text = rng.choice((" ", " ", "\n", ". ", " - ")).join(rng.sample((scene["t"], watch["t"]), 2))
    facts = {"fr": watch["fr"], "le": who["le"], "cam": scene["cam"], "live": scene["live"]}
    return {**facts, "coop": scene.get("coop", 0), **placed(who["t"], text, rng)}


def placed(who: str, text: str, rng: random.Random, joiners: tuple[str, ...] = JOINERS) -> dict[str, Any]:
    """Return where each stands: in one message, before or after, in the instructions, or in an earlier turn."""
    if rng.random() < 0.12:
        who, text = who.lower(), text.lower()
    place = rng.random()
    if not who or place < 0.55:
        return {"u": f"{who}{rng.choice(joiners)}{text}" if who else text}
    if place < 0.75:
        return {"u": f"{text}{rng.choice(joiners)}{who}"}
    if place < 0.9:
        return {"s": who, "u": text}
    return {"h": [who, "OK."], "u": text}
