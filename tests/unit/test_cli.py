"""The command line: help without weight, exit codes, one message for each mistake."""

import subprocess
import sys

import pytest

from segmentwerk.cli import VERBS, _positional


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
        (["train", "seed=="], ["seed"]),
    ],
)
def test_a_mistake_gets_one_message_and_exit_code_2(arguments, words, tmp_path):
    done = run(*arguments, env={"SEGMENTWERK_HOME": str(tmp_path), "PATH": ""})
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    "account", ["12", "007", "1_000", "true", "Müller & Söhne, KG", "O'Neil", "a\\b", "a\\", "a\\'b"]
)
def test_an_account_is_taken_as_it_is_written(account):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    action, subject = OverridesParser.create().parse_overrides(_positional("data", ["forget", account]))
    assert action.value() == "forget"
    assert subject.value() == account
