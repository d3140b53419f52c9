"""README and docs point at what is there, say what the code says, and become a site without a warning."""

import doctest
import importlib.util
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest

from segmentwerk.core.settings import QualitySettings, SourceSettings
from segmentwerk.data import contracts, demo, quality, sources
from segmentwerk.data.columns import COLUMNS
from segmentwerk.measurement import experiment_checks
from segmentwerk.measurement.arm_sums import ArmSums
from segmentwerk.measurement.experiment_checks import CampaignCase, Evidence

DAY = date(2026, 1, 1)
ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def links(page):
    found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    return [page.parent / link for link in found if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    assert [str(link) for link in links(page) if not link.exists()] == []


def test_every_picture_is_shown():
    shown = {link.resolve() for page in PAGES for link in links(page)}
    assert {path for path in (ROOT / "docs" / "images").iterdir() if path not in shown} == set()


def sections(page):
    """The sections of a page of codes: title and severity by code."""
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    found = re.findall(r"^## ([A-Z]\d{3}) (.+)\n\n\*\*(\w+)\*\*:", text, re.MULTILINE)
    assert len(found) == text.count("\n## "), "every section begins with its severity"
    return {code: (title, severity) for code, title, severity in found}


@pytest.mark.parametrize(
    ("page", "codes"), [("quality-checks.md", "Q"), ("gates.md", "GMP"), ("experiment-checks.md", "E")]
)
def test_every_code_has_its_section(page, codes):
    known = set(re.findall(rf'"([{codes}]\d{{3}})"', SOURCE))
    assert len(known) > 10
    assert list(sections(page)) == sorted(known)


def test_gates_are_called_as_in_the_code():
    titles = {title for title, _ in sections("gates.md").values()}
    assert {title for title in titles if f'"{title}"' not in SOURCE} == set()


def test_checks_of_a_campaign_are_called_as_in_the_code():
    case = CampaignCase(ArmSums("x", ()), Evidence(*[0] * 8, DAY, DAY, DAY), None, None, DAY, 0.95)
    found = {one.code: (one.title, one.severity) for one in experiment_checks.check(case)}
    assert sections("experiment-checks.md") == found


def test_quality_checks_are_called_as_in_the_code(tmp_path):
    """Q008 answers only where a source has rules of its own."""
    demo.generate(tmp_path / "demo", accounts=60, seed=1)
    files = {"accounts": "accounts.parquet", "orders": "orders"}
    tables = {name: {"origin": name} for name in files}
    tables["orders"]["reject"] = {"odd": "TRUE"}
    settings = SourceSettings(
        name="demo",
        path=tmp_path / "demo",
        inputs={name: {"file": file} for name, file in files.items()},
        tables=tables,
    )
    source = sources.open_source(settings, tmp_path)
    checked = contracts.check(source.tables, QualitySettings())
    found = quality.inspect(checked, as_of=None, raw=source.raw).findings
    written = sections("quality-checks.md")
    assert {(finding.code, finding.title) for finding in found} == {
        (code, title) for code, (title, _) in written.items()
    }
    for finding in found:
        told = written[finding.code][1]
        blanked = finding.status == "failed" and told == "error"  # then the row is used all the same
        assert finding.severity == told or (blanked and finding.severity == "warning"), finding


def test_an_account_goes_through_modules_that_are_there():
    way = re.findall(r"^\d+\. `([a-z_.]+)`", ARCHITECTURE, re.MULTILINE)
    assert 0 < len(way) <= 12
    assert [name for name in way if importlib.util.find_spec(f"segmentwerk.{name}") is None] == []


def test_the_import_contract_is_the_one_that_is_checked():
    layers = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    (block,) = re.findall(r"```\n(cli\n.*?)\n```", ARCHITECTURE, re.DOTALL)
    assert block.splitlines() == [line.replace("segmentwerk.", "") for line in layers]


def test_exceptions_from_the_contract_are_those_that_are_checked():
    listed = [line for contract in CONTRACTS for line in contract.get("ignore_imports", ())]
    written = re.findall(r"^\| `(\w+)` \| `(\w+)` \| \w", ARCHITECTURE, re.MULTILINE)
    assert [f"segmentwerk.{one}.** -> segmentwerk.{other}.**" for one, other in written] == listed


@pytest.mark.parametrize("table", COLUMNS)
def test_the_columns_of_our_tables_are_those_of_the_code(table):
    (row,) = re.findall(rf"^\| `{table}`.*?\| (.*) \|$", ARCHITECTURE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == list(COLUMNS[table])


EXAMPLES = [page for page in PAGES if "```pycon" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.name)
def test_examples_give_what_they_say(page):
    """Blocks of a page are run one after the other, each with what those before it made."""
    blocks = re.findall(r"```pycon\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page.name, str(page), 0)
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_each_method_of_the_analyst_has_an_example():
    named = {"conjoint", "factor-analysis", "maps", "affinity", "contrast-groups"}
    assert named <= {page.stem for page in EXAMPLES}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built from here; a warning would end it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.xdist_group("site")
def test_the_site_holds_every_page_and_public_module(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in PAGES if "docs" in path.parts}
    assert {str(page) for page in pages if not (site / page).is_file()} == set()
    navigation = (site / "index.html").read_text(encoding="utf-8")
    assert {str(page) for page in pages if f'href="{page.as_posix()}"' not in navigation} == set()
    reference = "\n".join(path.read_text(encoding="utf-8") for path in (site / "code").glob("*.html"))
    for name in (
        "segmentwerk.api.compare",
        "segmentwerk.core.errors.SegmentwerkError",
        "segmentwerk.cli.main",
    ):
        assert f'id="{name}"' in reference


@pytest.mark.xdist_group("site")
def test_lists_are_lists_though_a_paragraph_stands_right_above(site):
    lists = [
        path.name
        for path in site.rglob("*.html")
        for text in re.findall(r"<p>(.*?)</p>", path.read_text(encoding="utf-8"), re.DOTALL)
        if re.search(r"^[-*] ", text, re.MULTILINE)
    ]
    assert lists == []


@pytest.mark.xdist_group("site")
def test_the_site_fetches_nothing_from_elsewhere(site):
    """Reviewers sit behind firewalls."""
    fetched = re.compile(
        r"<(?:link|script|img|iframe|source)\b[^>]*?(?:href|src)=\"?((?:https?:)?//[^\"\s>]+)"
    )
    pages = {path: fetched.findall(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert {path.name: found for path, found in pages.items() if found} == {}
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert not [style for style in styles if re.search(r"url\([\"']?https?:|@import", style)]
