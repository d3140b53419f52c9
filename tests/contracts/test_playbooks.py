"""Every shipped playbook names what there is, and all its texts can be filled in, in both languages."""

from datetime import date
from math import nan

import pytest
import yaml

from segmentwerk.activation.playbook import fill, insist
from segmentwerk.core.activation_settings import PlaybookSettings
from segmentwerk.core.paths import config_root
from segmentwerk.features.table import catalogue

CONF = config_root() / "conf"
PLAYBOOKS = sorted((CONF / "playbook").glob("*.yaml"))
GOALS = [path.stem for path in (CONF / "goal").glob("*.yaml")]
BARE = {
    "segment": "s",
    "traits": [],
    "accounts": 1,
    "revenue": nan,
    "potential": nan,
    "offers": [],
    "item": "",
}


def read(path):
    return PlaybookSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_there_is_something_to_test():
    assert PLAYBOOKS
    assert len(read(CONF / "playbook" / "b2b.yaml").measures) >= 12


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_it_names_only_what_there_is(path):
    playbook = read(path)
    assert playbook.name == path.stem
    names = [feature.name for feature in catalogue()]
    insist(playbook, features=names, segments=[], goals=GOALS, currency=playbook.currency)


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "facts", [{}, {"item": "safety", "offers": ["safety", "office"]}], ids=["bare", "full"]
)
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_text_can_be_filled_in_whatever_is_known(path, facts, language):
    for key, measure in read(path).measures.items():
        for words in (measure.message, measure.offer):
            text = fill(getattr(words, language), BARE | {"as_of": date(2026, 1, 1)} | facts, key)
            assert text
            assert text[-1] not in " ,"


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_what_takes_nobodys_time_costs_no_hours(path):
    for measure in read(path).measures.values():
        if not measure.channels:
            assert measure.cost == measure.hours == 0
