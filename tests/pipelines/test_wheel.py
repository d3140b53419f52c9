"""What is shipped works without the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_an_installed_wheel_brings_its_config_and_experiments(tmp_path):
    def run(*command: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    site = tmp_path / "site"
    run("-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("segmentwerk-*.whl")
    beside = {path for path in (ROOT / "src").rglob("*") if path.suffix in (".j2", ".toml")}
    assert len(beside) > 8
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {path.relative_to(ROOT / "src").as_posix() for path in beside} <= packed, "templates and texts"
    run("-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel))
    installed = {"PYTHONPATH": str(site), "SEGMENTWERK_HOME": str(tmp_path / "home")}
    where = run("-c", "import segmentwerk; print(segmentwerk.__file__)", **installed)
    assert Path(where.strip()).is_relative_to(site)
    code = "import sys; from segmentwerk.cli import main; sys.exit(main())"
    shown = run("-c", code, "compare", "+experiments=online_retail", "--cfg", "job", **installed)
    assert "name: online_retail" in shown
    assert not list(site.rglob("benchmarks")), "benchmarks are for a checkout"
    told = run("-c", code, "data", "demo", "source.accounts=60", **installed)
    assert Path(told.splitlines()[-1]).is_relative_to(tmp_path / "home")
