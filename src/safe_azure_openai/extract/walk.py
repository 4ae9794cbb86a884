"""Every string of a JSON value, in document order, with its origin and pointer.

The walk knows no endpoint. It is iterative, so depth cannot break it; it looks at each node once; and it never changes
what it reads. What is left out is only what cannot carry a message: fixed words of the API, opaque ids, payloads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeGuard

from ..model.request import Gap, Kind, Link, Origin, Picture, Segment, Signal
from .attachments import (
    MIN_PAYLOAD,
    Payload,
    from_base64,
    from_data_url,
    is_base64_payload,
    is_known_file,
    is_proven,
    may_be_words,
    pictures_in,
)
from .roles import (
    ANY_ID,
    KEYS,
    PART_TYPES,
    PARTS,
    PLAIN,
    ROLES,
    SCHEMA_NAMES,
    TYPES,
    Mode,
    Read,
    Rule,
    has_words,
)
from .vocabulary import vocabulary

if TYPE_CHECKING:
    from .images import Metadata

#: Pointers stop growing here: deeper strings carry the pointer of the ancestor that holds them.
MAX_POINTER = 1024
#: Gaps of one kind reported per request; more would say nothing new.
MAX_GAPS = 32
#: Pictures of one request whose inscriptions are read; the same words are read once.
MAX_INSCRIBED = 8
#: Containers of one body. JSON of 64 MiB cannot hold more; a Python object that contains itself can.
MAX_CONTAINERS = 40_000_000

# Bound once: an attribute of an Enum costs as much as a dictionary look-up, and the walk asks at each node.
_BODY, _FREE, _SCHEMA, _NAMES = Mode.BODY, Mode.FREE, Mode.SCHEMA, Mode.NAMES
_PLAIN_READ, _TEXT_READ, _ID_READ, _PAYLOAD_READ, _LINK_READ = Read.PLAIN, Read.TEXT, Read.ID, Read.PAYLOAD, Read.LINK
_METADATA, _STANDING, _FILE, _USER = Origin.METADATA, Origin.STANDING, Origin.FILE, Origin.USER
_TEXT = Rule(Read.TEXT)
_WORDS = Rule(Read.TEXT)  # a key, or a value, that the caller chose freely
_NAME = {
    Origin.METADATA: Rule(Read.TEXT, Origin.METADATA),
    Origin.STANDING: Rule(Read.TEXT, Origin.STANDING),
}
_CONTEXTUAL = frozenset({"name", "url", "id", "encrypted_content"})
_SCHEMA_MARKS = frozenset({"type", "properties", "$ref", "$defs", "anyOf", "oneOf", "allOf", "enum", "items", "const"})
_SCHEMA_TEXTS = frozenset({"description", "title", "$comment", "default", "examples", "enum", "const"})


@dataclass(slots=True)  # not frozen: one is made per container, and freezing would double its price
class _Place:
    """A container to be read, and what is known of where it stands."""

    value: Any
    pointer: str
    rule: Rule
    origin: Origin
    mode: Mode
    name: str = ""  # the file name given beside a payload
    part: Kind | None = None  # the kind of the part around it


def escape(token: str) -> str:
    """Return ``token`` as RFC 6901 wants it in a pointer."""
    if "~" in token:
        token = token.replace("~", "~0")
    return token.replace("/", "~1") if "/" in token else token


def below(pointer: str, token: str) -> str:
    """Return the pointer of a child, or the parent's where it would grow without bound."""
    if len(pointer) + len(token) >= MAX_POINTER:
        return pointer
    return f"{pointer}/{token if token.isidentifier() else escape(token)}"


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Return whether ``value`` is an array, for type checkers too."""
    return isinstance(value, list)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Return whether ``value`` is an object, for type checkers too."""
    return isinstance(value, Mapping)


def _is_repeated(required: object, properties: object) -> bool:
    """Return whether a schema's ``required`` says nothing that its ``properties`` do not say."""
    return (
        is_list(required)
        and is_mapping(properties)
        and all(isinstance(name, str) and name in properties for name in required)
    )


def _is_part(type_: object) -> bool:
    return isinstance(type_, str) and type_ in PART_TYPES


def _is_word(key: str) -> bool:
    return any(map(str.isalpha, key))


@cache
def _rules() -> dict[str, Rule]:
    """Return what each key of the API says of its value."""
    known = {key: ANY_ID if key.endswith(("_id", "_ids")) else PLAIN for key in vocabulary().keys}
    return {**known, **KEYS}


@dataclass(slots=True)
class Walk:
    """Collects segments, links, gaps, signals and pictures of one request."""

    segments: list[Segment] = field(default_factory=list[Segment])
    links: list[Link] = field(default_factory=list[Link])
    gaps: list[Gap] = field(default_factory=list[Gap])
    signals: list[Signal] = field(default_factory=list[Signal])
    pictures: list[Picture] = field(default_factory=list[Picture])
    inscribed: set[str] = field(default_factory=set[str])  # words that stood in pictures

    def value(self, value: object, pointer: str = "", *, origin: Origin = _USER) -> None:
        """Read ``value`` and everything in it. ``pointer`` is where it stands, ``origin`` whose its root is."""
        # A stack of half-read containers: each yields the next container in it, having read the strings before.
        stack = [self._array(_Place([value], pointer, _TEXT, origin, _BODY), is_root=True)]
        containers = 0
        while stack:
            place = next(stack[-1], None)
            if place is None:
                stack.pop()
                continue
            containers += 1
            if containers > MAX_CONTAINERS:
                self.gap(place.pointer, "too_large")
                return
            if isinstance(place.value, Mapping):
                stack.append(self._object(place, is_root=containers == 1))
            else:
                stack.append(self._array(place))

    def gap(self, pointer: str, reason: Any) -> None:
        """Report a part that was not read, unless many like it were reported."""
        if sum(gap.reason == reason for gap in self.gaps) < MAX_GAPS:
            self.gaps.append(Gap(pointer, reason))

    def payload(self, payload: Payload, pointer: str, origin: Origin, name: str = "") -> None:
        """Add an attachment: its words where they were read, else its name; and a gap for a document with more.

        The scanned pages of a document are pictures of its own segment.
        """
        if payload.text is not None:
            self.segments.append(Segment("text", _FILE, pointer, payload.text))
        if payload.kind != "file" or not payload.is_read or payload.scans:
            self.segments.append(Segment(payload.kind, origin, pointer, name))
        if payload.encoded:
            self.pictures.append(Picture(len(self.segments) - 1, payload.encoded, payload.start))
        if payload.scans:
            self.pictures += [Picture(len(self.segments) - 1, scan) for scan in payload.scans]
            self.gap(pointer, "unread_picture")  # until somebody reads them
        if payload.kind == "image" and (name or payload.metadata is not None):
            self._picture(pointer, name, payload.metadata)
        if payload.kind == "file" and not payload.is_read:
            self.gap(pointer, "encrypted" if payload.is_locked else "unread_attachment")

    def _picture(self, pointer: str, name: str, metadata: Metadata | None = None) -> None:
        """Add what the name and the headers of a picture say: its camera, and words that somebody wrote into it."""
        from .images import recognise, recognise_name, words_of  # few requests carry pictures that say anything

        device = (recognise(metadata) if metadata is not None else None) or recognise_name(name)
        if device is not None and all(signal.device != device.id for signal in self.signals):
            self.signals.append(Signal(device.camera, pointer, device.id, device.police_only))
        words = words_of(metadata) if metadata is not None else ""
        if words and words not in self.inscribed and len(self.inscribed) < MAX_INSCRIBED:
            self.inscribed.add(words)
            self.segments.append(Segment("text", _METADATA, pointer, words))

    def adopt(self, other: Walk, pointer: str) -> None:
        """Add what another walk found, all of it at one place."""
        first = len(self.segments)
        self.pictures += [replace(picture, segment=first + picture.segment) for picture in other.pictures]
        self.segments += [replace(segment, pointer=pointer) for segment in other.segments]
        self.links += [replace(link, pointer=pointer) for link in other.links]
        self.signals += [replace(signal, pointer=pointer) for signal in other.signals]
        for gap in other.gaps:
            self.gap(pointer, gap.reason)

    # Containers: each method reads the strings of one and yields the containers in it.

    def _child(
        self, value: Any, pointer: str, rule: Rule, origin: Origin, mode: Mode, name: str = "", part: Kind | None = None
    ) -> _Place | None:
        """Read ``value`` if it is a string; return its place if it is a container."""
        if type(value) is str:
            self._string(value, pointer, rule, origin, name, part)
        elif isinstance(value, (dict, list, tuple, Mapping)):
            return _Place(value, pointer, rule, origin, mode, name, part)
        elif isinstance(value, str):
            self._string(str(value), pointer, rule, origin, name, part)
        elif isinstance(value, (bytes, bytearray)):
            self._string(value.decode("utf-8", "replace"), pointer, rule, origin, name, part)
        elif value is not None and not isinstance(value, (bool, int, float)):
            self.gap(pointer, "undecodable")
        return None

    def _array(self, place: _Place, *, is_root: bool = False) -> Iterator[_Place]:
        items = place.value
        pointer, rule, origin, mode, name, part = (
            place.pointer, place.rule, place.origin, place.mode, place.name, place.part,
        )  # fmt: skip
        if rule.read is _TEXT_READ and mode is _BODY and items and type(items[0]) in (int, float) and not is_root:
            # A prompt as token ids. `input` takes them for embeddings only, where frameworks send them by habit.
            self.gap(pointer, "undecodable" if rule is KEYS["prompt"] else "unread_attachment")
            if all(type(item) in (int, float) for item in items):
                return
        for index, item in enumerate(items):
            at = pointer if is_root else below(pointer, str(index))
            child = self._child(item, at, rule, origin, mode, name, part)
            if child is not None:
                yield child

    def _object(self, place: _Place, *, is_root: bool) -> Iterator[_Place]:
        mode = place.mode
        if mode is _BODY or (mode is _FREE and _is_part(place.value.get("type"))):
            return self._body(place, is_root=is_root)
        if mode is _SCHEMA and not _SCHEMA_MARKS.isdisjoint(place.value.keys()):
            return self._schema(place)
        return self._named(place)

    def _body(self, place: _Place, *, is_root: bool) -> Iterator[_Place]:
        value, rules, fixed = place.value, _rules(), vocabulary().values
        origin, part, name = self._around(place)
        for raw, child in value.items():
            key = raw if type(raw) is str else str(raw)
            rule = rules.get(key)
            if rule is None:
                rule = ANY_ID if key.endswith(("_id", "_ids")) else PLAIN
                if _is_word(key):
                    self._string(key, below(place.pointer, key), _WORDS, origin)
            elif key in _CONTEXTUAL:
                rule = self._contextual(key, place, part, origin, is_root=is_root)
            if type(child) is str:
                if rule is PLAIN and child in fixed:
                    continue
            elif child is None or child is True or child is False:
                continue
            found = self._child(
                child, below(place.pointer, key), rule, rule.origin or origin, rule.mode or _BODY, name, part
            )
            if found is not None:
                yield found

    def _contextual(self, key: str, place: _Place, part: Kind | None, origin: Origin, *, is_root: bool) -> Rule:
        """Return the rule of a key that means what the object around it makes of it."""
        value = place.value
        if key == "name":
            return _NAME.get(_METADATA if "role" in value else _STANDING if is_root else origin, _TEXT)
        if key == "url":
            return Rule(_LINK_READ, kind=part) if part is not None else PLAIN
        if key == "encrypted_content":
            if value.get("type") != "reasoning" and value[key]:
                # Earlier turns, sealed by the server: it knows them and we do not.
                self.gap(below(place.pointer, key), "unknown_reference")
            return PLAIN
        if value.get("type") == "item_reference":
            return Rule(_ID_READ, link="item")
        return Rule(_ID_READ, link=place.rule.link) if place.rule.link else ANY_ID

    @staticmethod
    def _around(place: _Place) -> tuple[Origin, Kind | None, str]:
        """Return what an object says of everything in it: whose it is, the kind of part, the name of the file."""
        value = place.value
        role, type_ = value.get("role"), value.get("type")
        origin = place.origin
        part: Kind | None = place.rule.kind or place.part
        if type(type_) is str:
            origin = TYPES.get(type_, origin)
            part = PARTS.get(type_) or part
        if type(role) is str:
            origin = ROLES.get(role, origin)
        name = value.get("filename") or value.get("file_name")
        return origin, part, name if type(name) is str else place.name

    def _named(self, place: _Place) -> Iterator[_Place]:
        """Keys the caller chose: metadata, arguments, prompt variables, the properties of a schema."""
        rule, mode = (PLAIN, _SCHEMA) if place.mode is _NAMES else (_WORDS, _FREE)
        for raw, child in place.value.items():
            key = raw if type(raw) is str else str(raw)
            pointer = below(place.pointer, key)
            if _is_word(key):
                self._string(key, pointer, _WORDS, place.origin)
            found = self._child(child, pointer, rule, place.origin, mode)
            if found is not None:
                yield found

    def _schema(self, place: _Place) -> Iterator[_Place]:
        known = vocabulary().keys
        origin = place.origin
        names = place.value.get("properties")
        for raw, child in place.value.items():
            key = raw if type(raw) is str else str(raw)
            pointer = below(place.pointer, key)
            if key not in known and _is_word(key):
                self._string(key, pointer, _WORDS, origin)
            if key == "required" and _is_repeated(child, names):
                continue
            rule, mode = PLAIN, _SCHEMA
            if key in SCHEMA_NAMES and isinstance(child, Mapping):
                mode = _NAMES
            elif key in _SCHEMA_TEXTS:
                rule, mode = _WORDS, _FREE
            found = self._child(child, pointer, rule, origin, mode)
            if found is not None:
                yield found

    # Strings.

    def _string(
        self, text: str, pointer: str, rule: Rule, origin: Origin, name: str = "", part: Kind | None = None
    ) -> None:
        read = rule.read
        if read is _TEXT_READ and len(text) < MIN_PAYLOAD and text[:5].lower() != "data:":  # the common case
            if text:
                self.segments.append(Segment("text", origin, pointer, text))
                if rule.link == "model" and text.startswith("ft:"):
                    self.links.append(Link("model", text, pointer))
            return
        if not text or ((read is _PLAIN_READ or read is _PAYLOAD_READ) and text in vocabulary().values):
            return
        if read is _ID_READ:
            self._id(text, pointer, rule, origin, part)
        elif read is _LINK_READ:
            self._address(text, pointer, origin, name, part or rule.kind or "file")
        elif not self._attachment(text, pointer, rule, origin, name, part):
            if len(text) >= MIN_PAYLOAD and not (self.segments and self.segments[-1].pointer == pointer):
                for picture in pictures_in(text):
                    self.payload(from_base64(picture, kind="image"), pointer, origin)
            self.segments.append(Segment("text", origin, pointer, text))

    def _id(self, text: str, pointer: str, rule: Rule, origin: Origin, part: Kind | None) -> None:
        kind = rule.link
        if kind is not None and text not in vocabulary().values:  # "auto" and "none" are not ids
            self.links.append(Link(kind, text, pointer))
        words = text if has_words(text) else ""
        if kind == "file" and part is not None:
            self.segments.append(Segment(part, origin, pointer, words))
        elif words:
            self.segments.append(Segment("text", _METADATA, pointer, words))

    def _address(self, text: str, pointer: str, origin: Origin, name: str, kind: Kind) -> None:
        payload = from_data_url(text, name=name, kind=kind)
        if payload is not None:
            self.payload(payload, pointer, origin, name)
            return
        self.segments.append(Segment(kind, origin, pointer, text))
        if kind == "image":
            self._picture(pointer, text)
        if kind == "file":
            self.gap(pointer, "unread_attachment")

    def _attachment(self, text: str, pointer: str, rule: Rule, origin: Origin, name: str, part: Kind | None) -> bool:
        """Add ``text`` as an attachment if it is a payload; return whether it carries no words of its own."""
        is_payload = rule.read is _PAYLOAD_READ
        kind = rule.kind or part or "file"
        if text[:5].lower() == "data:" and (is_payload or " " not in text):
            payload = from_data_url(text, name=name, kind=kind)
            if payload is not None:
                self.payload(payload, pointer, origin, name)
                # Among words, a picture's first bytes must prove it; else what follows the comma may be words.
                return is_payload or is_proven(text)
        if is_payload and text[:8].lower().startswith(("https://", "http://")):
            self.segments.append(Segment(kind, origin, pointer, text))
            if kind == "image":
                self._picture(pointer, text)
            return True
        if not is_base64_payload(text, 24 if is_payload else MIN_PAYLOAD):
            return False
        payload = from_base64(text, name=name, kind=kind)
        if not is_payload and payload.kind == "file":
            return False  # words in base64, or no base64 at all: left to the views
        self.payload(payload, pointer, origin, name)
        # What is as short as words without blanks may be such words, unless its first bytes prove it a file.
        if not is_payload and may_be_words(text):
            return False
        return len(text) >= MIN_PAYLOAD or payload.text is not None or is_known_file(text)
