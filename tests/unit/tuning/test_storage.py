import multiprocessing
import os
import shutil
import signal

import optuna
import pytest

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.settings import TuningSettings
from segmentwerk.tuning.execution.storage import earlier_studies, journal_path, open_storage, study_name

JOURNAL = TuningSettings()


def filled(study, home, settings=JOURNAL, values=(1.0, 2.0)):
    with open_storage(study, settings, home) as storage:
        created = optuna.create_study(storage=storage, study_name=study, load_if_exists=True)
        for value in values:
            created.tell(created.ask(), value)


def values(study, home, settings=JOURNAL):
    with open_storage(study, settings, home) as storage:
        return [trial.value for trial in optuna.load_study(study_name=study, storage=storage).trials]


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_studies_stay(tmp_path, kind):
    settings = JOURNAL if kind == "journal" else TuningSettings(storage=f"sqlite:///{tmp_path}/studies.db")
    filled("s", tmp_path, settings)
    filled("s", tmp_path, settings, values=(3.0,))
    assert values("s", tmp_path, settings) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("torn", [b'{"op_code":4,"wor', b"\n", b""])
def test_an_append_cut_short_is_dropped(tmp_path, torn):
    filled("s", tmp_path)
    path = journal_path("s", tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + torn.rstrip(b"\n"))
    filled("s", tmp_path, values=(3.0,))
    assert values("s", tmp_path) == [1.0, 2.0, 3.0]
    assert path.read_bytes().startswith(whole)


def test_the_mark_of_a_killed_append_is_not_waited_for(tmp_path):
    filled("s", tmp_path)
    (tmp_path / "studies" / "s.journal.lock").touch()
    assert values("s", tmp_path) == [1.0, 2.0]


def test_a_damaged_journal_is_named(tmp_path):
    filled("s", tmp_path)
    path = journal_path("s", tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"garbage\n", *lines[1:]]))
    with pytest.raises(InputError, match=r"s\.journal is damaged.*Remove it"):
        values("s", tmp_path)


def test_a_journal_belongs_to_one_process_at_a_time(tmp_path):
    with open_storage("s", JOURNAL, tmp_path):
        with pytest.raises(InputError, match=r"Study s is being run by another process.*tuning\.storage"):
            values("s", tmp_path)
        filled("other", tmp_path)
    filled("s", tmp_path)


def _hold(home, line):
    with open_storage("s", JOURNAL, home):
        line.send("held")
        signal.pause()


def test_a_killed_process_lets_go_of_its_journal(tmp_path):
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(tmp_path, theirs))
    process.start()
    assert ours.recv() == "held"
    with pytest.raises(InputError):
        filled("s", tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    filled("s", tmp_path)


def test_a_home_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "studies").write_text("in the way")
    with pytest.raises(InputError, match=r"Cannot write .*s\.journal"):
        values("s", tmp_path)


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_earlier_studies_share_the_name_but_not_the_digest(tmp_path, kind):
    settings = JOURNAL if kind == "journal" else TuningSettings(storage=f"sqlite:///{tmp_path}/studies.db")
    names = [
        study_name(name, digest * 64) for name, digest in [("a", "1"), ("a", "2"), ("a", "0"), ("ab", "1")]
    ]
    for name in [*names, study_name("a-a", "3" * 64)]:
        filled(name, tmp_path, settings)
    with open_storage(names[0], settings, tmp_path) as storage:
        found = earlier_studies(names[0], storage, tmp_path)
        assert [study.study_name for study in found] == [names[2], names[1]]
        assert found[0].trials[1].value == 2.0


def test_names_are_file_names():
    assert study_name("online retail/k means", "0123456789abcdef") == "online-retail-k-means-0123456789ab"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "not a database URL"),
        ("sqlite:////nowhere/at/all.db", "Cannot open .*unable to open"),
        ("postgresql://me:secret@127.0.0.1:1/none", "Cannot open"),
        ("postgres://me:secret@127.0.0.1:1/none", "Cannot open .*postgres"),
        ("postgresql://me:p@secret:word@127.0.0.1/none", "not a database URL"),
        ("mysql://me:secret@127.0.0.1:1/none", "needs a database driver.*pymysql"),
        ("oracle://me:secret@127.0.0.1/none", r"needs a database driver.*Use PostgreSQL"),
        ("nonsense://me:secret@127.0.0.1/none", r"needs a database driver.*Use PostgreSQL"),
    ],
)
def test_a_database_that_cannot_be_opened_is_named_without_its_password(tmp_path, monkeypatch, url, message):
    monkeypatch.setattr("segmentwerk.tuning.execution.storage.time.sleep", lambda _: None)
    with (
        pytest.raises(ConfigError, match=message) as refusal,
        open_storage("s", TuningSettings(storage=url), tmp_path),
    ):
        pass
    assert "secret" not in str(refusal.value)


def test_the_database_of_mlflow_is_refused_untouched(tmp_path, empty_database):
    copy = tmp_path / "shared.db"
    shutil.copy(empty_database, copy)
    before = copy.read_bytes()
    with (
        pytest.raises(ConfigError, match=r"tuning\.storage=.* is MLflow's database.*of their own"),
        open_storage("s", TuningSettings(storage=f"sqlite:///{copy}"), tmp_path),
    ):
        pass
    assert copy.read_bytes() == before
