"""`segmentwerk analyse`: each method from a source to page and run, and every refusal."""

import re
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from command_line import in_process, segmentwerk

QUICK = [
    "analysis.conjoint.max_classes=2",
    "analysis.conjoint.folds=2",
    "analysis.conjoint.starts=1",
    "analysis.conjoint.mixed_draws=32",
    "analysis.conjoint.draws=200",
]


CONJOINT = pytest.mark.xdist_group("conjoint")  # one process fits the choices, once for all


@pytest.fixture(scope="session")
def choosing(tmp_path_factory):
    """A folder of CSV files: accounts, and choices among three products."""
    folder = tmp_path_factory.mktemp("choosing")
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 2, (80, 8, 3, 3))
    utility = x @ [-2.0, 1.0, 0.5] + rng.gumbel(size=x.shape[:3])
    rows = []
    for account, task, alternative in np.ndindex(x.shape[:3]):
        chosen = int(utility[account, task].argmax() == alternative)
        for name, value in zip(["price", "speed", "support"], x[account, task, alternative], strict=True):
            rows.append((f"secret-{account:03d}", f"t{task}", f"p{alternative}", chosen, name, value))
    columns = ["account_id", "task_id", "alternative_id", "chosen", "attribute", "value"]
    choices = pd.DataFrame(rows, columns=columns)
    choices.to_csv(folder / "choices.csv", index=False)
    choices[["account_id"]].drop_duplicates().assign(industry="steel").to_csv(
        folder / "accounts.csv", index=False
    )
    return ["source=csv_folder", f"source.path={folder}", "source.as_of=2026-01-01"]


@pytest.fixture(scope="session")
def simulated(choosing, tmp_path_factory):
    home = tmp_path_factory.mktemp("simulated")
    words = ["analyse", "method=conjoint", *choosing, *QUICK, "analysis.conjoint.cost=price"]
    done = segmentwerk(*words, "concepts=example", "report.language=de", home=home)
    assert done.code == 0, done.stderr
    return done


def page_of(done):
    return Path(done.summary["page"]["html"]).read_text(encoding="utf-8")


def artifacts(done, folder):
    store = f"sqlite:///{done.home}/mlflow/mlflow.db"
    client = mlflow.MlflowClient(store, registry_uri=store)
    client.download_artifacts(done.summary["run_id"], "", str(folder))
    return client.get_run(done.summary["run_id"])


@CONJOINT
def test_a_conjoint_is_told_in_german(simulated):
    page = page_of(simulated)
    assert '<html lang="de">' in page
    assert "Zahlungsbereitschaft" in page
    assert "Was die neuen Produkte nehmen" in page
    assert "Wie sich Kunden unterscheiden" in page
    assert page.count("<img ") == 2
    assert simulated.summary["result"]["accounts"] == 80
    assert simulated.summary["result"]["hits_aggregate"] > simulated.summary["result"]["hits_chance"]


@CONJOINT
def test_the_run_holds_numbers_tables_and_page_but_no_id(simulated, tmp_path):
    run = artifacts(simulated, tmp_path)
    assert run.info.status == "FINISHED"
    assert run.data.tags["verb"] == "analyse"
    assert run.data.tags["method"] == "conjoint"
    assert run.data.metrics["conjoint/tasks"] == 640
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {
        "tables/mixed_logit.csv",
        "tables/partworths.csv",
        "tables/shares_of_preference.csv",
        "analysis/analysis.html",
    } <= files
    assert {"figures/importance.png", "figures/shares.png", "config.yaml"} <= files
    said = [str({**run.data.tags, **run.data.params})]
    said += [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert not any("secret-" in text for text in said)


@CONJOINT
def test_twice_the_same_gives_the_same_page(simulated, choosing):
    words = ["analyse", "method=conjoint", *choosing, *QUICK, "analysis.conjoint.cost=price"]
    again = segmentwerk(*words, "concepts=example", "report.language=de", home=simulated.home)
    assert page_of(again) == page_of(simulated)


@pytest.mark.parametrize("of", ["surveys", "accounts"])
def test_factors_of_the_demo(of, home):
    done = segmentwerk("analyse", "source.accounts=500", f"analysis.factors.of={of}", home=home)
    assert done.code == 0, done.stderr
    page = page_of(done)
    assert "Cronbach" in page
    assert page.count("<img ") == 2
    assert done.summary["result"]["factors"] >= 2
    assert not re.search(r"\bnan\b", page)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["method=affinity"], ["method=affinity", "model=models:/b2b-segments@champion"]),
        (["method=conjont"], ["'method'", "conjoint"]),
        (["method=conjoint", "source.accounts=60"], ["'demo'", "'choices'", "source.tables"]),
        (["method=perceptual_map", "source.accounts=60"], ["'surveys'", "0 objects", "'brand: attribute'"]),
        (["+concepts.products.a.price=1"], ["concepts"]),
        (["++analysis.conjoint.csot=price"], ["csot", "Did you mean 'cost'?"]),
        (["analysis.conjoint.attributes={a:[b]}"], ["analysis.conjoint.attributes", "plus before the key"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused_in_one_message(given, words, home, monkeypatch, capsys):
    done = in_process("analyse", *given, home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("segmentwerk: ")
    for word in words:
        assert word in last


def test_a_concept_of_an_unknown_attribute_is_refused_before_the_fits(choosing, home, monkeypatch, capsys):
    words = ["analyse", "method=conjoint", *choosing, "concepts=example", "+concepts.products.plain.colour=1"]
    done = in_process(*words, home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "concepts.products.plain: 'colour' is no attribute of the choices. Known: price" in done.stderr


def spoilt(choosing, folder, spoil):
    """The arguments for the same folder with other choices."""
    path = Path(choosing[1].partition("=")[2])
    spoil(pd.read_csv(path / "choices.csv")).to_csv(folder / "choices.csv", index=False)
    (folder / "accounts.csv").write_bytes((path / "accounts.csv").read_bytes())
    return [choosing[0], f"source.path={folder}", choosing[2]]


@pytest.mark.parametrize(
    ("spoil", "more", "words"),
    [
        (lambda rows: rows.drop(columns="chosen"), [], ["'choices' has no column 'chosen'"]),
        (
            lambda rows: rows.rename(columns={"attribute": "atribute"}),
            [],
            ["Column 'atribute' of table 'choices'", "'attribute'?"],
        ),
        (
            lambda rows: rows.assign(chosen=rows["chosen"].where(rows.index != 6, 2)),
            [],
            ["choices.csv row 7: chosen is not 0 or 1"],
        ),
        (lambda rows: rows[rows["account_id"] == "secret-001"], [], ["0 accounts", "a few accounts"]),
        (lambda rows: rows.assign(value=1.0), [], ["No attribute of the choices varies within a task"]),
        (
            lambda rows: rows[rows["alternative_id"] == "p0"],
            [],
            ["640 have one alternative", "source.choices.form=difference"],
        ),
        (lambda rows: rows, ["source.choices.form=difference"], ["640 of 640 tasks", "form=long"]),
    ],
    ids=["column", "misspelt", "chosen", "one respondent", "constant", "alternative", "form"],
)
def test_choices_that_cannot_be_are_refused_and_nothing_is_left(
    spoil, more, words, choosing, home, tmp_path, monkeypatch, capsys
):
    given = ["analyse", "method=conjoint", *spoilt(choosing, tmp_path, spoil), *more]
    pages = set(home.rglob("analysis*"))
    done = in_process(*given, home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("segmentwerk: ")
    assert [word for word in words if word not in last] == []
    assert "secret-" not in done.stderr
    assert set(home.rglob("analysis*")) == pages


@pytest.mark.parametrize("method", ["affinity", "segment_map", "product_map"])
def test_methods_that_tell_of_segments(method, comparison, monkeypatch, capsys):
    words = ["source.accounts=500", "analysis.map.permutations=19", "report.language=de"]
    words = ["analyse", f"method={method}", *words, "model=models:/b2b-segments@champion"]
    done = in_process(*words, home=comparison.home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 0, done.stderr
    page = page_of(done)
    assert '<html lang="de">' in page
    assert "Segmente nach" in page
    assert not re.search(r"\bnan\b", page)
