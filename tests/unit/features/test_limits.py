"""What is built lies within what is declared possible, so that no account is refused for its own features."""

from __future__ import annotations

from segmentwerk.registry.package import SLACK


def test_features_of_the_book_lie_within_their_limits(table):
    numbers = [feature for feature in table.catalogue if feature.kind == "numeric"]
    assert len(numbers) > 20
    for feature in numbers:
        least, most = feature.possible
        known = table.features[feature.name].dropna()
        assert known.between(least - SLACK, most + SLACK).all(), feature.name
