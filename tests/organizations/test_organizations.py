"""Names, domains and tags: every entry of the data, its near miss, and what no entry was written for."""

from __future__ import annotations

import re
from typing import cast

import pytest

from safe_azure_openai import countries
from safe_azure_openai.organizations import classify_domain, classify_name, classify_tag, entries, plain
from safe_azure_openai.tenant import SECTORS

POLICE = "law_enforcement"
Entry = dict[str, object]


def params(file: str, kind: str) -> list[object]:
    return [pytest.param(entry, id=str(entry["hit"])) for entry in entries(file, kind)]


def sector_of(match: object) -> str:
    return str(getattr(match, "sector", "none"))


@pytest.mark.parametrize("entry", params("police_domains", "domain"))
def test_each_domain_of_the_police_is_known_and_its_near_miss_is_not(entry: Entry) -> None:
    match = classify_domain(str(entry["hit"]))

    assert match is not None
    assert match.sector == POLICE
    assert match.country == entry.get("country") or entry.get("country") == "of domain"
    assert sector_of(classify_domain(str(entry["near_miss"]))) != POLICE


@pytest.mark.parametrize("entry", params("police_domains", "domain"))
def test_each_pattern_of_a_domain_matches_its_own_example(entry: Entry) -> None:
    pattern = r"([^.]+\.)*" + re.escape(str(entry["pattern"]))
    pattern = pattern.replace(r"\*", "[^.]*").replace(r"\?", "[a-z]")

    assert re.fullmatch(pattern, str(entry["hit"]))


@pytest.mark.parametrize("entry", params("police_names", "name"))
def test_each_name_of_the_police_is_known_and_its_near_miss_is_not(entry: Entry) -> None:
    match = classify_name(str(entry["hit"]))

    assert match is not None
    assert match.sector == POLICE
    # The country that an entry of many countries leaves open may be told by another entry or by a place in the name.
    country = entry.get("country", entry.get("hit_country"))
    assert match.country == (None if country == "XK" else country)
    assert sector_of(classify_name(str(entry["near_miss"]))) != POLICE


@pytest.mark.parametrize("entry", params("places", "place"))
def test_each_place_tells_the_country_of_an_agency_and_its_near_miss_does_not(entry: Entry) -> None:
    match = classify_name(str(entry["hit"]))
    near_miss = classify_name(str(entry["near_miss"]))

    assert match is not None
    assert match.sector == POLICE
    assert match.country == entry["country"]
    assert near_miss is not None
    assert near_miss.country is None


@pytest.mark.parametrize("entry", params("not_police", "name"))
def test_what_only_speaks_of_the_police_is_none_of_theirs(entry: Entry) -> None:
    assert sector_of(classify_name(str(entry["hit"]))) != POLICE
    assert sector_of(classify_name(str(entry["near_miss"]))) == POLICE


@pytest.mark.parametrize("entry", params("sectors", "domain"))
def test_each_domain_of_another_sector_is_known_and_its_near_miss_is_not(entry: Entry) -> None:
    match = classify_domain(str(entry["hit"]))

    assert match is not None
    assert match.sector == entry["sector"]
    assert match.country == entry.get("country") or entry.get("country") == "of domain"
    assert sector_of(classify_domain(str(entry["near_miss"]))) != entry["sector"]


@pytest.mark.parametrize("entry", params("sectors", "name"))
def test_each_name_of_another_sector_is_known_and_its_near_miss_is_not(entry: Entry) -> None:
    assert sector_of(classify_name(str(entry["hit"]))) == entry["sector"]
    assert sector_of(classify_name(str(entry["near_miss"]))) != entry["sector"]


@pytest.mark.parametrize("entry", entries("tags", "key"), ids=lambda entry: str(entry["field"]))
def test_each_kind_of_tag_is_read_and_its_near_miss_is_not(entry: Entry) -> None:
    hit, near_miss = cast("dict[str, str]", entry["hit"]), cast("dict[str, str]", entry["near_miss"])
    field, value, _ = next(classify_tag(hit["key"], hit["value"]))

    assert field == entry["field"]
    assert value == hit.get("sector", hit["value"])
    assert POLICE not in [value for _, value, _ in classify_tag(near_miss["key"], near_miss["value"])]
    assert field != "country" or not list(classify_tag(near_miss["key"], near_miss["value"]))


@pytest.mark.parametrize("entry", entries("tags", "value"), ids=lambda entry: str(entry["sector"]))
def test_each_value_of_a_tag_is_known_and_its_near_miss_is_not(entry: Entry) -> None:
    assert [value for _, value, _ in classify_tag("industry", str(entry["hit"]))] == [entry["sector"]]
    assert entry["sector"] not in [value for _, value, _ in classify_tag("industry", str(entry["near_miss"]))]


def test_other_tags_say_nothing() -> None:
    assert list(classify_tag("environment", "Tulsa Police Department")) == []


def test_a_tag_with_the_name_of_an_agency_tells_its_country() -> None:
    told = {field: value for field, value, _ in classify_tag("Customer_Name", "Lake County Sheriff's Office")}

    assert told == {"serves": POLICE, "country": "US"}


def test_every_entry_says_where_it_comes_from_and_what_it_means() -> None:
    for file, kind in (
        ("police_domains", "domain"),
        ("police_names", "name"),
        ("places", "place"),
        ("not_police", "name"),
        ("sectors", "domain"),
        ("sectors", "name"),
    ):
        for entry in entries(file, kind):
            assert str(entry["source"]).startswith("https://"), entry
            assert entry.get("country", "US") in countries.CODES | {"of domain", "XK"}, entry
            assert entry.get("usually", "US") in countries.CODES, entry
            assert "country" not in entry or "usually" not in entry, entry
            assert entry.get("sector", POLICE) in SECTORS, entry
            assert set(entry) <= {
                "pattern",
                "country",
                "usually",
                "sector",
                "hit",
                "hit_country",
                "near_miss",
                "source",
                "unless",
            }, entry


def test_no_pattern_stands_twice() -> None:
    for file, kind in (("police_domains", "domain"), ("police_names", "name"), ("not_police", "name")):
        patterns = [entry["pattern"] for entry in entries(file, kind)]
        assert len(patterns) == len(set(map(str, patterns)))


def test_the_police_of_thirty_countries_and_more_are_known_by_domain_and_by_name() -> None:
    domains = {entry.get("country") for entry in entries("police_domains", "domain")} - {None, "of domain"}
    names = {entry.get("country") for entry in entries("police_names", "name")} - {None}

    assert len(domains) >= 50
    assert len(names) >= 30


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sûreté du Québec", "surete du quebec"),
        ("Lake County Sheriff’s  Office", "lake county sheriffs office"),
        ("U.S. Marshals", "us marshals"),
        ("Ｐｏｌｉｃｅ", "police"),
        ("मुंबई पुलिस", "मुंबई पुलिस"),
        ("서울경찰청", "서울경찰청"),
    ],
)
def test_names_are_compared_without_what_people_write_differently(one: str, other: str) -> None:
    assert plain(one) == other


@pytest.mark.parametrize("name", ["", " ", "\x00", "a" * 100_000, "police " * 10_000, "(" * 999])
def test_a_name_of_any_shape_is_judged_in_no_time(name: str) -> None:
    import time

    began = time.perf_counter()
    classify_name(name)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "domain", ["", ".", "..", "a" * 9999, "xn--", "xn--a", "police.uk.", "POLICE.UK", "xn--b1aew.xn--p1ai"]
)
def test_a_domain_of_any_shape_is_judged(domain: str) -> None:
    match = classify_domain(domain)

    assert (match is not None) == (domain.strip(".").lower() in {"police.uk", "xn--b1aew.xn--p1ai"})
