"""Names are refused before hours of computing, not at the end of them."""

import pytest

from segmentwerk.core.errors import ConfigError
from segmentwerk.tracking.names import insist_on_experiment, insist_on_model


@pytest.mark.parametrize("name", ["b2b-segments", "Kunden Süd", "m", "segments_2026", "a" * 100])
def test_names_that_mlflow_takes_pass(name):
    insist_on_model(name)
    insist_on_experiment(name)


@pytest.mark.parametrize(
    "name",
    ["", " ", "a/b", "a:b", "b2b.segments", "50%", "a?", "Anna's", 'a"b', " a", "a ", "a\nb", "ä" * 101],
)
def test_a_model_s_name_that_its_address_cannot_carry_is_refused(name):
    with pytest.raises(ConfigError, match="model_name=") as refused:
        insist_on_model(name)
    assert "Allowed are" in str(refused.value)


@pytest.mark.parametrize("name", ["", "  ", "e" * 501])
def test_an_experiment_s_name_that_mlflow_refuses_is_refused(name):
    with pytest.raises(ConfigError, match="experiment="):
        insist_on_experiment(name)
