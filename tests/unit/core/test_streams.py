"""Nobody listens, or the terminal knows few signs: the work goes on all the same."""

import os
import subprocess
import sys

import pytest

CODE = (
    "import sys\n"
    "from segmentwerk.core.streams import secure\n"
    "secure()\n"
    "for line in range(20_000):\n"
    "    print('Größe', line)\n"
    "    print('Größe', line, file=sys.stderr)\n"
    "sys.stdout.flush()\n"
    "opened = open(sys.argv[1], 'w')\n"
    "assert opened.fileno() > 2\n"
    "opened.write('done')\n"
)


def run(shell, tmp_path, **environment):
    done = tmp_path / "done"
    command = f'"{sys.executable}" -c "$CODE" "{done}" {shell}'
    finished = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "CODE": CODE, **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.read_text() == "done"
    return finished


@pytest.mark.parametrize(
    "shell", [">&-", "2>&-", "<&- >&- 2>&-", "| head -0", "2>&1 | head -1", "2> >(head -0)", ">/dev/null"]
)
def test_a_closed_stream_ends_nothing(shell, tmp_path):
    done = run(shell, tmp_path)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_what_the_encoding_lacks_is_escaped(tmp_path):
    done = run("| tail -1", tmp_path, PYTHONIOENCODING="ascii")
    assert done.stdout.decode() == "Gr\\xf6\\xdfe 19999\n"


def test_a_full_disk_is_told(tmp_path):
    code = "import sys; from segmentwerk.cli import main; sys.exit(main())"
    command = f'"{sys.executable}" -c "{code}" --help >/dev/full'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "segmentwerk: Cannot write what there is to say: No space left on device.\n"
