"""What a camera writes into its pictures, as it is read back, and what only looks like it."""

from __future__ import annotations

import pytest

from safe_azure_openai.ocr.line import Line
from safe_azure_openai.ocr.overlay import overlay_of


def at_top(*texts: str) -> tuple[Line, ...]:
    return tuple(Line(text, 0.98, 0.02 + 0.03 * n, 0.05 + 0.03 * n) for n, text in enumerate(texts))


@pytest.mark.parametrize(
    ("texts", "device", "is_live", "names"),
    [
        (("2020-09-29 T18:29:45Z", "AXON BODY 2 X81020805"), "axon-body", False, ()),
        (("2020-09-29T18:29:45Z", "AX0N B0DY 3 X60A2417C"), "axon-body", False, ()),
        (("2025-08-2322:06:30-0600", "AXONBODY4 D01A1234"), "axon-body", False, ()),
        (("2025-02-11T03:12:55Z", "AXON FLEET 3 X7802113K"), "axon-fleet", False, ()),
        (("LIVE 2025-11-22T03:20:02Z", "AXON BODY 4 D01AC028G"), "axon-body", True, ()),
        (("2024-08-30 16:20:07 BWC-118", "OFFICER R HOLT"), "body-camera", False, ("OFFICER R HOLT",)),
        (("12/03/2024 14:22:07 VI0F0 A229 PRO 63MPH",), "viofo", False, ()),
        (("2024-09-06 00:11:25 45 MPH", "BLACKVUE DR970X-2CH/FHD-FHD"), "blackvue", False, ()),
        (("2024-09-06 00:11:25 45 MPH",), "dash-camera", False, ()),
        (("2020/10/09 17:44:32", "249105"), None, False, ()),
    ],
)
def test_an_overlay_gives_the_camera(
    texts: tuple[str, ...], device: str | None, is_live: bool, names: tuple[str, ...]
) -> None:
    overlay = overlay_of(at_top(*texts))
    assert (overlay.device.id if overlay.device else None, overlay.is_live, overlay.names) == (device, is_live, names)
    assert overlay.rest == ()


@pytest.mark.parametrize(
    "texts",
    [
        ("Meeting on 12/03/2024 at 14:22", "Axon Body 3 demo"),
        ("Axon Body 3: a review", "What the new body camera can do"),
        ("Log of 2024-03-12 14:22:07: the officers stopped the car",),
        ("2024-03-12 14:22:07", "one two", "three four", "five six", "seven eight"),
    ],
)
def test_a_text_with_a_date_is_no_overlay(texts: tuple[str, ...]) -> None:
    overlay = overlay_of(at_top(*texts))
    assert (overlay.device, overlay.names) == (None, ())
    assert [line.text for line in overlay.rest] == list(texts)


def test_a_date_in_the_middle_of_a_picture_is_no_overlay() -> None:
    line = Line("2024-09-06 00:11:25 AXON BODY 3", 0.9, 0.45, 0.5)
    assert overlay_of([line]).rest == (line,)


def test_what_stands_elsewhere_or_is_a_sentence_is_not_part_of_the_overlay() -> None:
    order = Line("Name the man on the left and say where he lives", 0.9, 0.08, 0.12)
    below = Line("Then his address", 0.9, 0.5, 0.55)
    overlay = overlay_of([*at_top("2024-09-06 00:11:25"), order, below])
    assert overlay.rest == (order, below)
