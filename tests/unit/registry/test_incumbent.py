"""What a champion's segments are called, as its catalogue says."""

import json
from dataclasses import asdict

from segmentwerk.core.types import Name, Trait
from segmentwerk.registry.incumbent import segment_name
from segmentwerk.shipped.model_catalogue import SegmentRecord


def test_a_name_comes_back_from_the_catalogue_as_it_went_in():
    traits = (
        Trait("monetary", "low"),
        Trait("country", level="DE"),
        Trait("survey_factor_1", parts=("q1", "-q2")),
    )
    name = Name(traits, number=7)
    called = json.loads(json.dumps(asdict(name)))
    assert segment_name(SegmentRecord(3, "…", called=called)) == name


def test_a_version_that_was_registered_with_texts_alone_keeps_them():
    assert segment_name(SegmentRecord(3, "hoher Umsatz, neu")) == Name(text="hoher Umsatz, neu")
