"""No page mixes the languages: of our own words, each page has those of its language alone."""

import re
from dataclasses import fields, is_dataclass
from html.parser import HTMLParser

import pytest

from segmentwerk.data.demo import world
from segmentwerk.insight.language import Language, catalogue
from segmentwerk.insight.words import level_of
from segmentwerk.reporting import pages

pytestmark = pytest.mark.xdist_group("report")
LANGUAGES = {code: Language(code, "EUR") for code in ("en", "de")}
OTHER = {"en": "de", "de": "en"}
UNSPOKEN = {"script", "style", "code"}


class Aloud(HTMLParser):
    """What a reader sees or hears of a page: its texts and those of its attributes, but not quotations."""

    def __init__(self, page):
        super().__init__()
        self.heard, self.silent = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.heard += [found[name] for name in ("alt", "aria-label", "title") if found.get(name)]
        if tag in UNSPOKEN or (tag != "html" and "lang" in found):
            self.silent.append(tag)

    def handle_endtag(self, tag):
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data):
        self.heard += [] if self.silent else [data]


def words(texts):
    """Return the words of texts, placeholders left out."""
    joined = re.sub(r"{[^}]*}", " ", " ".join(texts))
    return {word.lower() for word in re.findall(r"[^\W\d_]{3,}", joined)}


def our_own(code):
    """Return the words that we have in this language and not in the other one."""
    texts = {one: [] for one in OTHER}
    for section in catalogue().values():
        for entry in section.values():
            for one, text in entry.items():
                texts[one] += [text] if isinstance(text, str) else text
    return words(texts[code]) - words(texts[OTHER[code]])


def texts_of(value):
    """Yield every text in the plain data of a figure."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            if field.name != "name" or type(value).__name__ != "Figure":
                yield from texts_of(getattr(value, field.name))
    elif isinstance(value, dict):
        yield from texts_of([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from texts_of(entry)


@pytest.fixture(scope="module", params=["en", "de"])
def told(request, tell, draw, small_world):
    """A comparison told in a language, the segments named by a champion that was told in the other one.

    Returns the language's code, the story, its pictures, and the words of the source itself.
    """
    table, *_ = small_world
    champion = tell(LANGUAGES[OTHER[request.param]])
    names = {card.segment.id: card.segment.called for card in champion.cards}
    few = {"factors": {"frequency+n_products": ("frequency", "n_products")}, "faint": ("return_rate",)}
    story = tell(LANGUAGES[request.param], names=names, of_data=few)
    assert [card.segment.name for card in story.cards] != [card.segment.name for card in champion.cards]
    levels = [str(level) for name in table.names("categorical") for level in table.features[name].dropna()]
    spelt_out = [name.replace("_", " ") for name in table.names() if name not in catalogue()["features"]]
    pictures = draw(story, LANGUAGES[request.param])
    return request.param, story, pictures, words([*levels, *spelt_out, story.data.source])


def test_a_page_has_no_word_of_ours_in_the_other_language(told):
    code, story, pictures, of_source = told
    language = LANGUAGES[code]
    heard = words(Aloud(pages.report(story, pictures, language)).heard)
    heard |= words([pages.segment_cards(story, language)])
    assert len(heard & our_own(code)) > 100, "the test looks at nothing"
    assert (heard & our_own(OTHER[code])) - of_source == set()


def test_no_figure_has_one(told):
    code, _, pictures, of_source = told
    for figure, _ in pictures:
        heard = words(texts_of(figure))
        assert heard & our_own(code), figure.name
        assert (heard & our_own(OTHER[code])) - of_source == set(), figure.name


def test_every_level_of_the_demo_world_has_german_words():
    industries = [*world.INDUSTRIES, *(sub for subs in world.INDUSTRIES.values() for sub in subs)]
    levels = [
        *industries,
        *world.CATEGORIES,
        *world.CHANNELS,
        *world.OWNERSHIPS,
        *world.LEAD_SOURCES,
        *world.URBANITIES,
    ]
    known = catalogue()["levels"]
    assert [level for level in levels if level not in known] == []
    assert level_of("civil engineering", LANGUAGES["de"]) == "Tiefbau"


def test_german_texts_use_no_word_that_misleads():
    """*Gewinn* is profit; *Genauigkeit* is accuracy, not precision; *Trefferquote* may be either."""
    for section in catalogue().values():
        for key, entry in section.items():
            german = entry["de"] if isinstance(entry["de"], str) else " ".join(entry["de"])
            assert not re.search(r"\b(Gewinns?|Genauigkeit|Trefferquote)\b", german), key
