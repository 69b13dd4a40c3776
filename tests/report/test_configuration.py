"""Laws of docs/configuration.md: it is what config.py says, whole."""

from dataclasses import fields

import pytest

from config import PROFILES, Config
from report.configuration import PAGE, Field, by_heading, fields_of, page

SECTIONS = {name: section for sections in by_heading().values() for name, section in sections.items()}


def test_the_committed_page_is_the_one_that_the_config_gives() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "config.py has changed: run make docs"


def test_every_section_stands_under_one_of_the_three_headings() -> None:
    assert list(by_heading()) == ["compared", "tuned", "fixed"]
    assert list(SECTIONS) == [item.name for item in fields(Config)]


@pytest.mark.parametrize("name", SECTIONS)
def test_every_field_has_its_default_and_a_meaning(name: str) -> None:
    described = fields_of(SECTIONS[name])
    assert [item.name for item in described] == [item.name for item in fields(SECTIONS[name])]
    assert all(item.meaning and item.type and item.default for item in described)


def test_a_comment_above_a_field_is_its_meaning_where_none_stands_behind_it() -> None:
    pooling = next(item for item in fields_of(SECTIONS["model"]) if item.name == "pooling")
    assert pooling.default == '"mean"' and pooling.meaning.startswith("How the states become one vector; padding never counts.")
    assert fields_of(SECTIONS["data"])[0] == Field("source", "str", '"auto"', fields_of(SECTIONS["data"])[0].meaning)


def test_every_profile_has_what_it_costs_and_reaches() -> None:
    for name, profile in PROFILES.items():
        assert f"| `{name}` | {profile.note} | {profile.minutes} | {profile.accuracy} |" in page()
