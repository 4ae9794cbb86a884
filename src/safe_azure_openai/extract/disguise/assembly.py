"""Words that a text cuts into variables or lists and tells the reader to put together."""

from __future__ import annotations

import re

from ..view import Edit
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
_TERM = re.compile(r"""[A-Za-z_]\w*|"[^"]*"|'[^']*'""")
# "".join(["fa", "cial"])
_JOIN = re.compile(r"""(["'])( ?)\1\.join\(\s*[\[(]((?:\s*(?:"[^"\n]{0,200}"|'[^'\n]{0,200}')\s*,?)+)[\])]\s*\)""")


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
    values = {found[1]: found[2] or found[3] for found in _ASSIGNMENT.finditer(text)}
    if not values:
        return []
    edits: list[Edit] = []
    for found in [*_SUM.finditer(text), *_BRACED.finditer(text)]:
        terms = _TERM.findall(found[0])
        if len(terms) > 1:
            known = [term[1:-1] if term[0] in "\"'" else values.get(term) for term in terms]
            whole = [value for value in known if value is not None]
            if len(whole) == len(terms):
                edits.append(Edit(found.start(), found.end(), "".join(whole), is_decoded=True))
    return edits
