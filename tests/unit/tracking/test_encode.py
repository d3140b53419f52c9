import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param_name

from segmentwerk.core.errors import InputError
from segmentwerk.core.records import Artifact, Dataset, Description, Metric, Param, Tag, Text
from segmentwerk.tracking.encode import MAX_NAME, MAX_NOTE, MAX_PARAM, MAX_TAG, NOTE, encode, legal


def test_records_become_one_batch(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("x")
    dataset = Dataset("d", "demo", "abc", 3)
    batch = encode(
        [
            Param("k", 4),
            Metric("separation/gain", 0.1, step=2),
            Tag("winner", "kmeans"),
            Description("# Hi"),
            Text("report/cards.md", "x"),
            Artifact(file, "plots"),
            dataset,
        ]
    )
    assert batch.params == {"k": "4"}
    assert batch.metrics == [("separation/gain", 0.1, 2)]
    assert batch.tags == {"winner": "kmeans", NOTE: "# Hi"}
    assert batch.texts == {"report/cards.md": "x"}
    assert batch.artifacts == [(str(file), "plots")]
    assert batch.datasets == [dataset]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no .*a\.png to log"):
        encode([Artifact(tmp_path / "a.png")])


def test_later_records_of_one_name_win():
    assert encode([Param("k", 4), Param("k", 5)]).params == {"k": "5"}


def test_what_is_no_number_becomes_a_tag_that_says_so():
    batch = encode(
        [Metric("a", math.nan), Metric("b", math.inf), Metric("c", -math.inf, step=3), Metric("d", 1)]
    )
    assert batch.metrics == [("d", 1.0, 0)]
    assert batch.tags == {"undefined.a": "nan", "undefined.b": "inf", "undefined.c": "-inf at step 3"}


def test_long_values_are_cut_and_kept_whole_as_artifacts():
    long = "ä" * 9000
    batch = encode([Param("p", long), Tag("t", long), Description(long)])
    assert len(batch.params["p"]) == MAX_PARAM
    assert batch.params["p"].endswith("(whole: artifact params/p.txt)")
    assert len(batch.tags["t"]) == MAX_TAG
    assert len(batch.tags[NOTE]) == MAX_NOTE
    assert batch.texts == {"params/p.txt": long, "tags/t.txt": long, "description.md": long}


@settings(deadline=None)
@given(st.text(min_size=1))
def test_every_name_becomes_one_that_mlflow_accepts(name):
    _validate_param_name(legal(name))
    _validate_metric_name(legal(name))
    assert len(legal(name)) <= MAX_NAME


@settings(deadline=None)
@given(st.text(min_size=1), st.text(min_size=1))
def test_different_names_stay_different(one, other):
    assert (legal(one) == legal(other)) == (one == other)


def test_names_that_are_legal_stay():
    assert legal("stability/prediction strength k=3".replace("=", ":")) == "stability/prediction strength k:3"
