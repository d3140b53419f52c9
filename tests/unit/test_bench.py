"""The command behind `make bench`: every benchmark once on the code as it is, even if interrupted."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = "print('BENCH good ours=1'); open('ran.txt', 'a').write('good ')"
BAD = "print('BENCH half ours=1'); open('ran.txt', 'a').write('bad '); raise SystemExit(3)"


@pytest.fixture
def bench(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("bench", ROOT / "experiments" / "bench.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path / "experiments" / "benchmarks"
    for path in (folder, tmp_path / "src", tmp_path / "conf"):
        path.mkdir(parents=True)
        (path / "code.txt").write_text("one", encoding="utf-8")
    for name, text in (("bad", BAD), ("good", GOOD)):
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    for words in (["init", "-q"], ["add", "."], [*WHO, "commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(module, "SCRIPTS", {path.stem: path for path in sorted(folder.glob("*.py"))})
    monkeypatch.setattr(sys, "argv", ["bench.py"])
    return module


WHO = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]


def test_all_run_though_one_fails_and_only_that_one_again(bench, tmp_path, capsys):
    assert bench.main() == 1
    told = capsys.readouterr().out.splitlines()
    assert told[-3:-1] == ["BENCH half ours=1", "BENCH good ours=1"]
    assert told[-1].startswith("FAILED bad: see ")
    assert bench.main() == 1
    assert (tmp_path / "ran.txt").read_text(encoding="utf-8").split() == ["bad", "good", "bad"]


def test_changed_code_is_measured_anew(bench, tmp_path):
    bench.main()
    (tmp_path / "src" / "code.txt").write_text("two", encoding="utf-8")
    bench.main()
    assert (tmp_path / "ran.txt").read_text(encoding="utf-8").split() == ["bad", "good"] * 2


def test_the_end_says_where_the_table_of_one_without_lines_lies(bench, tmp_path, capsys, monkeypatch):
    table = tmp_path / "experiments" / "benchmarks" / "table.py"
    table.write_text("print('| a | b |')", encoding="utf-8")
    monkeypatch.setattr(bench, "SCRIPTS", {"table": table})
    assert bench.main() == 0
    (kept,) = (tmp_path / "kept").rglob("table.txt")
    assert capsys.readouterr().out.splitlines()[-1] == f"TABLE table: see {kept}"


def test_a_benchmark_that_is_not_there_is_named_before_anything_runs(bench, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench.py", "good", "goood"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "There is no benchmark goood; there are bad, good." in capsys.readouterr().err
    assert not (tmp_path / "ran.txt").exists()


def test_smaller_sizes_are_of_benchmarks_that_exist(bench):
    names = {path.stem for path in (ROOT / "experiments" / "benchmarks").glob("*.py")}
    assert set(bench.SMALLER) <= names
