"""The command line: help without weight, exit codes, one message for each mistake."""

import shutil
import subprocess
import sys

import pytest

from command_line import in_process
from segmentwerk.cli import VERBS


def run(*arguments, **options):
    code = "import sys; from segmentwerk.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )


def test_help_lists_every_verb():
    done = run("--help")
    assert done.returncode == 0
    for verb in VERBS:
        assert f"\n  {verb}" in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], *[[verb, "--help"] for verb in VERBS]])
def test_help_loads_neither_torch_nor_mlflow(arguments):
    code = (
        "import sys, atexit\n"
        "def report():\n"
        "    heavy = {'torch', 'mlflow', 'pyspark', 'sklearn', 'optuna'} & set(sys.modules)\n"
        "    sys.stderr.write('HEAVY' + repr(sorted(heavy)))\n"
        "atexit.register(report)\n"
        "from segmentwerk.cli import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "HEAVY[]" in done.stderr
    assert "Examples" in done.stdout or arguments == ["--help"]


def test_completion_knows_verbs_and_groups():
    script = run("completion").stdout
    assert "compare train tune" in script
    environment = {"COMP_LINE": "segmentwerk segmenter=", "COMP_POINT": "22", "PATH": ""}
    words = run("train", "-sc", "query=bash", env=environment).stdout
    assert "segmenter=kmeans" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["comapre"], ["comapre", "compare"]),
        (["train", "seeed=3"], ["seeed", "seed"]),
        (["train", "+seeed=3"], ["seeed", "seed"]),
        (["train", "segmenter=kmeens"], ["kmeens", "kmeans"]),
        (["train", "evaluation.n_splits=many"], ["evaluation.n_splits", "integer"]),
        (["train", "source=online_retail"], ["source.path"]),
        (["train", "seed=="], ["seed=="]),
        (["train", "features.exclude=[Größe]"], ["features.exclude=['...','...']"]),
        (["train", "seed=${nowhere}"], ["'seed'", "nowhere", r"\${"]),
        (["train", "--resolve"], ["--resolve", "--cfg"]),
        (["train", "--config-dir=nowhere"], ["nowhere", "not found"]),
        (["train", "-cn", "nowhere"], ["nowhere"]),
        (["data", "check", ""], ["empty"]),
        (["score", "input="], ["input", "it is empty"]),
        (
            ["compare", "registry.model_name=b2b.segments"],
            ["registry.model_name", "'b2b.segments'", "Allowed"],
        ),
        (["promote", "registry.model_name=Anna's segments"], ["registry.model_name", "Anna's", "Allowed"]),
        (["train", "tracking.experiment= "], ["tracking.experiment"]),
    ],
)
def test_a_mistake_gets_one_message_and_exit_code_2(arguments, words, tmp_path, monkeypatch, capsys):
    done = in_process(*arguments, home=tmp_path, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2, done.stderr
    assert done.stderr.count("segmentwerk: ") == 1
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("arguments", [["data", "--cfg", "job"], ["promote", "--cfg", "job"]])
def test_the_config_is_shown(arguments, tmp_path, monkeypatch, capsys):
    done = in_process(*arguments, home=tmp_path, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 0, done.stderr
    assert "\ntracking:\n" in done.stdout
    assert not list(tmp_path.iterdir()), "nothing was run"


@pytest.mark.parametrize("before", [True, False])
def test_a_folder_of_ones_own_sources(before, tmp_path, monkeypatch, capsys):
    """From any folder, by a relative path with a blank in it."""
    folder = tmp_path / "my conf" / "source"
    folder.mkdir(parents=True)
    (folder / "shop.yaml").write_text("name: shop\npath: Größe 1\n")
    flag, rest = ["--config-dir", "my conf"], ["source=shop", "--cfg", "job"]
    monkeypatch.chdir(tmp_path)
    arguments = flag + rest if before else rest + flag
    done = in_process("data", "check", *arguments, home=tmp_path, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 0, done.stderr
    assert "path: Größe 1" in done.stdout


def test_the_variable_of_mlflow_is_read_by_the_command_line(home, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///team.db")
    monkeypatch.chdir(tmp_path)
    shutil.copy(home / "mlflow" / "mlflow.db", tmp_path / "team.db")
    done = in_process("sync", home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 0, done.stderr
    assert done.summary["store"] == f"sqlite:///{tmp_path}/team.db"


@pytest.mark.parametrize("word", ["debug=true", "++debug=True"])
def test_debug_shows_where_it_happened(word, tmp_path, monkeypatch, capsys):
    arguments = ["train", "source=csv_folder", word]
    done = in_process(*arguments, home=tmp_path, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2, "the exit code is the same"
    assert "Traceback" in done.stderr
    assert "segmentwerk: Source 'csv_folder' has no path." in done.stderr


def test_no_password_is_kept_in_the_summary(home, monkeypatch, capsys):
    monkeypatch.setenv("MY_PASSWORD", "secret")
    address = "source.url=postgres://me:${oc.env:MY_PASSWORD}@h/d"
    arguments = ["data", "features", "+" + address, "tracking.uri=http://me:secret@h"]
    done = in_process(*arguments, home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 0, done.stderr
    assert "tracking.uri='http://h'" in done.summary["overrides"]
    assert "secret" not in str(done.summary)
