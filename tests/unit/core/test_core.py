"""Files whole or not at all, seeds that differ by name, errors that help."""

import pickle

import pytest

from segmentwerk.core.errors import ConfigError, GateError, InputError, SegmentwerkError, nearest
from segmentwerk.core.files import atomic_file, atomic_folder
from segmentwerk.core.seeds import derive


def break_off_while_writing(target):
    with atomic_file(target) as draft:
        draft.write_text("half")
        raise RuntimeError


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path):
    target = tmp_path / "result.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError):
        break_off_while_writing(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_replaced_whole(tmp_path):
    target = tmp_path / "model"
    for content in ("old", "new"):
        with atomic_folder(target) as draft:
            (draft / content).write_text(content)
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("write", [atomic_file, atomic_folder])
def test_a_place_that_cannot_be_written_is_named(write, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="file"), write(tmp_path / "file" / "result"):
        pass


def test_seeds_depend_on_every_name():
    seeds = {derive(0), derive(1), derive(0, "a"), derive(0, "b"), derive(0, "a", 1), derive(0, "a", 2)}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_errors_carry_problem_remedy_and_exit_code_across_processes():
    error = pickle.loads(pickle.dumps(ConfigError("Unknown key 'seeed'.", nearest("seeed", ["seed"]))))
    assert str(error) == "Unknown key 'seeed'. Did you mean 'seed'?"
    assert (error.exit_code, GateError("no").exit_code) == (2, 3)
    assert isinstance(error, SegmentwerkError)
