"""Names that say something, and names that do not."""

from __future__ import annotations

import pytest

from safe_azure_openai.signals.names import tells


@pytest.mark.parametrize(
    "name",
    [
        "mesa-pd-booking",
        "MesaPDBooking",
        "sheriff_face_match",
        "kripo-koeln-abgleich",
        "bodycam-live.mp4",
        "jailGallery2",
        "the one from the precinct",
        "удостоверение",
    ],
)
def test_a_name_that_says_who_or_what_is_read(name: str) -> None:
    assert tells(name)


@pytest.mark.parametrize(
    "name", ["our-gpt", "gpt-4o", "team-a-prod", "u-5370", "IMG_2031.jpg", "chat.default", "speedy", "", "7"]
)
def test_a_name_that_says_nothing_is_not_read(name: str) -> None:
    assert not tells(name)
