"""Packs of one's own: what is accepted, and how each mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from safe_azure_openai.errors import ConfigurationError
from safe_azure_openai.model.facts import Fact, Facts
from safe_azure_openai.policy import Policy
from safe_azure_openai.policy.pack import read_cases

RULE = """
[[rule]]
id = "no-drones"
order = 1
family = "other"
title = "drones"
citation = "our house rules, section 4"
url = "https://example.com/house-rules"
fix = "land"
why = "neighbours"
docs = '''
[[rule]]
order = 99
'''

[[rule.when]]
camera = ["other_mobile"]
"""
HEAD = 'id = "house-rules"\nversion = "1.2"\ntitle = "House rules"\n'


def write(folder: Path, text: str, name: str = "house.toml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def message(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Policy.load(write(folder, text))
    return str(caught.value)


def test_a_pack_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    policy = Policy.load(write(tmp_path, HEAD + RULE))

    assert [(ref.id, ref.version) for ref in policy.refs] == [("house-rules", "1.2")]
    assert [match.id for match in policy.evaluate(Facts(camera=Fact("other_mobile")))] == ["no-drones"]
    assert policy.evaluate(Facts(camera=Fact("fixed"))) == ()


def test_a_path_may_start_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path, HEAD + RULE)

    assert Policy.load("~/house.toml").refs[0].id == "house-rules"


def test_rules_are_put_in_their_order(tmp_path: Path) -> None:
    second = RULE.replace("no-drones", "no-dashcams").replace("order = 1\n", "order = 2\n")
    policy = Policy.load(write(tmp_path, HEAD + second + RULE))

    assert [rule.id for rule in policy.rules] == ["no-drones", "no-dashcams"]


def test_a_pack_extends_built_in_ones_and_files_beside_it(tmp_path: Path) -> None:
    write(tmp_path, HEAD + RULE)
    extending = 'id = "ours"\nversion = "1"\ntitle = "Ours"\nextends = ["azure-openai-2024-05", "./house.toml"]\n'
    policy = Policy.load(write(tmp_path, extending, "ours.toml"))

    assert [ref.id for ref in policy.refs] == ["azure-openai-2024-05", "house-rules", "ours"]
    assert len(policy.rules) == 4


def test_packs_that_extend_one_another_are_refused(tmp_path: Path) -> None:
    write(tmp_path, HEAD.replace("house-rules", "a") + 'extends = ["b.toml"]\n', "a.toml")
    write(tmp_path, HEAD.replace("house-rules", "b") + 'extends = ["a.toml"]\n', "b.toml")

    with pytest.raises(ConfigurationError, match="the packs extend one another: a -> b -> a"):
        Policy.load(str(tmp_path / "a.toml"))


def test_an_unknown_policy_is_named_with_the_choices_and_a_guess() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Policy.load("azure-openai-2024-06")

    assert "there is no policy 'azure-openai-2024-06'" in str(caught.value)
    assert "eu-ai-act-article-5" in str(caught.value)
    assert "did you mean 'azure-openai-2024-05'?" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"policy file '.*nowhere\.toml' cannot be read: No such file"):
        Policy.load(str(tmp_path / "nowhere.toml"))


def test_a_pack_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'id = "x"\ntitle = "caf\xe9"\n')

    with pytest.raises(ConfigurationError, match=r"latin\.toml, line 2: not UTF-8"):
        Policy.load(str(path))


BROKEN = {
    "not TOML": (HEAD + "oops", ["house.toml: not valid TOML", "line 4"]),
    "field missing": (HEAD + RULE.replace('fix = "land"\n', ""), ["line 5", "field rule.1.fix", "'fix' is missing"]),
    "pack field unknown": (
        HEAD + 'verison = "2"\n' + RULE,
        ["line 4", "no field 'verison'", "did you mean 'version'?"],
    ),
    "rule field unknown": (
        HEAD + RULE.replace("citation =", "citaton ="),
        ["line 10", "field rule.1.citaton", "did you mean 'citation'?"],
    ),
    "family unknown": (
        HEAD + RULE.replace('"other"', '"identificaton"'),
        ["line 8", "rule.1.family", "did you mean 'identification'?"],
    ),
    "id not kebab": (HEAD + RULE.replace("no-drones", "No Drones"), ["line 6", "rule.1.id", "joined by hyphens"]),
    "url not https": (HEAD + RULE.replace("https:", "http:"), ["line 11", "rule.1.url", "https://"]),
    "version not a number": (HEAD.replace("1.2", "new") + RULE, ["line 2", "field version", '"1.0.0"']),
    "title of two lines": (HEAD + RULE.replace('"drones"', '"a\\nb"'), ["line 9", "rule.1.title", "one line"]),
    "order not a number": (
        HEAD + RULE.replace("order = 1\n", 'order = "first"\n'),
        ["line 7", "rule.1.order", "integer"],
    ),
    "fact unknown": (
        HEAD + RULE.replace("camera =", "kamera ="),
        ["line 20", "field rule.1.when.1.kamera", "did you mean 'camera'?", "the facts are actor"],
    ),
    "value unknown": (
        HEAD + RULE.replace("other_mobile", "body_wron"),
        ["line 20", "'body_wron' is not a value of camera", "did you mean 'body_worn'?"],
    ),
    "no value": (HEAD + RULE.replace('["other_mobile"]', "[]"), ["line 20", "lists no value"]),
    "country unknown": (
        HEAD + RULE + 'country = ["UK"]\n',
        ["line 21", "'UK' is not a country", "did you mean 'GB'?"],
    ),
    "country without a guess": (
        HEAD + RULE + 'country = ["??"]\n',
        ["line 21", "'??' is not a country", "such as 'US'"],
    ),
    "value under unless": (
        HEAD + RULE + "unless = { setting = ['coperative'] }\n",
        ["line 21", "when.1.unless.setting", "did you mean 'cooperative'?"],
    ),
    "no fact": (HEAD + RULE.replace('camera = ["other_mobile"]\n', ""), ["line 19", "names no fact"]),
    "id twice": (HEAD + RULE + RULE.replace("order = 1\n", "order = 2\n"), ["rule.2.id", "line 23", "used twice"]),
    "order twice": (HEAD + RULE + RULE.replace("no-drones", "no-cars"), ["rule.2.order", "line 24", "used twice"]),
    "no rules": (HEAD, ["no rules", "[[rule]]"]),
    "no alternative": (HEAD + RULE.partition("[[rule.when]]")[0], ["rule.1.when", "line 5", "'when' is missing"]),
    "extends unknown": (HEAD + 'extends = ["azure-2024"]\n', ["line 4", "field extends.1", "no policy 'azure-2024'"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_pack_is_named_with_file_line_and_field(tmp_path: Path, name: str) -> None:
    text, expected = BROKEN[name]
    told = message(tmp_path, text)

    assert [part for part in ("house.toml", *expected) if part not in told] == [], told


# --- case files


def case_message(folder: Path, line: str) -> str:
    policy = write(folder, HEAD + RULE)
    (folder / "house.cases.jsonl").write_text("\n" + line + "\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_cases(policy)
    return str(caught.value)


def test_the_cases_of_ones_own_pack_stand_beside_it(tmp_path: Path) -> None:
    policy = write(tmp_path, HEAD + RULE)
    (tmp_path / "house.cases.jsonl").write_text(
        '{"facts": {"camera": "other_mobile"}, "verdict": "block", "rules": ["no-drones"], "note": "a drone"}\n',
        encoding="utf-8",
    )
    (case,) = read_cases(policy)

    assert (case.line, case.facts.camera.value, case.verdict, case.rules, case.note) == (
        1,
        "other_mobile",
        "block",
        ("no-drones",),
        "a drone",
    )


def test_a_missing_case_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"case file '.*house\.cases\.jsonl' cannot be read"):
        read_cases(write(tmp_path, HEAD + RULE))


def test_a_policy_in_a_home_folder_that_is_not_known_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"policy file '~nobody-of-that-name/p\.toml' cannot be read"):
        Policy.load("~nobody-of-that-name/p.toml")


def test_the_cases_of_an_unknown_policy_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="there is no policy 'nothing'"):
        read_cases("nothing")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "line 2: not valid JSON"),
        ('{"facts": {}, "verdict": "maybe", "rules": [], "note": "n"}', "line 2, field verdict"),
        ('{"facts": {"akt": "none"}, "verdict": "allow", "rules": [], "note": "n"}', "facts.akt: there is no fact"),
        ('{"facts": {"act": "non"}, "verdict": "allow", "rules": [], "note": "n"}', "facts.act: 'non' is not a value"),
    ],
)
def test_a_broken_case_is_named_with_file_and_line(tmp_path: Path, line: str, expected: str) -> None:
    told = case_message(tmp_path, line)

    assert "house.cases.jsonl" in told
    assert expected in told
