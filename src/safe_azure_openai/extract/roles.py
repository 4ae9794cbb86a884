"""Who speaks where: tables from the keys, roles and item types of a body to the origin of the words below them.

Nothing here names an endpoint. A key that no table knows inherits the origin of what it stands in, and the root of a
body is the user's, so an unknown shape is read as a prompt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from ..model.memory import LinkKind
from ..model.request import Kind, Origin

S, U, A, T, F, M = Origin.STANDING, Origin.USER, Origin.ASSISTANT, Origin.TOOL, Origin.FILE, Origin.METADATA


class Mode(Enum):
    """How the keys of an object are read."""

    BODY = 0  # keys are the API's; the unknown ones are words
    FREE = 1  # keys are the caller's own words: metadata, arguments, variables
    SCHEMA = 2  # a JSON schema
    NAMES = 3  # the properties of a schema: keys are words, values are schemas


class Read(Enum):
    """How the string below a key is read."""

    PLAIN = 0  # words, unless it is a fixed word of the API
    TEXT = 1  # words, always
    ID = 2  # an id; words only where somebody wrote words into it
    PAYLOAD = 3  # base64 or a data URL
    LINK = 4  # the address of an attachment


@dataclass(frozen=True, slots=True)
class Rule:
    """What a key says of the value below it. ``None`` means: as in the object around it."""

    read: Read = Read.PLAIN
    origin: Origin | None = None
    mode: Mode | None = None
    kind: Kind | None = None  # of a payload or link
    link: LinkKind | None = None


_TEXT = Rule(Read.TEXT)
_STANDING = Rule(Read.TEXT, S)
_METADATA = Rule(Read.TEXT, M)
_FREE_METADATA = Rule(Read.TEXT, M, Mode.FREE)
_SCHEMA = Rule(Read.TEXT, S, Mode.SCHEMA)
_TOOL = Rule(Read.TEXT, T)
_IMAGE = Rule(Read.PAYLOAD, kind="image")
_FILE_LINK = Rule(Read.ID, link="file")

KEYS: dict[str, Rule] = {
    # the person
    "content": _TEXT,
    "text": _TEXT,
    "input": _TEXT,
    "prompt": Rule(Read.TEXT, link="prompt"),
    "query": _TEXT,
    "questions": _TEXT,
    "transcript": _TEXT,
    "suffix": _TEXT,
    "stop": _TEXT,
    "keywords": _TEXT,
    "label": _TEXT,
    "labels": _TEXT,
    "value": _TEXT,
    "title": _TEXT,
    "description": _TEXT,
    "variables": Rule(Read.TEXT, U, Mode.FREE),
    "state_variables": Rule(Read.TEXT, S, Mode.FREE),
    # what stands above every turn
    "instructions": _STANDING,
    "additional_instructions": _STANDING,
    "post_instructions": _STANDING,
    "developer_persona": _STANDING,
    "system": _STANDING,
    "tools": _STANDING,
    "functions": _STANDING,
    "tool_resources": Rule(origin=S),
    "tool_choice": Rule(origin=S),
    "allowed_tools": _STANDING,
    "tool_names": _STANDING,
    "response_format": Rule(origin=S),
    "format": Rule(origin=S),
    "grammar": _STANDING,
    "syntax": Rule(origin=S),
    "definition": _STANDING,
    "testing_criteria": _STANDING,
    "grader": _STANDING,
    "graders": _STANDING,
    "parameters": _SCHEMA,
    "schema": _SCHEMA,
    "input_schema": _SCHEMA,
    "output_schema": _SCHEMA,
    "item_schema": _SCHEMA,
    # earlier turns of the model
    "prediction": Rule(Read.TEXT, A),
    "arguments": Rule(Read.TEXT, None, Mode.FREE),
    "preferred_output": Rule(Read.TEXT, A),
    "non_preferred_output": Rule(Read.TEXT, A),
    "refusal": Rule(Read.TEXT, A),
    "revised_prompt": Rule(Read.TEXT, A),
    # what tools returned
    "output": _TOOL,
    "outputs": _TOOL,
    "tool_outputs": _TOOL,
    "results": _TOOL,
    "logs": _TOOL,
    "stdout": _TOOL,
    "stderr": _TOOL,
    # labels around the request
    "metadata": _FREE_METADATA,
    "attributes": _FREE_METADATA,
    "headers": _FREE_METADATA,
    "sip_headers": _FREE_METADATA,
    "custom_id": _METADATA,
    "user": _METADATA,
    "safety_identifier": _METADATA,
    "prompt_cache_key": _METADATA,
    "model": Rule(Read.TEXT, M, link="model"),
    "filename": _METADATA,
    "file_name": _METADATA,
    "known_speaker_names": _METADATA,
    # attachments
    "image_url": Rule(Read.LINK, kind="image"),
    "image": _IMAGE,
    "images": _IMAGE,
    "mask": _IMAGE,
    "input_image_mask": _IMAGE,
    "input_reference": _IMAGE,
    "b64_json": _IMAGE,
    "partial_image_b64": _IMAGE,
    "result": _IMAGE,
    "screenshot": _IMAGE,
    "video_url": Rule(Read.LINK, kind="image"),
    "video": Rule(Read.PAYLOAD, kind="image"),
    "audio": Rule(Read.PAYLOAD, kind="audio"),
    "audio_sample": Rule(Read.PAYLOAD, kind="audio"),
    "audio_url": Rule(Read.LINK, kind="audio"),
    "input_audio": Rule(Read.PAYLOAD, kind="audio"),
    "data": Rule(Read.PAYLOAD),
    "known_speaker_references": Rule(Read.PAYLOAD, kind="audio"),
    "file_data": Rule(Read.PAYLOAD, F, kind="file"),
    "file_url": Rule(Read.LINK, F, kind="file"),
    "file_text": Rule(Read.TEXT, F),
    # ids
    "id": Rule(Read.ID),
    "previous_response_id": Rule(Read.ID, link="response"),
    "response_id": Rule(Read.ID, link="response"),
    "conversation": Rule(Read.ID, link="conversation"),
    "conversation_id": Rule(Read.ID, link="conversation"),
    "thread_id": Rule(Read.ID, link="thread"),
    "assistant_id": Rule(Read.ID, link="assistant"),
    "agent_id": Rule(Read.ID, link="agent"),
    "eval_id": Rule(Read.ID, link="eval"),
    "container": Rule(Read.ID, link="container"),
    "container_id": Rule(Read.ID, link="container"),
    "vector_store_id": Rule(Read.ID, link="vector_store"),
    "vector_store_ids": Rule(Read.ID, link="vector_store"),
    "upload_id": Rule(Read.ID, link="upload"),
    "file_id": _FILE_LINK,
    "file_ids": _FILE_LINK,
    "input_file_id": _FILE_LINK,
    "training_file": _FILE_LINK,
    "validation_file": _FILE_LINK,
}

#: What a key that ``KEYS`` does not name says: nothing, or that it is one of the API's many ids.
PLAIN = Rule()
ANY_ID = Rule(Read.ID)

ROLES: dict[str, Origin] = {
    "system": S,
    "developer": S,
    "user": U,
    "assistant": A,
    "tool": T,
    "function": T,
}

#: The discriminator of an item or part. An item that the model wrote stays the model's when it is sent back.
TYPES: dict[str, Origin] = {
    "function_call": A,
    "custom_tool_call": A,
    "computer_call": A,
    "web_search_call": A,
    "file_search_call": A,
    "code_interpreter_call": A,
    "image_generation_call": A,
    "local_shell_call": A,
    "shell_call": A,
    "apply_patch_call": A,
    "mcp_call": A,
    "mcp_approval_request": A,
    "reasoning": A,
    "output_text": A,
    "function_call_output": T,
    "custom_tool_call_output": T,
    "computer_call_output": T,
    "local_shell_call_output": T,
    "shell_call_output": T,
    "apply_patch_call_output": T,
    "mcp_list_tools": S,
}

#: Parts that are a picture, a sound or a file, whatever field carries them; an id alone stands for the content too.
PARTS: dict[str, Kind] = {
    "input_image": "image",
    "image_url": "image",
    "image_file": "image",
    "computer_screenshot": "image",
    "input_video": "image",
    "video_url": "image",
    "input_audio": "audio",
    "input_file": "file",
    "file": "file",
}

#: Types that make an object among free keys a part of the API again, such as a picture given as a prompt variable.
PART_TYPES = frozenset(PARTS) | {"input_text", "text", "output_text"}

#: URL path words whose next word is an id the server keeps content under.
PATH_LINKS: dict[str, LinkKind] = {
    "responses": "response",
    "conversations": "conversation",
    "threads": "thread",
    "assistants": "assistant",
    "prompts": "prompt",
    "files": "file",
    "uploads": "upload",
    "vector_stores": "vector_store",
    "containers": "container",
    "agents": "agent",
    "sessions": "session",
    "evals": "eval",
    "calls": "call",
}

#: Parameters of an address that name what the server keeps content under; in a body ``call_id`` is a tool's.
QUERY_LINKS: dict[str, LinkKind] = {"call_id": "call", "session_id": "session"}

#: Inside a schema these keys hold further schemas under names the caller chose.
SCHEMA_NAMES = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})

# A word that somebody wrote into an id: three or more letters and nothing else between separators, after the id's own
# prefix. Matches "vs_booking_sheets"; must not match "asst_1", "call_9fA3", or "resp_68af2c91".
_WORDED = re.compile(r"[^A-Za-z0-9][A-Za-z]{3,20}(?![A-Za-z0-9])|^[A-Za-z]{3,}[ -][A-Za-z]{3,}|[^\x00-\x7f]| ")


def has_words(identifier: str) -> bool:
    """Return whether an id says something, rather than being a counter, a hash or random letters."""
    return _WORDED.search(identifier) is not None
