"""The plan's pages: all is told in both languages, without an id, and texts of the data stay texts."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from segmentwerk.data.privacy import pseudonymise
from segmentwerk.insight.language import Language, catalogue
from segmentwerk.reporting import plan as pages
from small_campaign import planned, playbook

KEY = b"k" * 32
NAMES = {"en": "Whom to call first", "de": "Wen zuerst anrufen"}


def written(tmp_path, code="en", made=None, measures=None):
    made = made or planned(language=code)
    about = pages.PlanOrigin("source", "digest", "models:/m/1", playbook(measures))
    paths = pages.write(made, about, tmp_path, Language(code, "EUR"), KEY)
    return [path.read_text(encoding="utf-8") for path in paths]


@pytest.mark.parametrize("code", ["en", "de"])
def test_both_pages_tell_of_every_segment_and_measure(tmp_path, code):
    for text in written(tmp_path, code):
        assert NAMES[code] in text
        for number in (1, 2, 3):
            assert f"Segment {number}: name {number}" in text
        for name in ("win", "mail", "nurture"):
            assert (name.upper() if code == "de" else name) in text


def test_accounts_stand_under_pseudonym(tmp_path):
    first = planned().segments[0].first["account_id"].iloc[0]
    for text in written(tmp_path):
        assert not re.search(r"id-\d{3}", text)
        assert pseudonymise([first], KEY)[0] in text


def test_the_same_plan_gives_the_same_bytes(tmp_path):
    assert written(tmp_path / "a") == written(tmp_path / "b")


def test_texts_of_the_data_stay_texts(tmp_path):
    made = planned()
    evil = replace(made.segments[0], name="<script>alert(1)</script> [x](http://x.example) | a")
    html, text = written(tmp_path, made=replace(made, segments=(evil, *made.segments[1:])))
    assert "<script>" not in html
    assert "<script>" not in text
    assert "[x](" not in text


def test_what_is_missing_is_said(tmp_path):
    made = replace(planned(), absent={"margin": "no_margin", "margin_rate": "no_margin"})
    page, _ = written(tmp_path, made=made)
    assert "Not computed: margin and margin rate, because the orders have no margin." in page
    assert "1 accounts have no segment" in page
    _, german = written(tmp_path, "de", made)
    assert "weil die Aufträge keine Marge nennen" in german


def test_figures_of_very_few_accounts_are_not_told():
    made = planned()
    few = replace(made.segments[0], figures={**made.segments[0].figures, "accounts": 4.0})
    of = pages.OfSegments(made, pages.PlanOrigin("s", "d", "m", playbook()), Language("en", "EUR"), KEY)
    assert dict(of.facts(few))["revenue"] == "-"
    assert dict(of.facts(made.segments[0]))["revenue"] != "-"


def test_nothing_fits_is_told_of(tmp_path):
    book = {"rest": {**playbook().measures["mail"].model_dump(), "when": {"stances": ["let_go"]}}}
    html, _ = written(tmp_path, made=planned(book), measures=book)
    assert html.count("No measure of the playbook fits this segment.") == 3


def test_every_text_of_the_plan_is_used():
    folder = Path(pages.__file__).parent
    said = "\n".join(
        path.read_text(encoding="utf-8") for path in folder.rglob("plan*") if path.suffix in (".py", ".j2")
    )
    said += (folder.parent / "activation" / "figures.py").read_text(encoding="utf-8")
    made_up = {"focus", "keep", "let_go", "email", "phone", "post", "visit", "portal", "ads"}
    prefixes = ("by_", "unit_", "kind_", "power_")
    unused = [
        key
        for key in catalogue()["plan"]
        if key not in made_up and not key.startswith(prefixes) and not re.search(rf"\b{key}\b", said)
    ]
    assert unused == []
