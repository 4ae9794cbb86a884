"""Disguises made of encodings: base64, base32, hexadecimal, binary and decimal codes, ASCII85, uuencode."""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Callable, Iterator

from ..attachments import decode_base64
from ..view import Edit
from .letters import common_share, is_plausible, known, plausibility, segment
from .traits import Traits

#: Characters of decoded text kept; more is cut off.
MAX_DECODED = 65_536

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_TAIL = re.compile(r"\s+([A-Za-z0-9+/_-]{2,8}={0,2})(?!\S)")
_BASE32 = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{8,}={0,6}(?![A-Za-z0-9])")
_HEX = re.compile(r"(?<![\w\\])(?:(?:0x|\\x)?[0-9A-Fa-f]{2}(?:, ?|[ :;-]|\n)?){4,}(?!\w)")
_HEX_AND_MARKS = string.hexdigits + ":-,;.!?\"'"
_FOUR_BYTES = re.compile(r"(?:[0-9A-Fa-f]{2}(?:, ?|[ :;-]|\n)?(?:0x|\\x)?){3}[0-9A-Fa-f]{2}")  # is found faster
_PRINTABLE_HEX = frozenset(
    form + mark for code in range(0x20, 0x7F) for form in (f"{code:02x}", f"{code:02X}") for mark in ("", ",", ";")
)
_BINARY = re.compile(r"(?<!\w)(?:[01]{7,8}[\s,]{0,2}){3,}(?!\w)|(?<!\w)(?:[01]{8}){3,}(?!\w)")
_APART = r"[\s,;-]{1,3}(?:/ ?|\| ?)?"
_NUMBERS = re.compile(rf"\d{{1,3}}(?:{_APART}\d{{1,3}}){{5,}}(?![\w.])")
_THREE_NUMBERS = re.compile(rf"\d{_APART}\d{{1,3}}{_APART}\d")  # hardly a plain text has as many in a row
#: Row and column of each letter in the square of the tap code, where c stands for k too.
_TAPS = {f"{n // 5 + 1}{n % 5 + 1}": letter for n, letter in enumerate("abcdefghijlmnopqrstuvwxyz")}
_ASCII85 = re.compile(r"<~([!-uz\s]+)~>|(?<!\S)[!-~]{10,}(?!\S)")
# Five signs stand for four bytes, and the first sign for most of the first byte: that of ASCII is no other than these
# in ASCII85, or in base85. What is not of either is left out before decoding, so the groups may be others then.
_ASCII_IN_85 = re.compile(r"[#-I].{4}[#-I]|[2-9A-Za-e].{4}[2-9A-Za-e]|.*[^!-~]")
# "begin 644 name", lines that each begin with their length, "end". Must not match "begin 10 minutes early".
_UUENCODED = re.compile(r"^begin [0-7]{3,4} \S.*\n((?:[ -`]{1,90}\n)+)(?:end\b)?", re.MULTILINE)
_SIGNS = frozenset(string.punctuation)


def _words_in(data: bytes | None) -> str | None:
    """Return decoded bytes as text if they are text: by chance, bytes are not printable for long."""
    if not data or len(data) < 3:
        return None
    try:
        text = data[:MAX_DECODED].decode("utf-8", "strict" if len(data) <= MAX_DECODED else "ignore")
    except UnicodeDecodeError:
        return None
    letters = sum(char.isalpha() or char in " \n\t" for char in text)
    is_text = all(char.isprintable() or char in "\n\r\t" for char in text[:512]) and letters * 10 >= len(text) * 7
    return text if is_text else None


def _is_mixed(token: str) -> bool:
    """Return whether a token looks encoded rather than written: capitals within, and digits or small letters."""
    return any(map(str.isupper, token[1:])) and any(char.islower() or char.isdigit() for char in token)


def base64_text(traits: Traits) -> list[Edit]:
    """Words in base64 or base64url, over several lines too. Pictures, hashes and keys do not decode to words."""
    if not any(_decode64(found) is not None for token in traits.capital for found in _BASE64.findall(token)):
        return []
    edits: list[Edit] = []
    for run in _runs(_BASE64, traits.text):
        joined = "".join(found[0] for found in run)
        words = _decode64(joined) if len(run) > 1 else None
        end = run[-1].end()
        # The last of several lines may be too short to be told from a word.
        tail = _TAIL.match(traits.text, end) if len(joined) % 4 == 0 and len(run[-1][0]) > 15 else None
        longer = _decode64(joined + tail[1]) if tail else None
        if tail and longer is not None and (len(run) > 1 or tail[1].endswith("=")):
            words, end = longer, tail.end()
        if words is not None:
            edits.append(Edit(run[0].start(), end, words, is_decoded=True))
            continue
        for found in run:
            words = _decode64(found[0])
            if words is not None:
                edits.append(Edit(found.start(), found.end(), words, is_decoded=True))
    return edits


def _decode64(token: str) -> str | None:
    if not _is_mixed(token) or (len(token) < 11 and not token.endswith("=")):
        return None
    if len(token) > 64 and _words_in(_trimmed(decode_base64(token[:64]))) is None:
        return None  # a picture: its first bytes tell
    return _words_in(decode_base64(token[: MAX_DECODED * 2 - (MAX_DECODED * 2) % 4]))


def _trimmed(data: bytes | None) -> bytes | None:
    """Return ``data`` without the character that may be cut at its end."""
    for cut in range(4):
        try:
            return (data or b"")[: len(data or b"") - cut].decode("utf-8").encode()
        except UnicodeDecodeError:
            continue
    return data


def _runs(pattern: re.Pattern[str], text: str) -> Iterator[list[re.Match[str]]]:
    """Yield matches that only white space parts, together."""
    run: list[re.Match[str]] = []
    for found in pattern.finditer(text):
        if run and (len(run[-1][0]) % 4 or text[run[-1].end() : found.start()].strip() or len(run[-1][0]) < 16):
            yield run
            run = []
        run.append(found)
    if run:
        yield run


def _spans(pattern: re.Pattern[str], text: str, decode: Callable[[str], str | None]) -> list[Edit]:
    edits: list[Edit] = []
    for found in pattern.finditer(text):
        words = None if text[found.start() - 1 : found.start()].isalnum() else decode(found[0])
        if words is not None:
            tail = found[0][len(found[0].rstrip()) :]
            edits.append(Edit(found.start(), found.end(), words + tail, is_decoded=True))
    return edits


def base32_text(traits: Traits) -> list[Edit]:
    """Words in base32."""
    is_likely = any(token.isupper() and _BASE32.search(token) for token in traits.capital)
    return _spans(_BASE32, traits.text, _decode32) if is_likely else []


def _decode32(token: str) -> str | None:
    bare = token.rstrip("=")
    if len(bare) < 16 and bare == token:
        return None  # a word in capitals
    try:
        words = _words_in(base64.b32decode(bare + "=" * (-len(bare) % 8)))
    except binascii.Error:
        return None
    return words if words is not None and plausibility(words) > -5.5 else None


def hexadecimal(traits: Traits) -> list[Edit]:
    """Words in hexadecimal, in one piece or byte by byte."""
    is_likely = (
        any(not token.strip(_HEX_AND_MARKS) for token in traits.long)
        or len(_PRINTABLE_HEX & traits.tokens) > 5
        or "0x" in traits.text
        or "\\x" in traits.text
    )
    return _spans(_HEX, traits.text, _decode_hex) if is_likely and _FOUR_BYTES.search(traits.text) else []


def _decode_hex(found: str) -> str | None:
    digits = re.sub(r"0x|\\x|[^0-9A-Fa-f]", "", found)
    words = _words_in(bytes.fromhex(digits)) if len(digits) % 2 == 0 else None
    if words is None or known(words.lower()):
        return words
    # Digits alone may be numbers.
    return words if len(words) > 5 and (not digits.isdigit() or is_plausible(words)) else None


def binary(traits: Traits) -> list[Edit]:
    """Words in zeros and ones, seven or eight to a letter."""
    if not traits.made_of("01,;.", 7):
        return []
    return _spans(_BINARY, traits.text, _decode_binary)


def _decode_binary(found: str) -> str | None:
    pieces = re.split(r"[\s,]+", found.strip())
    if len(pieces) == 1:
        pieces = re.findall("[01]{8}", pieces[0])
    return _words_in(bytes(int(piece, 2) for piece in pieces if 0 < len(piece) <= 8))


def numbers(traits: Traits) -> list[Edit]:
    """Words as decimal character codes, or as places in the alphabet."""
    if _THREE_NUMBERS.search(traits.text) is None:
        return []
    figures = traits.made_of(string.digits + ",;-/|", 1)
    # In a program the codes stand in brackets: "bytes([119,104,111])".
    if len(figures) < 5 and not any(token.count("-") > 2 or token.count(",") > 4 for token in (*figures, *traits.long)):
        return []
    return _spans(_NUMBERS, traits.text, _decode_numbers)


def _decode_numbers(found: str) -> str | None:
    values = [int(number) for number in re.findall(r"\d+", found)]
    if all(value in (10, 13) or 32 <= value < 256 for value in values):
        both_ways = [words for codes in (values, values[::-1]) if (words := _words_in(bytes(codes)))]
        words = max(both_ways, key=common_share, default="")
        return words if words and (is_plausible(words) or common_share(words) > 0.3) else None
    taps = [re.findall(r"\d+", group) for group in found.split("/")]
    if len(taps) > 1 and all(number in _TAPS for group in taps for number in group):
        words = " ".join("".join(map(_TAPS.__getitem__, group)) for group in taps)
        return words if common_share(words) > 0.3 else None
    if not all(1 <= value <= 26 for value in values) or len(values) < 7 or "," in found or ";" in found:
        return None
    pieces = [re.findall(r"\d+", group) for group in re.split(r"/|\||\n|  +", found)]
    groups = ["".join(chr(96 + int(number)) for number in piece) for piece in pieces if piece]
    cut = [segment(group) or [] for group in groups]
    found_words = [word for group in cut for word in group]
    return " ".join(found_words) if all(cut) and len(found_words) * 3 <= len(values) else None


def ascii85(traits: Traits) -> list[Edit]:
    """Words in ASCII85 or base85."""
    is_likely = "<~" in traits.text or any(
        len(token) > 9 and len(_SIGNS.intersection(token)) > 1 and _decode85(token[:20])
        for token in filter(_ASCII_IN_85.match, traits.long)
    )
    return _spans(_ASCII85, traits.text, _decode85) if is_likely else []


def _decode85(found: str) -> str | None:
    token = found.strip().removeprefix("<~").removesuffix("~>")
    for decode in (base64.a85decode, base64.b85decode):
        try:
            words = _words_in(decode(token.encode("ascii", "ignore")[: MAX_DECODED * 2]))
        except ValueError:
            continue
        # A few characters decode to something printable now and then.
        if words is not None and (len(words) > 15 or (words.isascii() and is_plausible(words))):
            return words
    return None


def uuencoded(traits: Traits) -> list[Edit]:
    """Words in uuencoded lines."""
    if "begin " not in traits.text:
        return []
    found = [(match, _decode_uu(match[1])) for match in _UUENCODED.finditer(traits.text)]
    return [Edit(match.start(), match.end(), words, is_decoded=True) for match, words in found if words is not None]


def _decode_uu(lines: str) -> str | None:
    try:
        return _words_in(b"".join(map(binascii.a2b_uu, lines.splitlines()[: MAX_DECODED // 45])))
    except binascii.Error:
        return None
