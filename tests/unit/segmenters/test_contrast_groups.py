"""Contrast groups: the splits by hand, what noise gives, and what is planted."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f_oneway

from segmentwerk.core.errors import FitError
from segmentwerk.segmenters import _chaid
from segmentwerk.segmenters.contrast_groups import ContrastGroupsSegmenter

SURE = _chaid.Splitting(alpha=0.05, alpha_merge=0.05, min_rows=5)


def moments(*groups):
    parts = [np.asarray(group, dtype=float) for group in groups]
    codes = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return _chaid._Moments.of(codes, np.concatenate(parts), np.arange(len(parts)))


def test_p_values_are_those_of_the_analysis_of_variance():
    groups = [1, 2, 4, 2], [2, 3, 5, 7], [9, 4, 6, 8, 7]
    between, log_p = moments(*groups).test()
    assert np.exp(log_p) == pytest.approx(f_oneway(*groups).pvalue)
    means = [np.mean(group) for group in groups]
    whole = np.mean(np.concatenate(groups))
    expected = sum(len(g) * (m - whole) ** 2 for g, m in zip(groups, means, strict=True))
    assert between == pytest.approx(expected)
    pair = moments(*groups).differences(np.array([0]), np.array([2]))
    assert np.exp(pair[0]) == pytest.approx(f_oneway(groups[0], groups[2]).pvalue)


@pytest.mark.parametrize(
    ("n_classes", "n_groups", "ordered", "ways"),
    [(4, 2, True, 3), (10, 3, True, 36), (4, 2, False, 7), (5, 3, False, 25), (6, 6, False, 1)],
)
def test_ways_to_merge_are_those_of_kass(n_classes, n_groups, ordered, ways):
    """Binomial coefficients for neighbours, Stirling numbers of the second kind for any two."""
    assert _chaid._ways(n_classes, n_groups, ordered=ordered) == ways


def test_neighbours_are_merged_and_any_two_where_there_is_no_order():
    rng = np.random.default_rng(0)
    classes = moments(*(mean + rng.normal(size=80) for mean in (0, 3, 0, 3)))
    assert _chaid._merged(classes, False, 4, SURE).members == [[0, 2], [1, 3]]
    assert len(_chaid._merged(classes, True, 4, SURE).members) == 4
    assert len(_chaid._merged(classes, True, 2, SURE).members) == 2


def test_a_class_that_is_too_small_joins_its_like():
    rng = np.random.default_rng(0)
    classes = moments(rng.normal(size=50), 3 + rng.normal(size=3), 5 + rng.normal(size=50))
    assert _chaid._merged(classes, False, 3, SURE).members == [[0], [1, 2]]


@pytest.fixture(scope="module")
def planted():
    """The highest three tenths of f3 do well; of the others those of the levels 1 and 4 do."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(2000, 12)), columns=[f"f{i}" for i in range(12)])
    level = rng.integers(0, 6, len(rows))
    for number in range(6):
        rows[f"country={number}"] = (level == number) * 1.0
    truth = np.where(rows["f3"] > rows["f3"].quantile(0.7), 2, np.where(np.isin(level, [1, 4]), 1, 0))
    return rows, truth, np.array([0.0, 1.5, 3.0])[truth] + rng.normal(size=len(rows))


def test_planted_rules_come_back_and_nothing_else(planted):
    rows, truth, outcome = planted
    found = ContrastGroupsSegmenter(8, alpha_merge=0.001).fit(rows, outcome)
    assert found.n_segments_ == 3
    assert sorted(found.columns_) == ["country", "f3"]
    crossed = pd.crosstab(truth, found.labels_).to_numpy()
    assert crossed.max(axis=1).sum() == len(rows)
    assert "3 of 8 groups" in found.notes_[0]
    levels = {tuple(np.flatnonzero(leaf)) for leaf in found.allowed_["country"].T}
    assert levels == {(0, 1, 3, 4, 6), (2, 5), tuple(range(7))}  # 0 is none of the levels


def test_as_many_as_asked_for_the_most_telling_first(planted):
    rows, truth, outcome = planted
    two = ContrastGroupsSegmenter(2).fit(rows, outcome)
    assert two.n_segments_ == 2
    assert pd.crosstab(truth == 2, two.labels_).to_numpy().max(axis=1).sum() == len(rows)


TITANIC = {
    ("female", 1): (5, 139),
    ("female", 2): (12, 94),
    ("female", 3): (110, 106),
    ("male", 1): (118, 61),
    ("male", 2): (146, 25),
    ("male", 3): (418, 75),
}
"""Who died and who survived, by sex and class: the 1,309 passengers that `CHAID` describes itself with."""


def test_the_published_tree_of_the_titanic():
    """The tree that `CHAID` 5.5.1 prints: women by each class, men of the first class apart from the others.

    Of an outcome of 0 and 1, the share of variance explained times the number of rows is Pearson's
    chi-square: 365.89 for sex, 115.70 for the classes of women, 33.00 for those of men.
    """
    people = [
        (*key, alive) for key, counts in TITANIC.items() for alive in (0, 1) for _ in range(counts[alive])
    ]
    rows = pd.DataFrame(people, columns=["sex", "class", "survived"])
    survived = rows["survived"].to_numpy(dtype=np.float64)
    known = rows[["class"]].astype(float).assign(**{"sex=male": (rows["sex"] == "male") * 1.0})
    found = ContrastGroupsSegmenter(5).fit(known, survived)
    groups = rows.groupby(found.labels_).apply(lambda one: set(zip(one["sex"], one["class"], strict=True)))
    published = [{("female", 1)}, {("female", 2)}, {("female", 3)}, {("male", 1)}, {("male", 2), ("male", 3)}]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, published))
    male = (rows["sex"] == "male").to_numpy()
    chi_squares = [
        chi_square(survived, male),
        chi_square(survived[~male], found.labels_[~male]),
        chi_square(survived[male], found.labels_[male]),
    ]
    assert chi_squares == pytest.approx([365.886948, 115.702703, 33.004018])


def chi_square(outcome, groups):
    codes = pd.factorize(groups)[0]
    between, _ = moments(*(outcome[codes == code] for code in range(codes.max() + 1))).test()
    return between / outcome.var()


def test_an_outcome_that_nothing_tells_of_makes_no_groups():
    """Over 200 draws, groups are as rare as said, and surely explain less than 1% of other rows."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(400, 10)), columns=[f"f{i}" for i in range(10)])
    explained = []
    for _ in range(200):
        outcome = rng.exponential(size=400)
        try:
            found = ContrastGroupsSegmenter(4).fit(rows[:200], outcome[:200])
        except FitError:
            continue
        means = found.outcomes_[found.members_.argmax(axis=0)]
        rest = outcome[200:]
        explained.append(
            1 - ((rest - means[found.predict(rows[200:])]) ** 2).sum() / ((rest - rest.mean()) ** 2).sum()
        )
    assert len(explained) <= 20
    assert np.mean(explained) + 1.96 * np.std(explained, ddof=1) / np.sqrt(len(explained)) < 0.01


def test_without_an_outcome_it_says_what_is_missing(planted):
    with pytest.raises(FitError, match="no later outcome"):
        ContrastGroupsSegmenter().fit(planted[0])
    with pytest.raises(FitError, match="one number"):
        ContrastGroupsSegmenter().fit(planted[0], np.full(len(planted[0]), np.nan))
