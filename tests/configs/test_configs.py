"""Every yaml and every experiment composes, is accepted by its settings, and names what exists."""

from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.object_type import ObjectType
from omegaconf import OmegaConf

from segmentwerk import config
from segmentwerk.activation.priorities import RANKED
from segmentwerk.cli import VERBS
from segmentwerk.confining import ExperimentFiles, confined
from segmentwerk.contest.candidates import build
from segmentwerk.core import settings as schema
from segmentwerk.core.activation_settings import ActivationSettings
from segmentwerk.core.analysis_settings import AnalysisSettings
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.paths import config_root
from segmentwerk.overrides import quoted

CONF = config_root() / "conf"
EXPERIMENTS = sorted((config_root() / "experiments").glob("*.yaml"))
SEGMENTERS = sorted((CONF / "segmenter").glob("*.yaml"))
SOURCES = sorted((CONF / "source").glob("*.yaml"))
SINKS = sorted((CONF / "sink").glob("*.yaml"))
GOALS = sorted((CONF / "goal").glob("*.yaml"))
PLAYBOOKS = sorted((CONF / "playbook").glob("*.yaml"))
CONCEPTS = sorted((CONF / "concepts").glob("*.yaml"))
DEFAULTS = {
    "activation": ActivationSettings,
    "analysis": AnalysisSettings,
    "evaluation": schema.EvaluationSettings,
    "features": schema.FeatureSettings,
    "quality": schema.QualitySettings,
    "registry": schema.RegistrySettings,
    "report": schema.ReportSettings,
    "tracking": schema.TrackingSettings,
    "tuning": schema.TuningSettings,
}


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGMENTWERK_HOME", str(tmp_path))
    OmegaConf.register_new_resolver("segmentwerk_home", lambda: str(tmp_path), replace=True)
    with confined():
        yield


def settings(verb, *overrides, **more):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose(verb, list(overrides))
    return config.parse(getattr(config, VERBS[verb][0]), composed, **more)


def build_kmeans(override):
    composed = settings("compare", override)
    return build(composed.segmenters["kmeans"], {}, min_share=0.02, seed=1)


def stem(path: Path) -> str:
    return path.stem


def test_there_is_something_to_test():
    assert len(EXPERIMENTS) >= 2
    assert len(SEGMENTERS) >= 4
    assert len(SOURCES) >= 3
    assert len(GOALS) >= 2
    assert PLAYBOOKS


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_composes(verb):
    assert settings(verb).home.is_absolute()


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_without_overrides_gets_the_defaults_of_its_settings_class(verb):
    composed, root = settings(verb), getattr(config, VERBS[verb][0])
    for name, field in root.model_fields.items():
        if not field.is_required() and (verb, name) != ("activate", "sink"):  # a yaml fills it: csv
            assert getattr(composed, name) == field.get_default(call_default_factory=True), name


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=stem)
def test_every_experiment_composes_and_asks_its_question(experiment):
    assert "# Question: " in experiment.read_text()
    composed = settings("compare", f"+experiments={experiment.stem}", "++source.path=somewhere")
    assert composed.segmenters


def test_of_what_stands_beside_conf_experiments_alone_are_a_group():
    files = ExperimentFiles("experiments", f"experiments://{config_root()}")
    assert files.list("", None) == ["experiments"]
    assert files.list("experiments", ObjectType.CONFIG) == [path.stem for path in EXPERIMENTS]
    assert files.list("experiments", ObjectType.GROUP) == []
    assert not files.is_config("conf/compare")


def test_a_checkout_needs_no_symlink():
    """Windows and archives of a repository make files of them."""
    assert [path for path in CONF.rglob("*") if path.is_symlink()] == []


@pytest.mark.parametrize("sink", SINKS, ids=stem)
def test_every_sink_is_accepted(sink):
    address = ["sink.url=duckdb://w.duckdb"] if sink.stem == "warehouse" else []
    assert settings("activate", f"sink={sink.stem}", *address).sink.name == sink.stem


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sink=warehouse", r"Config key 'sink': a table needs an address: sink\.url="),
        ("+sink.files.measures.delimeter=x", "Unknown config key.*Did you mean 'delimiter'"),
        ("sink.files.measures.key=[acount_id]", "'acount_id' is none of its columns .*'account_id'"),
        ("+sink.files.measures.channels=[mail]", "'mail': Input should be 'email', 'phone'"),
    ],
)
def test_a_sink_that_cannot_be_is_refused(override, message):
    with pytest.raises(ConfigError, match=message):
        settings("activate", override)


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_every_source_is_accepted(source):
    composed = settings("data", f"source={source.stem}", "++source.path=somewhere")
    assert composed.source.name == source.stem


@pytest.mark.parametrize("goal", GOALS, ids=stem)
def test_every_goal_is_accepted(goal):
    composed = settings("compare", f"goal={goal.stem}").goal
    assert composed.name == goal.stem
    assert set(composed.priorities) <= set(RANKED)


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=stem)
def test_every_playbook_is_accepted(playbook):
    assert settings("activate", f"playbook={playbook.stem}").playbook.name == playbook.stem


@pytest.mark.parametrize("concepts", CONCEPTS, ids=stem)
def test_all_concepts_are_accepted(concepts):
    assert settings("analyse", f"concepts={concepts.stem}").concepts.name == concepts.stem


@pytest.mark.parametrize("segmenter", SEGMENTERS, ids=stem)
def test_every_segmenter_instantiates(segmenter):
    spec = settings("train", f"segmenter={segmenter.stem}").segmenter
    model = build(spec, {}, min_share=0.02, seed=1)
    assert type(model).__module__ == spec.target.rpartition(".")[0]


@pytest.mark.parametrize("group", DEFAULTS)
def test_the_default_yaml_says_what_the_settings_class_says(group):
    written = yaml.safe_load((CONF / group / "default.yaml").read_text())
    assert DEFAULTS[group].model_validate(written) == DEFAULTS[group]()
    assert set(written) == set(DEFAULTS[group].model_fields), "every key can be overridden without '+'"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("+seeed=3", ["seeed", "seed"]),
        ("+evaluation.n_split=3", ["evaluation.n_split", "n_splits"]),
        ("evaluation.holdout_share=2", ["evaluation.holdout_share", "less than 0.9"]),
        ("seed=abc", ["seed", "integer"]),
        ("tuning.sampler=magic", ["tuning.sampler", "tpe"]),
        ("segmenters.kmeans._target_=os.system", ["_target_"]),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(override, words):
    with pytest.raises(ConfigError) as raised:
        build_kmeans(override)
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize("verb", VERBS)
def test_the_variable_of_mlflow_names_the_store_of_every_verb_where_none_is_given(
    verb, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    team = settings(verb, tracking_uri="sqlite:///team.db").tracking
    assert team.uri == f"sqlite:///{tmp_path}/team.db", "MLflow, too, takes it from the working directory"
    assert (
        settings(verb, "tracking.uri='http://h:5'", tracking_uri="http://team").tracking.uri == "http://h:5"
    )
    assert settings(verb).tracking.uri is None


@pytest.mark.parametrize(
    ("storage", "store"),
    [
        ("sqlite:///{home}/mlflow/mlflow.db", "null"),
        ("sqlite:///{home}/mlflow/../mlflow/mlflow.db", "null"),
        ("sqlite:///{home}/mlflow/mlflow.db", "'http://h:5000'"),
        ("sqlite:///{home}/mine.db", "'sqlite:///mine.db'"),
        ("postgres://me:secret@db/all", "'postgresql://you:other@db:5432/all'"),
    ],
)
@pytest.mark.parametrize("verb", ["tune", "compare"])
def test_studies_are_not_kept_in_the_database_of_mlflow(verb, storage, store, tmp_path):
    with pytest.raises(ConfigError, match=r"tuning\.storage=.* of their own") as refusal:
        settings(verb, f"tuning.storage='{storage.format(home=tmp_path)}'", f"tracking.uri={store}")
    assert "secret" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


def test_studies_may_be_kept_beside_it(tmp_path):
    for storage in (f"sqlite:///{tmp_path}/mlflow/studies.db", "postgresql://db/studies", "nonsense"):
        assert settings("tune", f"tuning.storage='{storage}'").tuning.storage == storage


@pytest.mark.parametrize(
    "name",
    [
        "b2b.segments",
        "b2b/segments",
        "Anna's segments",
        "a:b",
        "100%",
        'x"y',
        "a?b",
        " a",
        "",
        "..",
        "x" * 300,
    ],
)
@pytest.mark.parametrize("verb", ["compare", "promote"])
def test_a_models_name_that_mlflow_would_refuse_at_the_end_is_refused_at_once(verb, name):
    with pytest.raises(ConfigError, match=r"registry\.model_name=.*Allowed are letters, digits"):
        settings(verb, f"registry.model_name={quoted(name)}")


@pytest.mark.parametrize("name", ["b2b-segments", "Kunden Süd_2", "7"])
def test_a_models_name_of_letters_is_accepted(name):
    assert settings("compare", f"registry.model_name={quoted(name)}").registry.model_name == name


@pytest.mark.parametrize("name", ["", "  ", "x" * 501])
def test_an_experiments_name_that_mlflow_would_refuse_is_refused_at_once(name):
    with pytest.raises(ConfigError, match=r"tracking\.experiment="):
        settings("train", f"tracking.experiment={quoted(name)}")
    assert not settings(
        "train", f"tracking.experiment={quoted(name)}", "tracking.enabled=false"
    ).tracking.enabled


def test_no_password_is_shown_of_a_wrong_value():
    with pytest.raises(ConfigError, match=r"seed") as refusal:
        settings("train", "seed='postgres://me:secret@host/db'")
    assert "secret" not in str(refusal.value)
