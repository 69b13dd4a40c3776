"""Laws of the documents: links lead somewhere, lines can be read, the README is short."""

import re
import shlex
from pathlib import Path

import pytest

import main as command_line
from commands.run import choose_config
from tests.conftest import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "artifacts" / "README.md"])
LONGEST_LINE, LARGEST_README = 100, 8_000
named = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def prose(document: Path) -> list[str]:
    """The lines outside code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL).splitlines()


def anchors(document: Path) -> set[str]:
    """What a link into a document can name: its headings, as GitHub writes them, and the places marked for it."""
    headings = [line.lstrip("# ").lower() for line in prose(document) if line.startswith("#")]
    marked = re.findall(r'<a id="([^"]+)">', document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings} | set(marked)


@named
def test_every_link_and_every_picture_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", "\n".join(prose(document))):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            other = document.parent / path if path else document
            assert other.exists(), target
            assert not anchor or anchor in anchors(other), target


@named
def test_prose_can_be_read_in_an_editor(document: Path) -> None:
    long = [line for line in prose(document) if len(line) > LONGEST_LINE and not line.startswith(("|", "!["))]
    assert long == []


def test_the_readme_takes_two_minutes() -> None:
    assert (ROOT / "README.md").stat().st_size <= LARGEST_README


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        assert page.name == "README.md" or f"]({page.relative_to(ROOT).as_posix()})" in readme


def test_the_readme_names_every_room_of_the_root() -> None:
    tree = re.findall(r"^([\w.]+)/? {2,}\S", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    rooms = {path.name for path in ROOT.glob("*.py")} | {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms <= set(tree)
    assert all((ROOT / room).exists() for room in tree)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))])
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    """The log and the changelog name files as they were; these pages name them as they are."""
    packages = "|".join(sorted({path.parent.name for path in ROOT.glob("*/__init__.py")}))
    for name in re.findall(rf"`((?:{packages})/[\w/.]*)`", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / name).exists() or name == "data/sources/yours.py", name


def test_every_experiment_of_the_log_has_its_line() -> None:
    listed = (ROOT / "LOG.md").read_text(encoding="utf-8")
    for day in ROOT.glob("docs/log/*.md"):
        for anchor in re.findall(r'<a id="([^"]+)">', day.read_text(encoding="utf-8")):
            assert f"](docs/log/{day.name}#{anchor})" in listed
    dates = re.findall(r"^\| (\d{4}-\d\d-\d\d) \|", listed, re.MULTILINE)
    assert dates == sorted(dates, reverse=True)


def test_every_command_of_a_run_that_is_shown_is_accepted() -> None:
    lines = (ROOT / "docs" / "running.md").read_text(encoding="utf-8").splitlines()
    commands = [shlex.split(line, comments=True)[2:] for line in lines if line.startswith("python main.py ")]
    runs = [options for command in commands if (options := command_line.parse(command)).command == "run"]
    assert len(runs) > 10
    for options in runs:
        if not options.list:
            choose_config(options)
