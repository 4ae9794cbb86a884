"""Tenant, session and reading to facts."""

from __future__ import annotations

from typing import Any

import pytest

from safe_azure_openai import Tenant
from safe_azure_openai.merge import ANOTHER_COUNTRY, facts_of, memory_of
from safe_azure_openai.model.facts import Facts
from safe_azure_openai.model.memory import Memory
from safe_azure_openai.model.request import Camera, Gap, Signal, Stream
from safe_azure_openai.signals.meaning import Answer
from safe_azure_openai.signals.reading import NOTHING, Reading
from safe_azure_openai.signals.thresholds import Thresholds

LIMITS = Thresholds(
    violation=0.5,
    police=0.6,
    police_image=0.4,
    real_time=0.5,
    act=0.5,
    other_act=0.5,
    actor=0.5,
    camera=0.5,
    live=0.5,
    cooperative=0.5,
    country=0.5,
    country_against=0.8,
)
NEW = Memory()
NOBODY = Tenant()
US_POLICE = Tenant("law_enforcement", country="US")


def facts(
    tenant: Tenant = NOBODY,
    *,
    before: Memory = NEW,
    image: bool = False,
    gaps: tuple[Gap, ...] = (),
    signals: tuple[Signal, ...] = (),
    stream: Stream | None = None,
    windows: int = 1,
    **scores: float,
) -> Facts:
    reading = Reading(Answer(scores, {}, windows), has_image=image, signals=signals, stream=stream)
    return facts_of(reading, memory_of(reading, before, LIMITS), tenant, LIMITS, gaps)


def test_nothing_read_gives_nothing_known_but_what_the_tenant_declares() -> None:
    found = facts_of(NOTHING, Memory(), US_POLICE, LIMITS, ())
    assert (found.actor.value, found.country.value, found.act.value) == ("law_enforcement", "US", "unknown")
    assert found.actor.source == "tenant sector (argument)"


def test_a_tenant_that_serves_law_enforcement_is_for_it() -> None:
    found = facts(Tenant("technology", serves="law_enforcement"), fr=0.7)
    assert (found.actor.value, found.act.value) == ("law_enforcement", "facial_recognition")
    assert found.actor.source == "tenant serves (argument)"


def test_an_innocent_tenant_does_not_lift_what_the_request_says() -> None:
    found = facts(Tenant("healthcare", country="FR"), fr=0.9, le=0.9, fr_le=0.9, us=0.8)
    assert (found.actor.value, found.act.value, found.country.value) == ("law_enforcement", "facial_recognition", "US")


def test_facial_recognition_by_anyone_is_a_fact_but_makes_nobody_law_enforcement() -> None:
    found = facts(fr=0.99, le=0.6, fr_le=0.01)
    assert (found.act.value, found.stance.value, found.actor.value) == ("facial_recognition", "operational", "unknown")


@pytest.mark.parametrize(
    ("head", "act"),
    [
        ("emo", "emotion_inference"),
        ("trait", "sensitive_trait_inference"),
        ("track", "persistent_tracking"),
        ("scrape", "untargeted_scraping"),
    ],
)
def test_other_acts_are_facts_too(head: str, act: str) -> None:
    sure: dict[str, Any] = {head: 0.9}
    unsure: dict[str, Any] = {head: 0.4}
    assert facts(fr=0.1, **sure).act.value == act
    assert facts(fr=0.9, **sure).act.value == "facial_recognition"
    assert facts(fr=0.1, **unsure).act.value == "unknown"


def test_a_police_tenant_needs_the_act_at_its_own_limit() -> None:
    assert facts(US_POLICE, fr=0.55).act.value == "unknown"


def test_a_live_camera_in_other_hands_counts_only_with_all_of_it_together() -> None:
    assert facts(fr=0.9, body=0.9, live=0.9, rt=0.1).timing.value == "unknown"
    assert facts(US_POLICE, fr=0.9, body=0.9, live=0.9, rt=0.1).timing.value == "real_time"


def test_the_act_alone_decides_under_a_police_tenant_and_a_picture_lowers_the_bar() -> None:
    assert facts(US_POLICE, fr=0.5).act.value == "unknown"
    assert facts(US_POLICE, fr=0.5, image=True).act.value == "facial_recognition"
    assert facts(US_POLICE, fr=0.61).act.value == "facial_recognition"


def test_what_is_on_topic_but_not_operational_is_discussion() -> None:
    assert facts(fr=0.3, le=0.3, fr_le=0.1).stance.value == "discussion"


@pytest.mark.parametrize(
    ("windows", "fr", "actor"),
    [(1, 0.99, "unknown"), (4, 0.85, "law_enforcement"), (4, 0.8, "unknown"), (12, 0.85, "unknown")],
)
def test_act_and_actor_of_different_windows_count_where_each_is_sure(windows: int, fr: float, actor: str) -> None:
    found = facts(windows=windows, fr=fr, le=0.995, fr_le=0.001)

    assert found.actor.value == actor


@pytest.mark.parametrize(
    ("tenant", "scores", "country"),
    [
        (NOBODY, {}, "unknown"),
        (US_POLICE, {}, "US"),
        (US_POLICE, {"le": 0.9, "abroad": 0.9}, ANOTHER_COUNTRY),
        (Tenant("law_enforcement", country="DE"), {"le": 0.9, "us": 0.9}, "US"),
        (Tenant("law_enforcement", country="DE"), {"le": 0.9, "us": 0.7}, "DE"),
        (Tenant("law_enforcement", country="US"), {"le": 0.9, "abroad": 0.7}, "US"),
        (US_POLICE, {"le": 0.01, "abroad": 0.9}, "US"),
    ],
)
def test_the_agency_named_has_the_say_about_the_country_then_the_tenant(
    tenant: Tenant, scores: dict[str, Any], country: str
) -> None:
    assert facts(tenant, **scores).country.value == country


def test_live_facial_recognition_on_a_worn_camera_needs_nobody() -> None:
    found = facts(fr=0.9, rt=0.9, body=0.9, live=0.9)
    assert (found.act.value, found.camera.value, found.timing.value) == ("facial_recognition", "body_worn", "real_time")
    assert found.actor.value == "unknown"


def test_an_earlier_call_adds_the_actor_and_says_so() -> None:
    found = facts(before=Memory(actor=0.95, country="US"), fr=0.9, fr_le=0.6, image=True)
    assert (found.actor.value, found.actor.source) == ("law_enforcement", "session")
    assert (found.country.value, found.country.source) == ("US", "session")
    assert found.act.value == "facial_recognition"


def test_memory_keeps_the_strongest_and_never_forgets_a_picture() -> None:
    before = Memory(actor=0.9, country="US", act=0.2, camera="body_worn", camera_score=0.8, has_image=True)
    after = memory_of(Reading(Answer({"fr": 0.7, "le": 0.1, "dash": 0.3}, {})), before, LIMITS)
    assert after == Memory(actor=0.9, country="US", act=0.7, camera="body_worn", camera_score=0.8, has_image=True)


def test_a_gap_makes_the_inspection_partial_and_is_named() -> None:
    found = facts(gaps=(Gap("/file", "encrypted"),)).inspection
    assert (found.value, found.evidence[0].kind, found.evidence[0].pointer) == ("partial", "gap:encrypted", "/file")
    assert facts().inspection.value == "complete"


def test_a_declared_tenant_is_never_judged_less_strictly_than_the_same_words_alone() -> None:
    told: dict[str, Any] = {"fr": 0.55, "le": 0.9, "fr_le": 0.6}
    assert facts(**told).act.value == "facial_recognition"
    assert facts(US_POLICE, **told).act.value == "facial_recognition"


def seen(camera: Camera, *, police: bool = False) -> tuple[Signal, ...]:
    return (Signal(camera, "/image", "maker", is_police_only=police),)


def test_a_camera_that_a_picture_tells_of_is_a_fact_with_its_place() -> None:
    camera = facts(signals=seen("dash_mounted")).camera
    assert (camera.value, camera.source, camera.evidence[0].pointer) == ("dash_mounted", "picture (maker)", "/image")


@pytest.mark.parametrize(
    ("picture", "words", "camera"),
    [
        ("other_mobile", {"body": 0.9}, "body_worn"),
        ("other_mobile", {"fixed": 0.9}, "other_mobile"),
        ("body_worn", {"body": 0.2}, "body_worn"),
        ("body_worn", {"dash": 0.9}, "body_worn"),
    ],
)
def test_of_pictures_and_words_the_camera_counts_that_more_is_made_of(
    picture: Camera, words: dict[str, Any], camera: str
) -> None:
    assert facts(signals=seen(picture), **words).camera.value == camera


def test_of_several_pictures_the_camera_counts_that_more_is_made_of() -> None:
    assert facts(signals=(*seen("other_mobile"), *seen("body_worn"))).camera.value == "body_worn"


@pytest.mark.parametrize(
    ("camera", "timing"), [("body_worn", "real_time"), ("dash_mounted", "real_time"), ("other_mobile", "unknown")]
)
def test_a_live_picture_of_a_worn_or_mounted_camera_needs_nobody(camera: Camera, timing: str) -> None:
    assert facts(signals=seen(camera), fr=0.9, live=0.9, rt=0.1).timing.value == timing
    assert facts(signals=seen(camera), fr=0.1, live=0.9, rt=0.1).timing.value == "unknown"


@pytest.mark.parametrize(
    ("police", "fr", "actor"), [(True, 0.9, "law_enforcement"), (True, 0.4, "unknown"), (False, 0.9, "unknown")]
)
def test_a_camera_of_the_police_is_enough_for_an_actor_with_facial_recognition_only(
    police: bool, fr: float, actor: str
) -> None:
    assert facts(signals=seen("body_worn", police=police), fr=fr).actor.value == actor


def test_a_camera_of_the_police_is_remembered_and_says_so() -> None:
    kept = memory_of(Reading(signals=seen("body_worn", police=True)), NEW, LIMITS)
    assert (kept.camera, kept.camera_score, kept.has_police_camera) == ("body_worn", 1.0, True)
    found = facts(before=kept, fr=0.9)
    assert (found.actor.value, found.actor.source, found.camera.source) == ("law_enforcement", "session", "session")


# --- pictures of one camera

ONE_CAMERA = Stream("/image")
LIVE_STREAM = Stream("/image", live="realtime session")


def test_pictures_of_one_camera_alone_say_nothing_of_when() -> None:
    for tenant in (NOBODY, US_POLICE):
        found = facts(tenant, stream=ONE_CAMERA, image=True, fr=0.9, body=0.9, live=0.4, rt=0.1)
        assert found.timing.value == "unknown"
        assert found.timing.source == "pictures (one camera)"


def test_pictures_of_one_camera_support_words_that_are_nearly_sure_of_live_recognition() -> None:
    scores: dict[str, Any] = {"fr": 0.9, "body": 0.9, "live": 0.6, "rt": 0.4}
    found = facts(stream=ONE_CAMERA, image=True, **scores)

    assert facts(image=True, **scores).timing.value == "unknown"
    assert (found.camera.value, found.timing.value) == ("body_worn", "real_time")
    assert "pictures (one camera)" in found.timing.source


def test_a_live_stream_is_real_time_and_shows_where() -> None:
    found = facts(stream=LIVE_STREAM, image=True, fr=0.9, dash=0.9)

    assert (found.act.value, found.camera.value, found.timing.value) == (
        "facial_recognition", "dash_mounted", "real_time",
    )  # fmt: skip
    assert found.timing.source == "pictures (realtime session)"
    assert [item.pointer for item in found.timing.evidence] == ["/image"]


def test_a_live_stream_without_recognition_or_of_no_known_camera_makes_nobody_real_time() -> None:
    assert facts(stream=LIVE_STREAM, image=True, body=0.9).timing.value == "unknown"
    assert facts(stream=LIVE_STREAM, image=True, fr=0.9).timing.value == "unknown"
    assert facts(US_POLICE, stream=LIVE_STREAM, image=True).timing.value == "real_time"
