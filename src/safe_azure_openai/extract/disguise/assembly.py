"""Words that a text cuts into variables or lists and tells the reader to put together."""

from __future__ import annotations

import re

from ..view import Edit
from .letters import is_cut, known
from .traits import Traits

# a = "who is", B: 'this'. Must not match a key of JSON ('"a": "b"': the quotation mark before the colon).
_ASSIGNMENT = re.compile(
    r"""(?<![\w"'.])\$?([A-Za-z_]\w{0,15})\s*(?::=|=|:|\bis\b|\bbe\b)\s*(?:"([^"\n]{1,400})"|'([^'\n]{1,400})')"""
)
# a + b + "!", {a}{b}, a.b
_SUM = re.compile(
    r"""\$?\b[A-Za-z_]\w{0,15}\b(?:\s*\+\s*(?:\$?\b[A-Za-z_]\w{0,15}\b|"[^"\n]{0,80}"|'[^'\n]{0,80}'))+"""
)
_BRACED = re.compile(r"\$?\{[A-Za-z_]\w{0,15}\}(?: ?\$?\{[A-Za-z_]\w{0,15}\})+")
_PUT_TOGETHER = re.compile(r"\+\s*[$A-Za-z_\"']|\} ?\$?\{")  # what parts the terms of both
_TERM = re.compile(r"""[A-Za-z_]\w*|"[^"]*"|'[^']*'""")
# "".join(["fa", "cial"])
_JOIN = re.compile(r"""(["'])( ?)\1\.join\(\s*[\[(]((?:\s*(?:"[^"\n]{0,200}"|'[^'\n]{0,200}')\s*,?)+)[\])]\s*\)""")
# What numbers the pieces of a cut text: a new line with "B: " or "2) ", ". Part 2: ". Must not match "e.g. a) this".
_LINE = r"[ \t]*\(?(?:(?:part|piece|line|teil|partie|parte|deel)[ \t]*)?(?:[A-Za-z]|\d{1,2})[.:)\-]"
_OPENING = r"[ \t]*[\"'“‘]?"
_NUMBER = re.compile(
    rf"(?:[\"'”’]?\n{_LINE}|[\"'”’]?[.,;]?[ \t](?:part|piece|teil|partie|parte|deel)[ \t]?\d{{1,2}}[ \t]?[:=])"
    rf"{_OPENING}(?=[^\W\d_])",
    re.IGNORECASE,
)
# The ends of both forms before what is no capital, which plain texts hardly have and which are found faster.
_NUMBERED_LINE = re.compile(
    rf"\n(?:(?<=[^\W\d_]\n)|(?<=[^\W\d_][\"'”’]\n)){_LINE}{_OPENING}(?-i:[^\W\d_A-Z])", re.IGNORECASE
)
_NUMBERED_PIECES = [re.compile(rf"{sign}(?:(?<=\d.)|(?<=\d[ \t].)){_OPENING}[^\W\d_A-Z]") for sign in ":="]
_LAST = re.compile(r"[^\W\d_]+\Z")
_FIRST = re.compile(r"[^\W\d_]+")
#: Letters before a cut that are looked at.
_MAX_WORD = 24


def numbered(traits: Traits) -> list[Edit]:
    """Words cut over numbered pieces become whole. A list of whole words stays: "a) rest" and "b) room" are two."""
    text = traits.text
    if not any(pattern.search(text) for pattern in (_NUMBERED_LINE, *_NUMBERED_PIECES)):
        return []
    edits: list[Edit] = []
    is_sure = False
    for found in _NUMBER.finditer(text):
        last = _LAST.search(text, max(0, found.start() - _MAX_WORD), found.start())
        first = _FIRST.match(text, found.end())
        if last is None or first is None or not first[0][0].islower():
            continue
        left, right = last[0].lower(), first[0].lower()
        if is_cut(left, right) and not (known(left) and known(right)):
            is_sure = is_sure or known(left + right)
            edits.append(Edit(found.start(), found.end(), ""))
    return edits if is_sure else []


def assembled(traits: Traits) -> list[Edit]:
    """Sums of variables whose values the text gives, and joined lists of strings, become what they make."""
    text = traits.text
    if '"' not in text and "'" not in text:
        return []
    edits: list[Edit] = []
    if ".join(" in text:
        edits += [
            Edit(
                found.start(),
                found.end(),
                found[2].join(term[1:-1] for term in _TERM.findall(found[3])),
                is_decoded=True,
            )
            for found in _JOIN.finditer(text)
        ]
    if "+" in text or "}{" in text or "} {" in text:
        edits += _sums(text)
    return sorted(edits, key=lambda edit: edit.start)


def _sums(text: str) -> list[Edit]:
    if _PUT_TOGETHER.search(text) is None:
        return []
    sums = [*_SUM.finditer(text), *_BRACED.finditer(text)]
    if not sums:
        return []
    values = {found[1]: found[2] or found[3] for found in _ASSIGNMENT.finditer(text)}
    edits: list[Edit] = []
    for found in sums:
        terms = _TERM.findall(found[0])
        if len(terms) > 1:
            known = [term[1:-1] if term[0] in "\"'" else values.get(term) for term in terms]
            whole = [value for value in known if value is not None]
            if len(whole) == len(terms):
                edits.append(Edit(found.start(), found.end(), "".join(whole), is_decoded=True))
    return edits
