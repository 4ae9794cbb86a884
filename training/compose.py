"""Requests composed of authored parts: who, what and how may stand in different places.

Only for training; what is validated is always a whole, separately written item. Each recipe states the facts of its
result from the facts of its parts.
"""

from __future__ import annotations

import json
import random
from typing import Any

from facts import Item, made


def compositions(authored: list[Item], count: int, rng: random.Random) -> list[Item]:
    """Return ``count`` new items, each from two or three authored ones of the same language or with English around."""
    lines = [item.line for item in authored]
    standing_police = [x for x in lines if x.get("s") and x.get("le") and not x["fr"]]
    standing_plain = [x for x in lines if x.get("s") and not x.get("le") and not x["fr"]]
    asks = [x for x in lines if x["fr"] and not x.get("s") and not x.get("tools") and not x.get("h") and x.get("u")]
    asks_nobody = [x for x in asks if not x.get("le")]
    plain = [x for x in lines if not x["fr"] and not x.get("s") and x.get("u") and not x.get("img")]
    nobody = [x for x in plain if not x.get("le")]
    police_plain = [x for x in plain if x.get("le")]
    pictured = [x for x in lines if x.get("img")]
    unpictured = [x for x in lines if not x.get("img") and x.get("u")]
    named = [x for x in lines if not x.get("fn")]
    small_talk = [x for x in lines if x.get("k") == "small-talk"]
    recipes = (
        (30, lambda: patchwork([pick(nobody, rng) for _ in range(rng.randint(1, 6))], rng)),
        (10, lambda: with_names(pick(named, rng), rng)),
        (3, lambda: with_names(under(pick(standing_plain, rng), pick(nobody, rng)), rng)),
        (5, lambda: under(pick(standing_police, rng), pick(small_talk, rng))),
        (6, lambda: without_pictures(pick(pictured, rng))),
        (2, lambda: with_pictures(pick(unpictured, rng), rng)),
        (3, lambda: under(pick(standing_police, rng), pick(asks_nobody, rng))),
        (2, lambda: under(pick(standing_police, rng), pick(nobody, rng))),
        (9, lambda: under(pick(standing_plain, rng), pick(asks, rng))),
        (1, lambda: under(pick(standing_plain, rng), pick(police_plain, rng))),
        (2, lambda: after(pick(police_plain, rng), pick(asks_nobody, rng))),
        (1, lambda: after(pick(police_plain, rng), pick(nobody, rng))),
        (1, lambda: after(pick(nobody, rng), pick(asks, rng))),
        (5, lambda: buried([pick(asks, rng)], some(nobody), rng)),
        (4, lambda: buried([pick(plain, rng)], some(nobody), rng)),
        (4, lambda: buried([pick(asks_nobody, rng)], some(nobody), rng)),
        (7, lambda: buried([pick(asks_nobody, rng), pick(police_plain, rng)], some(nobody), rng)),
        (5, lambda: under(pick(standing_police, rng), buried([pick(asks_nobody, rng)], some(nobody), rng))),
        (3, lambda: under(pick(standing_police, rng), buried([pick(nobody, rng)], some(nobody), rng))),
    )

    def some(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [pick(lines, rng) for _ in range(rng.randint(1, 9))]

    weights = [w for w, _ in recipes]
    makers = [m for _, m in recipes]
    return [made(maker(), "composed") for maker in rng.choices(makers, weights, k=count)]


def pick(lines: list[dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    return rng.choice(lines)


def without_pictures(line: dict[str, Any]) -> dict[str, Any]:
    """The same request where the pictures are only spoken of: what it asks for stays the same."""
    return {k: v for k, v in line.items() if k != "img"}


def with_pictures(line: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The same request with pictures attached: what it asks for stays the same."""
    return {**line, "img": rng.choice((1, 1, 2, 3))}


def with_names(line: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The same request with a deployment, a user id or a file of an everyday name, which says nothing of who asks."""
    name = f"{rng.choice(_FIRST)}{rng.choice('-_.')}{rng.choice(_SECOND)}"
    if rng.random() < 0.5:
        name += f"{rng.choice(('-', '_', ''))}{rng.choice(_THIRD)}"
    kind = rng.choice(("model", "model", "user", "fn"))
    return {**line, kind: f"{name}{rng.choice(_ENDINGS)}" if kind == "fn" else name}


_FIRST = (
    "our my team prod dev test eu us-east sweden chat assistant gpt4 gpt4o gpt-4o gpt5 mini vision main "
    "default u user usr id shop hr finance support search docs mail invoice school clinic app web mobile "
    "batch eval demo client customer x7 IMG scan photo notes report draft final page slide data export "
    "log untitled bot agent copilot helper model llm azure"
).split()
_SECOND = (
    "gpt gpt4 gpt-4o chat model bot v1 v2 v3 prod dev test eu 01 02 2024 2025 5370 8812 20931 main blue "
    "green large small fast team-a team-b service api worker embeddings completions assistant copy new "
    "old final en de fr public internal"
).split()
_THIRD = "1 2 3 eu us prod test v2 a b west north 2025 0613 turbo mini".split()
_ENDINGS = (".pdf", ".txt", ".jpg", ".png", ".docx", ".csv", ".json", ".md", "")


def patchwork(some: list[dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    """Pieces of harmless requests in the wrappings that programs and templates give to text: still harmless."""
    pieces = []
    for line in some:
        words = line["u"].split()
        start = rng.randint(0, max(0, len(words) - 4))
        pieces.append(" ".join(words[start : start + rng.randint(3, 60)]) or line["u"])
    code = "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=rng.randint(6, 24)))
    year, number = rng.randint(1890, 2026), rng.randint(2, 40_000)
    wrapping = rng.choice(_WRAPPINGS)
    text = wrapping(pieces, code, year, number) if rng.random() < 0.85 else " ".join(pieces)
    return {"u": text, "fr": 0, "le": "", "lang": some[0]["lang"]}


_WRAPPINGS = (
    lambda p, c, y, n: f"Title: {p[0]}\nURL: https://{c.lower()}.example/{c}?v={n}\n\nDescription: {' '.join(p[1:])}",
    lambda p, c, y, n: (
        f'<img src="https://{c}.example/file-{c}?se={y}-01-15T03%3A07&sp=r" width="{n}" />\n\n{" ".join(p)}'
    ),
    lambda p, c, y, n: json.dumps(
        {"task": p[0], "id": c, "items": p[1:], "count": n, "year": y}, ensure_ascii=False, indent=2
    ),
    lambda p, c, y, n: json.dumps({c: {str(i): x for i, x in enumerate(p)}}, ensure_ascii=False),
    lambda p, c, y, n: (
        "\n\n".join(f"- field {i} is {x}" for i, x in enumerate(p)) + f"\n- date is {n % 28 + 1} June {y}"
    ),
    lambda p, c, y, n: f"{' '.join(p)}\n\n===\n\nGiven the above, write one sentence to summarise:",
    lambda p, c, y, n: f"Say it in other words: On {n % 28 + 1} May {y} , {p[0]} .",
    lambda p, c, y, n: "Which points matter in these articles?\n\n" + "\n\n".join(f"Article: {x}" for x in p),
    lambda p, c, y, n: (
        f"Act as {p[0]}. Follow the rules below.\n" + "\n".join(f"{i}. {x}" for i, x in enumerate(p[1:], 1))
    ),
    lambda p, c, y, n: f"Question: {p[0]}\nAnswer: {p[-1]}\n\nQuestion: what happened in {y} at {c}?\nAnswer:",
    lambda p, c, y, n: (
        f"prompt: {', '.join(p)}, {n} mm, f/{n % 20 + 1}, --ar 16:9 --seed {n}\nnegative prompt: {p[-1]}"
    ),
    lambda p, c, y, n: f"def {c.lower()}(x):\n    # {p[0]}\n    return x[{n}]\n\n{' '.join(p[1:])}",
)


def merged(act: dict[str, Any], actor: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of an act and of whoever else is named: the most restrictive one that is supported."""
    facts = {k: act[k] for k in ("fr", "cam", "live", "coop", "lang", "img") if k in act}
    facts["le"] = act.get("le") or actor.get("le") or ""
    if act.get("le") == "?" and actor.get("le"):
        facts["le"] = actor["le"]
    return facts


def under(standing: dict[str, Any], ask: dict[str, Any]) -> dict[str, Any]:
    """The standing context of one request over the question of another."""
    return {**merged(ask, standing), "s": standing["s"], "u": ask["u"]}


def after(first: dict[str, Any], ask: dict[str, Any]) -> dict[str, Any]:
    """A question after an earlier turn about something else."""
    return {**merged(ask, first), "h": [first["u"], "OK."], "u": ask["u"]}


def buried(told: list[dict[str, Any]], filler: list[dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    """A request for an act, and who else is told of it, each as one paragraph of a longer message, in any order."""
    parts = [x["u"] for x in filler]
    for line in told:
        parts.insert(rng.randint(0, len(parts)), line["u"])
    return {**merged(told[0], told[-1]), "u": "\n\n".join(parts)}
