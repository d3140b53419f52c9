"""The segment report: complete in both languages, self-contained, accessible in its structure, and silent
about whom it describes."""

import html
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from segmentwerk.core.types import Gate, Interval
from segmentwerk.insight.language import Language
from segmentwerk.measurement.learned_effects import LearnedCampaign, LearnedEffect
from segmentwerk.reporting import pages

pytestmark = pytest.mark.xdist_group("report")
ENGLISH, GERMAN = Language("en", "EUR"), Language("de", "EUR")
DAY = date(2025, 9, 8)
VOID = {"meta", "link", "img", "br"}


class Outline(HTMLParser):
    """Collects what a screen reader goes by, and fails on tags that do not close."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.ids, self.targets = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        self.targets += [found["href"][1:]] if found.get("href", "").startswith("#") else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, name):
        return [found for tag, found in self.tags if tag == name]


def to_html(story, language, pictures=()):
    return pages.report(story, pictures, language)


@pytest.fixture(scope="module")
def english(tell, draw):
    return to_html(tell(ENGLISH), ENGLISH, draw(tell(ENGLISH), ENGLISH))


@pytest.fixture(scope="module")
def german(tell, draw):
    return to_html(tell(GERMAN), GERMAN, draw(tell(GERMAN), GERMAN))


@pytest.mark.parametrize("language", ["english", "german"])
def test_the_page_has_the_structure_that_a_screen_reader_needs(language, request):
    page = Outline(request.getfixturevalue(language))
    assert page.all("html")[0]["lang"] == language[:2].replace("ge", "de")
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("nav")) == 1
    assert all(picture["alt"] and picture["src"].startswith("data:image/png") for picture in page.all("img"))
    assert len(page.all("img")) == 6
    assert all("scope" in head for head in page.all("th"))
    assert len(page.ids) == len(set(page.ids))
    assert set(page.targets) <= set(page.ids)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_the_page_loads_nothing_from_elsewhere(english):
    assert not re.search(r"(src|href)=\"(?!data:|#)", english)
    assert "url(" not in english
    assert english.count("<script>") == english.count("<script") == 1, "the page's own, which scrolls"


def test_the_report_says_what_is_to_be_decided_and_why(english):
    for words in (
        "Shall version 2 of b2b-segments replace the present champion, version 1?",
        "1 of 2 candidates passed every gate.",
        "k-means won with 4 segments and a mean rank of 1.00 by held-out gain and agreement of refits.",
        "within one standard error of the best rank: RFM grid.",
        "ahead of the baseline RFM grid in 90% of the paired",
        "0.300 (0.250\xa0…\xa00.350)",
        "G002 Every segment comes back",
        "G002 Every segment comes back: an overlap of at least 0.60",
        '<td class="failed">failed (0.40)</td>',
        '<td class="not_applicable">does not apply</td>',
        "The segments are reproducible: the same cut comes back",
        'autoencoder took no part. What the program said: <span lang="en">It did not fit.</span>',
        "Against version 1, 50 of 400 accounts (12.5%) move, that is, get another segment id; "
        "they hold 50,000\xa0EUR of the revenue (12.5%). 50 of them only follow their segment",
        "split: 13 thirteen becomes 13",
        "Why 4 segments:</strong> The search tried 2 to 6 segments with k-means",
        "<strong>held-out gain</strong>: how much better the segments describe accounts",
        "Prospects by segment",
        "60% came right (30% by always naming the largest segment)",
        "demo &lt;test&gt;",
    ):
        assert words in english, words


def test_a_card_tells_everything_about_its_segment(tell, english):
    card = tell(ENGLISH).cards[1]
    section = english[english.index('id="segment-12"') : english.index('id="segment-13"')]
    for words in (
        f"Segment 12: {card.segment.name}",
        f"{card.segment.accounts} accounts",
        ENGLISH.number(card.revenue, "money"),
        ENGLISH.number(card.potential, "money"),
        card.segment.rule,
        "(recall)",
        "linear discriminant analysis",
        "Typical of 25 accounts",
        "unstable: it overlaps only 0.50",
    ):
        assert words in section, words
    assert len(card.segment.name.split(", ")) == 3
    assert card.potential == pytest.approx(100.0 * card.segment.accounts)


def test_a_small_segment_is_warned_of(english):
    assert "small: 10.0% of the accounts (120); at least 15.0% is asked" in english


def test_the_german_report_is_german_in_words_and_numbers(german):
    for words in (
        "Zu entscheiden",
        "Segmentkarten",
        "0,300 (0,250\xa0…\xa00,350)",
        "12,5\xa0%",
        "31.01.2026",
        "1.200 Kunden",
    ):
        assert words in german, words


def test_the_cards_are_markdown_too(tell):
    page = pages.segment_cards(tell(ENGLISH), ENGLISH)
    assert page.count("\n## Segment ") == 4
    assert "| Effect size |" in page
    assert "<" not in page.replace("demo <test>", "")


def test_nothing_tells_who_the_accounts_are(tell, english, german):
    for page in (english, german, pages.segment_cards(tell(GERMAN), GERMAN)):
        assert "Planted" not in page


def test_what_the_champions_segments_earned_is_told_if_it_was_measured(tell, english):
    one = LearnedCampaign(
        "autumn", "demo", "b2b-segments", "1", "", "converted", "EUR", DAY, DAY, "one_arm",
        (LearnedEffect(11, "discount", 0.03, 0.01, 0.05, 900, chosen=True, name="regulars"),),
    )  # fmt: skip
    measured = to_html(tell(ENGLISH, earned=(one,)), ENGLISH)
    for words in ("What the champion&#39;s segments earned", "11 regulars", "+3.0 points"):
        assert words in measured
    assert "segments earned" not in to_html(tell(ENGLISH), ENGLISH)


def test_without_a_champion_there_is_no_migration(tell, proposal):
    first = replace(proposal, standing="champion", cause="vacant", comparison=None)
    alone = tell(ENGLISH, replaced=None, proposal=first, moves=None, prospects=None)
    page = to_html(alone, ENGLISH)
    assert "Version 2 of b2b-segments is the champion. Does it stay?" in page
    assert 'id="migration"' not in page
    assert 'id="prospects"' not in page


def test_prospects_of_whom_too_little_is_known_have_a_sentence_and_no_empty_table(tell):
    some = tell(ENGLISH)
    nobody = replace(some.prospects, by_segment=some.prospects.by_segment.head(0), left_out=40)
    page = to_html(replace(some, prospects=nobody), ENGLISH)
    section = page.partition('<section aria-labelledby="prospects">')[2].partition("</section>")[0]
    assert "None of the 40 prospects" in section
    assert "<table" not in section
    assert "<table" in to_html(some, ENGLISH).partition('id="prospects"')[2].partition("</section>")[0]


def test_what_is_unknown_is_a_dash(tell, proposal):
    story = tell(ENGLISH)
    unknown = replace(story.cards[0], revenue=float("nan"), potential=float("nan"), discriminant=None)
    nothing = replace(proposal, version=None, standing="unregistered", cause="off")
    page = to_html(replace(story, cards=[unknown], proposal=nothing), ENGLISH)
    assert "nan" not in re.sub(r"base64,[^\"]*", "", page)
    assert "Nothing was registered" in page
    assert "Tracking is off" in page


def test_both_files_are_written_whole(tell, tmp_path):
    page, cards = pages.write_report(tell(GERMAN), (), tmp_path / "report", GERMAN)
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert cards.read_text(encoding="utf-8").startswith("# Segmentkarten")
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["cards.md", "report.html"]


def test_factors_are_told_by_the_features_that_they_stand_for(tell):
    factors = {"frequency+n_products": ("frequency", "n_products"), "trend": ("trend",)}
    few = {"factors": factors, "faint": ("return_rate",), "in_turn": True}
    english, german = (to_html(tell(language, of_data=few), language) for language in (ENGLISH, GERMAN))
    assert "1,200 customers are few for so many features" in english
    assert "orders so far and products bought</strong> (orders so far, products bought)" in english
    assert "without weight: return rate." in english
    assert "each was held out in turn" in english
    assert "Aufträge bisher und gekaufte Produkte</strong> (Aufträge bisher, gekaufte Produkte)" in german
    assert "ohne Gewicht: Retourenquote." in german
    assert "jeder einmal zurückgehalten" in german
    assert "few for so many" not in to_html(tell(ENGLISH), ENGLISH)


def test_a_version_whose_scorecard_failed_is_promoted_with_a_reason_only(tell, proposal):
    failed = Gate("P001", "Passed", "failed", "G006.", facts={"failed": "G006", "count": 1, "total": 7})
    page = html.unescape(to_html(tell(ENGLISH, proposal=replace(proposal, gates=(failed,))), ENGLISH))
    assert 'segmentwerk promote 2 --force reason="WHY"' in page
    assert "1 of 7 failed (G006)" in page
    assert "Against it: P001 Passed its scorecard." in page
    assert "--force" not in to_html(tell(ENGLISH), ENGLISH)


def test_the_decision_opens_the_report_with_what_changes_and_measures_beside_limits(english, german):
    opening = html.unescape(english[: english.index('id="why"')]).replace("\xa0", " ")
    for words in (
        "32 of 1,200 customers (2.7%) change segment; with them 100,000 EUR of 5,000,000 EUR revenue (2.0%).",
        "-0.020 (-0.040 … +0.010)",
        "-7.0% (-15.0% … +3.0%)",
        "at most 25.0%",
        'segmentwerk promote 2 --reject reason="WHY"',
    ):
        assert words in opening, words
    assert "Soll Version 2 von b2b-segments das gültige Modell, Version 1, ablösen?" in german
    assert "32 von 1.200 Kunden (2,7\xa0%) wechseln das Segment" in german


def test_behind_is_called_behind(tell, selection):
    differences = {
        "separation/gain": Interval(-0.053, -0.1, 0.02),
        "stability/agreement": Interval(0.2, 0.1, 0.3),
    }
    item = replace(selection.comparisons[0], differences=differences)
    page = to_html(tell(ENGLISH, selection=replace(selection, comparisons=(item,))), ENGLISH)
    assert "held-out gain: behind by 0.053 (-0.020\xa0…\xa00.100)" in page
    assert "agreement of refits: ahead by 0.200" in page
    assert "by -0" not in page


def test_the_rule_of_thumb_is_called_one(tell, selection):
    story = tell(ENGLISH, selection=replace(selection, rule_of_thumb=True))
    assert "So the rule of thumb," in to_html(story, ENGLISH)
    assert "not groups that were found" in to_html(story, ENGLISH)
    assert "keine gefundenen Gruppen" in to_html(story, GERMAN)
