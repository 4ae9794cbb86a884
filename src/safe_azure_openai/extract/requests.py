"""One wire request to the requests it stands for: itself, and each line of a JSONL upload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote

from ..model.request import Gap, Link, Origin, Request, Segment
from ..model.wire import Wire
from .attachments import kind_of, payload_of, text_of
from .decoding import MAX_BYTES, Undecodable, decode_json, decompress
from .form import pairs, read_fields
from .jsonl import lines
from .multipart import Part, boundary_of, parts
from .roles import PATH_LINKS, QUERY_LINKS, has_words
from .vocabulary import vocabulary
from .walk import Walk, below, is_mapping

#: Characters of a file's name that each of its rows is judged with; the call itself is judged with all of them.
MAX_ROW_NAME = 256

_ABSOLUTE = re.compile(r"\A\w+://[^/]*")
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?|v1|preview|latest")


def from_json(path: str, body: object, *, query: str = "") -> Request:
    """Return the segments, links and gaps of one API call.

    Args:
        path: the API path, with or without ``/v1`` or ``/openai/deployments/<name>``.
        body: the value of its JSON, or anything made of dicts, lists, tuples, strings, numbers and None.
        query: the URL's query, without its question mark.
    Returns:
        Segments in the order of the body. Values that JSON does not know leave a gap; nothing is raised.
    """
    walk, path = _addressed(path, query)
    walk.value(body)
    return _request(path, walk)


def from_wire(wire: Wire, *, max_bytes: int = MAX_BYTES) -> tuple[Request, ...]:
    """Return what is about to be sent as requests, the call itself first, then each line of an upload that holds many.

    JSON, multipart and urlencoded forms, and plain text such as SDP are read, gzip or not. Anything else leaves a gap:
    ``too_large`` above ``max_bytes``, else ``undecodable``. Nothing is raised.
    """
    walk, path = _addressed(wire.path, wire.query)
    if wire.deployment:
        walk.segments.append(Segment("text", Origin.METADATA, "/path/deployment", wire.deployment))
    if len(wire.body) > max_bytes:
        walk.gap("", "too_large")
        return (_request(path, walk),)
    rows: list[Request] = []
    try:
        _read_body(wire, walk, path, rows)
    except Undecodable as error:
        walk.gap("", error.reason)
    return (_request(path, walk), *rows)


def _request(path: str, walk: Walk) -> Request:
    return Request(
        path, tuple(walk.segments), tuple(walk.links), tuple(walk.gaps), tuple(walk.signals), tuple(walk.pictures)
    )


def _is_api_version(name: str, value: str) -> bool:
    """Whether a parameter is what every call to Azure carries, and is not words in its place."""
    return name == "api-version" and bool(_API_VERSION.fullmatch(value))


def _addressed(path: str, query: str) -> tuple[Walk, str]:
    """Return a walk that has read the URL, and the path without host, version and deployment."""
    walk = Walk()
    path, _, inline = path.partition("?")
    words = [unquote(word) for word in _ABSOLUTE.sub("", path, count=1).split("/") if word]
    while words and words[0] in ("openai", "v1", "deployments"):
        if words.pop(0) == "deployments" and words:
            walk.segments.append(Segment("text", Origin.METADATA, "/path/deployment", words.pop(0)))
    for index, word in enumerate(words):
        if word in vocabulary().paths:
            continue
        pointer = below("/path", str(index))
        kind = PATH_LINKS.get(words[index - 1]) if index else None
        if kind is not None:
            walk.links.append(Link(kind, word, pointer))
        if has_words(word):
            walk.segments.append(Segment("text", Origin.METADATA, pointer, word))
    for part in (inline, query):
        if part:
            said = [pair for pair in pairs(part) if not _is_api_version(*pair)]
            read_fields(walk, said, "/query", Origin.METADATA)
            named = ((name, value) for name, value in said if name in QUERY_LINKS)
            walk.links += [Link(QUERY_LINKS[name], value, below("/query", name)) for name, value in named]
    return walk, "/" + "/".join(words)


def _read_body(wire: Wire, walk: Walk, path: str, rows: list[Request]) -> None:
    body = decompress(wire.body)
    if not body:
        return
    media_type = wire.content_type.partition(";")[0].strip().lower()
    boundary = boundary_of(wire.content_type)
    if media_type.startswith("multipart/") and boundary is not None:
        _read_form(body, boundary, walk, path, rows)
    elif media_type == "application/x-www-form-urlencoded":
        text = text_of(body)
        if text is None:
            raise Undecodable
        read_fields(walk, pairs(text), "", Origin.USER)
    elif body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        walk.value(decode_json(body))
    elif _is_json(media_type):
        try:
            walk.value(decode_json(body))
        except Undecodable:  # JSON is also what the client says of bytes whose type it was not told
            _read_other(body, "", walk)
    else:
        _read_other(body, media_type, walk)


def _read_other(body: bytes, media_type: str, walk: Walk) -> None:
    payload = payload_of(body, media_type)
    if payload.kind != "file" or payload.scans or (payload.text is not None and not payload.is_read):
        walk.payload(payload, "", Origin.USER)
    elif payload.text is not None:
        walk.segments.append(Segment("text", Origin.USER, "", payload.text))
    else:
        raise Undecodable


def _read_form(body: bytes, boundary: bytes, walk: Walk, path: str, rows: list[Request]) -> None:
    fields: list[tuple[str, str]] = []
    files: list[Part] = []
    for part in parts(body, boundary):
        text = _field_text(part)
        if text is not None and _is_json(part.media_type) and _read_json_field(part, walk):
            continue
        if text is None or (part.name == "data" and "/uploads/" in path):
            files.append(part)
        else:
            fields.append((part.name, text))
    read_fields(walk, fields, "/parts", Origin.USER)
    named = [(part, _names(part)) for part in files]
    walk.segments += [name for _, names in named for name in names]
    for part, names in named:
        # Each row of a file is judged with the file's names, so they are short there.
        short = tuple(replace(name, text=name.text[:MAX_ROW_NAME]) for name in names)
        _read_file(part, walk, path, rows, short)


def _names(part: Part) -> list[Segment]:
    names = [part.filename] if part.name.partition("[")[0] in vocabulary().keys else [part.name, part.filename]
    return [Segment("text", Origin.METADATA, below("/parts", part.name), name) for name in names if name]


def _is_json(media_type: str) -> bool:
    return media_type.partition(";")[0].strip().lower().endswith("json")


def _field_text(part: Part) -> str | None:
    """Return the words of a form field, ``None`` for a file. Control characters do not make a file of a field."""
    if part.filename is not None:
        return None
    text = text_of(part.data)
    if text is None and kind_of(part.data, part.media_type) is None:
        try:
            return part.data.decode()
        except UnicodeDecodeError:
            return None
    return text


def _read_json_field(part: Part, walk: Walk) -> bool:
    """Read a field that holds JSON; return whether it does."""
    try:
        walk.value({part.name: decode_json(part.data)}, "/parts")
    except Undecodable:
        return False
    return True


def _read_file(part: Part, walk: Walk, path: str, rows: list[Request], names: tuple[Segment, ...]) -> None:
    pointer = below("/parts", part.name)
    name = part.filename or ""
    if path.startswith("/uploads/") and path.endswith("/parts"):
        # One slice of a file: what matters may lie across the cut.
        walk.gap(pointer, "partial_upload")
    payload = payload_of(decompress(part.data), part.media_type, name)
    if payload.text is not None and (found := lines(payload.text)) is not None:
        rows.extend(_rows(path, found, names))
    else:
        walk.payload(payload, pointer, Origin.USER, name)


def _rows(path: str, found: Iterator[tuple[int, object]], names: tuple[Segment, ...]) -> Iterator[Request]:
    for number, row in found:
        base = f"/lines/{number}"
        if isinstance(row, Undecodable):
            yield Request(path, names, gaps=(Gap(base, "undecodable"),))
            continue
        url = row.get("url") if is_mapping(row) and "body" in row else None
        walk, target = _addressed(url if isinstance(url, str) else path, "")
        walk.segments += names
        walk.value(row, base)
        yield _request(target, walk)
