"""Disguises made of escapes: percent signs, entities, backslashes, quoted-printable; markup inside words."""

from __future__ import annotations

import html
import re
import string
from collections.abc import Callable
from urllib.parse import unquote

from ..view import Edit
from .letters import known, plausibility, words
from .traits import Traits

# Runs of %66%61. Must not match "100%" or "5 % of".
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*")
# &#102; &#x66; &eacute; Must not match "R&D;" (no such name: html leaves it as it is).
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
# Escapes of JSON, JavaScript, Python, CSS. Must not match "C:\users" (no four hex digits).
_BACKSLASH = re.compile(
    r"\\u\{[0-9A-Fa-f]{1,6}\}|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\x[0-9A-Fa-f]{2}|\\[0-7]{3}|U\+[0-9A-Fa-f]{4,6} ?"
)
# =66=C3=BC and a soft line break. Must not match "a=66" in code: more than one is asked for, and a letter before.
_QUOTED = re.compile(r"=(?:[0-9A-F]{2}(?:=[0-9A-F]{2})*|\r?\n)")
# A backslash before three or more letters in turn: \f\a\c\e. Must not match "\alpha".
_ESCAPED_LETTERS = re.compile(r"(?:\\[A-Za-z]){3,}")
# \\n between words. Must not match "C:\\new" or "\\nabla".
# A run is looked at from its beginning only.
_LINE_END = re.compile(r"\\[nrt](?<=[\w.,!?;)]..)(?<!\\[nrt]..)(?:\\[nrt])*(?=\w)")
# Emphasis that begins or ends within a word. Must not match "a * b", "2**8" or a word that is emphasised as a whole.
_EMPHASIS = re.compile(r"(\*\*|\*|~~)([^\W\d_]{1,20})\1")
# Inline tags, comments and empty brackets. Must not match "<br>" or "</p>", which part words.
_EMPTY = r"(?:<!--[^>]{0,80}-->|</?(?:b|i|u|s|em|strong|span|wbr|font|mark|sub|sup|small)\b[^<>]{0,40}>|\{\}|\(\)|\[\])"
_HOLLOW = re.compile(f"{_EMPTY}{_EMPTY}*", re.IGNORECASE)  # is found faster than one with a plus sign
# The end of one string and the beginning of the next: "fa" + "cial". Must not match '"a", "b"' or '"Yes". "No"'.
_CONCATENATION = re.compile(r"""(["'])(?:\s*(?:\+|&|\|\||<>)\s*\1(?=[^\W_]| [^\W_])|[ \t]*\.{1,2}[ \t]*\1(?=[a-z]))""")
# A word cut at the end of a line. Must not match "- item".
_HYPHEN = re.compile(r"-(?<=[a-z]{2}-)(?<![-/]\w\w-)(?<![-/]\w{3}-)[ \t]*\r?\n[ \t]*(?=[a-z])")
# A word cut by hyphens: i-den-ti-fy, fa-cial. Whether it is one must be asked: "up-to-date" has its shape.
_HYPHENATED = re.compile(r"(?<![\w-])[A-Za-z]{1,8}(?:-[a-z]{1,8}){1,6}(?![\w-])")
_SAFE = frozenset(string.ascii_letters + string.digits)


def _decoded(pattern: re.Pattern[str], text: str, decode: Callable[[str], str]) -> list[Edit]:
    edits = [Edit(found.start(), found.end(), decode(found[0])) for found in pattern.finditer(text)]
    return [edit for edit in edits if edit.new != text[edit.start : edit.end]]


def _are_letters(edits: list[Edit], least: int) -> bool:
    """Return whether the escapes hide letters, which need no escape."""
    return sum(char in _SAFE or not char.isascii() for edit in edits for char in edit.new) >= least


def percent(traits: Traits) -> list[Edit]:
    """%66%61%63%65 becomes face. A link whose blanks alone are escaped stays."""
    edits = _decoded(_PERCENT, traits.text, unquote)
    return edits if _are_letters(edits, 3) or sum(edit.new == " " for edit in edits) > 3 or _is_bare(traits) else []


def _is_bare(traits: Traits) -> bool:
    """Return whether the text is one piece without blanks, and no link."""
    return len(traits.tokens) == 1 and "%20" in traits.text and "/" not in traits.text


def entities(traits: Traits) -> list[Edit]:
    """&#102;&#97; becomes fa. The few entities that HTML needs stay."""
    edits = _decoded(_ENTITY, traits.text, html.unescape)
    return edits if _are_letters(edits, 2) else []


def _unescape(found: str) -> str:
    is_octal = found[1:2].isdigit()
    code = int(found[1:], 8) if is_octal else int(found[2:].strip("{} "), 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else found


def backslashes(traits: Traits) -> list[Edit]:
    """The escapes of programming languages become the characters they stand for."""
    text = traits.text
    if "\\" not in text and "U+" not in text:
        return []
    edits = _decoded(_BACKSLASH, text, _unescape)
    if _are_letters(edits, 2):
        return edits
    edits = _decoded(_ESCAPED_LETTERS, text, lambda found: found.replace("\\", ""))
    edits = [edit for edit in edits if not set("rnt").issuperset(edit.new)]
    return edits or _line_ends(text)


def _line_ends(text: str) -> list[Edit]:
    """Escaped line ends that glue words together, where the text is JSON or has several."""
    edits = _decoded(_LINE_END, text, lambda _: "\n")
    return edits if len(edits) > 2 or text.lstrip()[:1] in ("{", "[", '"') else []


def _unquote(found: str) -> str:
    if "\n" in found:
        return ""
    try:
        return bytes.fromhex(found.replace("=", "")).decode("utf-8")
    except UnicodeDecodeError:
        return found


def quoted_printable(traits: Traits) -> list[Edit]:
    """P=6Flice becomes Police."""
    text = traits.text
    edits = [edit for edit in _decoded(_QUOTED, text, _unquote) if not _is_in_link(text, edit.start)]
    return edits if _are_letters(edits, 3) else []


def _is_in_link(text: str, at: int) -> bool:
    before = text[max(0, at - 200) : at].rsplit(None, 1)
    return bool(before) and any(sign in before[-1] for sign in ("://", "?", "&"))


def _is_latin(text: str, at: int) -> bool:
    """Return whether a letter of a script with blanks between words stands at ``at``; Chinese has none."""
    return 0 <= at < len(text) and text[at] < "\u0590" and text[at].isalpha()


def markup(traits: Traits) -> list[Edit]:
    """Emphasis, tags, comments and empty brackets inside words go."""
    text = traits.text
    edits: list[Edit] = []
    if "*" in text or "~~" in text:
        edits += [
            Edit(found.start(), found.end(), found[2])
            for found in _EMPHASIS.finditer(text)
            if _is_latin(text, found.start() - 1) or _is_latin(text, found.end())
        ]
    if "</" in text or "<!--" in text or "{}" in text or "()" in text or "[]" in text:
        hollow = list(_HOLLOW.finditer(text))
        # Where they part letters, all of them go; elsewhere they are what they are.
        if any(_is_latin(text, found.start() - 1) and _is_latin(text, found.end()) for found in hollow):
            edits += [Edit(found.start(), found.end(), "") for found in hollow]
    return sorted(edits, key=lambda edit: edit.start)


def _is_cut(word: str) -> bool:
    """Return whether a word with hyphens is a common word cut up, or a likely one cut into many bits."""
    pieces = word.split("-")
    joined = "".join(pieces)
    if joined in words("field") or (known(joined) and (len(joined) > 6 or len(pieces) > 2)):
        return not all(map(known, pieces))
    is_bits = len(pieces) > 2 and max(map(len, pieces)) < 5 and len(joined) > 6
    return is_bits and not any(map(known, pieces)) and plausibility(joined) > -4.0


def joins(traits: Traits) -> list[Edit]:
    """Words cut into strings, over lines or by hyphens become whole."""
    text = traits.text
    edits: list[Edit] = []
    has_strings = '"' in text or "'" in text
    if has_strings and ("+" in text or "&" in text or "||" in text or "<>" in text or '" .' in text or '"."' in text):
        edits += [
            Edit(found.start(), found.end(), "")
            for found in _CONCATENATION.finditer(text)
            if text[: found.start()].rstrip(" ")[-1:].isalnum()
        ]
    if "-\n" in text or "-\r\n" in text:
        edits += [Edit(found.start(), found.end(), "") for found in _HYPHEN.finditer(text)]
    hyphenated = [token for token in traits.odd if "-" in token] if "-" in text else []
    cut = {found for token in hyphenated for found in _HYPHENATED.findall(token) if _is_cut(found.lower())}
    if cut:
        edits += [
            Edit(found.start(), found.end(), found[0].replace("-", ""))
            for found in _HYPHENATED.finditer(text)
            if found[0] in cut
        ]
    return sorted(edits, key=lambda edit: edit.start)
