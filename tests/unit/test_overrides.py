"""What the shell hands over reaches the settings unchanged, and Hydra's own language still works."""

import string
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from pydantic import TypeAdapter, ValidationError

from segmentwerk import config
from segmentwerk.cli import VERBS
from segmentwerk.config import DataSettings, PromoteSettings, ScoreSettings, TrainSettings, TuneSettings
from segmentwerk.core import settings as schema
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.paths import config_root
from segmentwerk.overrides import override, quoted, translate

NAMES = [
    "Kundenliste Süd.csv",
    "accounts (1).csv",
    "Umsatz, Mai.csv",
    "run=7.csv",
    "Angebote #42.csv",
    "orders[1].csv",
    "{a: 1}",
    "[a, b]",
    "choice(a,b)",
    'Anna\'s "best" customers.csv',
    "'a' and 'b'",
    '"',
    "'",
    "a\\",
    "C:\\new\\table.csv",
    "\\'",
    "12",
    "007",
    "1_000",
    "1e3",
    "true",
    "None",
    "nan",
    " leading and trailing ",
    "\ttab\nline",
    "50% of $HOME & more; rest | x > y",
    "${",
    "a ${b c} d",
    "📈 Süd.parquet",
    "名前.csv",
    "@a:b/c*?.csv",
    "-x",
    "~$lock.xlsx",
    "a" * 5000,
]


@pytest.fixture(scope="module")
def composed():
    """Compose the config of a verb from arguments, as the command line does."""
    OmegaConf.register_new_resolver("segmentwerk_home", lambda: "/home/of/tests", replace=True)
    with initialize_config_dir(str(config_root() / "conf"), version_base="1.3"):

        def make(verb, *arguments):
            root = getattr(config, VERBS[verb][0])
            return OmegaConf.to_container(compose(verb, translate(verb, arguments, root)), resolve=True)

        yield make


def test_a_text_is_taken_as_it_is_written(composed):
    given = [f"+source.tables.orders.columns.c{place}={name}" for place, name in enumerate(NAMES)]
    found = composed("data", *given)
    assert list(found["source"]["tables"]["orders"]["columns"].values()) == NAMES


@pytest.mark.parametrize("key", ["input", "output", "model", "home", "tracking.experiment", "tracking.uri"])
def test_keys_of_texts_take_signs(composed, key):
    found = composed("score", f"{key}=Süd, 'a' (1) #2.csv")
    for part in key.split("."):
        found = found[part]
    assert found == "Süd, 'a' (1) #2.csv"


@pytest.mark.parametrize("name", ["null", "007", "Müller & Söhne, KG", "'O'", "a\\", "${oc.env:HOME}"])
def test_a_word_after_the_verb_is_taken_as_it_is_written(composed, name):
    assert composed("data", "forget", name)["subject"] == name


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
@example("\\'\\")
@example("a\\\\'")
def test_any_text_comes_back(composed, name):
    meant = "${" in name or name == "???" or name[:1] + name[-1:] in ("''", '""')
    if not meant:  # by OmegaConf, or by who put it into quotes already
        assert composed("sync", f"tracking.experiment={name}")["tracking"]["experiment"] == name


@given(st.text(string.printable, min_size=1, max_size=20))
def test_what_is_quoted_is_that_text_to_hydra(name):
    if "${" in name:
        return
    [parsed] = OverridesParser.create().parse_overrides([f"key={quoted(name)}"])
    assert parsed.value() == name


@pytest.mark.parametrize(
    ("root", "argument"),
    [
        (ScoreSettings, "input='Kundenliste Süd.csv'"),
        (ScoreSettings, 'input="a, b.csv"'),
        (ScoreSettings, "input=null"),
        (ScoreSettings, "input=NULL"),
        (ScoreSettings, "input="),
        (ScoreSettings, "columns=[account_id,segment_id]"),
        (ScoreSettings, "source=csv_folder"),
        (ScoreSettings, "as_of=2025-01-01"),
        (TrainSettings, "segmenter=kmeans"),
        (TrainSettings, "segmenter@segmenters.mine=mine"),
        (TrainSettings, "+segmenter.params.n_segments=6"),
        (TrainSettings, "features.exclude=[email]"),
        (TrainSettings, "features.sites={a:[48.1,11.5]}"),
        (TrainSettings, "~source.path"),
        (TrainSettings, "~tracking"),
        (TrainSettings, "hydra.run.dir=/tmp/x"),
        (TrainSettings, "+experiments=online_retail"),
        (TrainSettings, "unknown=a (1)"),
        (TuneSettings, "tuning.timeout=null"),
        (DataSettings, "source.accounts=500"),
    ],
)
def test_what_hydra_understands_is_left_alone(root, argument):
    assert override(argument, root) == argument


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("source.path=a (1)", "source.path='a (1)'"),
        ("+source.path=a (1)", "+source.path='a (1)'"),
        ("++source.path=a (1)", "++source.path='a (1)'"),
        ("home=/Größe 1", "home='/Größe 1'"),
        ("source.inputs.orders.file=orders[1].csv", "source.inputs.orders.file='orders[1].csv'"),
        ("source.inputs.orders.delimiter=;", "source.inputs.orders.delimiter=';'"),
        ("source.inputs.orders.decimal=,", "source.inputs.orders.decimal=','"),
        ("source.inputs.orders.columns.Größe=text", "source.inputs.orders.columns.Größe='text'"),
        (
            "source.tables.orders.where=Status <> 'Angebot'",
            r"source.tables.orders.where='Status <> \'Angebot\''",
        ),
        ("source.tables.orders.reject.samples=null", "source.tables.orders.reject.samples=null"),
        ("source.url=postgres://me:${oc.env:PW}@h/d", "source.url='postgres://me:${oc.env:PW}@h/d'"),
        (r"source.path=\${x}", r"source.path='\${x}'"),
        ("source.path=${x", r"source.path='\${x'"),
        ("quality.blank_impossible=false", "quality.blank_impossible=false"),
    ],
)
def test_the_settings_say_which_keys_hold_texts(argument, expected):
    assert override(argument, TrainSettings) == expected


def test_null_is_a_name_where_a_key_cannot_be_null(composed):
    assert composed("promote", "reason=null")["reason"] == "null"
    assert composed("train", "tracking.uri=null")["tracking"]["uri"] is None


def test_a_reference_is_followed_and_can_be_escaped(composed, monkeypatch):
    monkeypatch.setenv("MY_REASON", "agreed, see minutes (3)")
    assert composed("promote", "reason=${oc.env:MY_REASON}")["reason"] == "agreed, see minutes (3)"
    assert composed("promote", r"reason=\${oc.env:MY_REASON}")["reason"] == "${oc.env:MY_REASON}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Süd,Nord", ["Süd", "Nord"]),
        ("Süd (1).csv, Nord.csv", ["Süd (1).csv", "Nord.csv"]),
        ("'a,b',c d", ["a,b", "c d"]),
        ("007,null", ["007", "null"]),
        ("Anna's,Ben's", ["Anna's", "Ben's"]),
        ("choice(a,b)", ["a", "b"]),
    ],
)
def test_a_multirun_parts_values_at_commas_outside_quotes(value, expected):
    flag, argument = translate("promote", ["-m", f"reason={value}"], PromoteSettings)
    [parsed] = OverridesParser.create().parse_overrides([argument])
    assert flag == "--multirun"
    swept = [f"key={text}" for text in parsed.sweep_string_iterator()]
    assert [one.value() for one in OverridesParser.create().parse_overrides(swept)] == expected


def test_a_multirun_of_one_value_is_that_value():
    assert (
        translate("promote", ["reason=a, b", "hydra.mode=MULTIRUN"], PromoteSettings)[0] == "reason='a','b'"
    )
    assert translate("promote", ["reason=a, b"], PromoteSettings) == ["reason='a, b'"]


@pytest.mark.parametrize(
    ("verb", "arguments", "expected"),
    [
        ("data", ["--cfg", "job"], ["--cfg=job"]),
        ("data", ["check", "-c", "job", "seed=1"], ["--cfg=job", "action='check'", "seed=1"]),
        ("data", ["--config-dir", "my conf", "check"], ["--config-dir=my conf", "action='check'"]),
        ("data", ["a=1", "--config-dir=c", "b=1", "-m"], ["--multirun", "--config-dir=c", "a=1", "b=1"]),
        ("data", ["check", "-cd", "c", "seed=1"], ["--config-dir=c", "action='check'", "seed=1"]),
        ("data", ["fetch", "--info", "plugins", "x"], ["--info=plugins", "action='fetch'", "subject='x'"]),
        ("data", ["check", "--info"], ["--info=all", "action='check'"]),
        ("data", ["--cfg", "job", "-p", "a.b", "check"], ["--cfg=job", "--package=a.b", "action='check'"]),
        ("data", ["-cn", "other", "check"], ["--config-name=other", "action='check'"]),
        ("promote", ["--cfg", "job"], ["--cfg=job"]),
        ("promote", ["3", "--reject"], ["version='3'", "action='reject'"]),
        ("promote", ["--rollback", "--config-dir", "reject"], ["--config-dir=reject", "action='rollback'"]),
        ("promote", ["4", "--force", "--reason=a, b"], ["version='4'", "force=true", "reason='a, b'"]),
        ("promote", ["--promote", "4"], ["action='promote'", "version='4'"]),
        ("promote", ["4", "reject"], ["version='4'", "action='reject'"]),
        ("data", ["--check", "--debug"], ["action='check'", "debug=true"]),
        ("train", ["--debug", "--seed=3"], ["debug=true", "seed=3"]),
        ("train", ["--help"], ["--help"]),
        ("train", ["seed=1", "--", "home=x"], ["seed=1", "home='x'"]),
    ],
)  # fmt: skip
def test_flags_are_told_from_words_wherever_they_stand(verb, arguments, expected):
    assert translate(verb, arguments, getattr(config, VERBS[verb][0])) == expected


@pytest.mark.parametrize(
    ("verb", "arguments", "words"),
    [
        ("data", ["check", ""], ["empty"]),
        ("train", ["kmeans"], ["'kmeans'", "key=value"]),
        ("data", ["fetch", "wholesale", "more"], ["'more'"]),
        ("score", ["input=Kundenliste", "Süd.csv"], ["'Süd.csv'", 'input="Kundenliste Süd.csv"']),
        ("train", ["--nonsense"], ["--nonsense", "train --help"]),
        ("promote", ["4", "--nonsense=1"], ["--nonsense", "promote --help"]),
        ("promote", ["4", "--reason", "why"], ["--reason"]),
        ("data", ["check", "--config-dir"], ["--config-dir"]),
        ("data", ["--cfg", "everything"], ["everything", "job"]),
        ("score", ["input=\udcfc.csv"], ["UTF-8"]),
    ],
)
def test_what_cannot_be_used_is_named(verb, arguments, words):
    with pytest.raises(ConfigError) as refusal:
        translate(verb, arguments, getattr(config, VERBS[verb][0]))
    for word in words:
        assert word in str(refusal.value)


REASONS = [
    "agreed in the meeting, see minutes (page 3)!",
    "Größere Segmente, übersichtlicher: so beschlossen",
    'Anna said: "not yet", but Bob\'s team needs it = now',
    "k=5 {three} [two] #1 50% ~ @ * ?",
    "!important",
    "a: b; c | d & e > f",
    "no\nreally",
]


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("key", ["reason=", "--reason="])
def test_a_reason_is_ordinary_prose(composed, reason, key):
    assert composed("promote", "3", f"{key}{reason}", "--force")["reason"] == reason
    assert composed("promote", f"{key}{reason}", "--reject")["action"] == "reject"


@pytest.mark.parametrize("verb", VERBS)
def test_every_switch_of_every_verb_is_a_flag(composed, verb):
    root = getattr(config, VERBS[verb][0])
    switches = [name for name, field in root.model_fields.items() if field.annotation is bool]
    assert "debug" in switches
    for name in switches:
        assert translate(verb, [f"--{name}"], root) == [f"{name}=true"]


def test_every_path_knows_the_home_directory():
    """A key that holds a path is declared as `UserPath`, so that ``~`` is understood."""
    paths = {
        (model, key): TypeAdapter(field.rebuild_annotation())
        for module in (config, schema)
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, schema.Settings)
        for key, field in model.model_fields.items()
        if Path in config._options(field.annotation)
    }
    assert len(paths) >= 4
    for key, adapter in paths.items():
        assert adapter.validate_python("~/a") == Path.home() / "a", key
        with pytest.raises(ValidationError, match="it is empty"):
            adapter.validate_python("")


def test_the_home_directory_is_understood(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = ScoreSettings.model_validate(
        {
            "home": "~/data",
            "model": "m",
            "input": "~/a.csv",
            "output": "~$a.csv",
            "source": {"name": "s", "path": "~", "inputs": {"orders": {"file": "o.csv"}}},
        }
    )
    assert found.home == tmp_path / "data"
    assert found.input == tmp_path / "a.csv"
    assert str(found.output) == "~$a.csv"
    assert found.source is not None
    assert found.source.path == tmp_path
