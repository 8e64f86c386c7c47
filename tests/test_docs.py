"""What the documentation tells people to type: commands exist with those options, Python runs, files are there."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.formulas import random_3sat, save
from tests.milp_files import MPS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "bench" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")
ANCHOR = re.compile(r"\]\(([^)#:]*)#([^)]+)\)")


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every line of a shell block that is ours."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                words = shlex.split(re.split("[<>] ", part)[0], comments=True)
                if words[:1] == ["neurosolve"] or words[:3] == ["python", "-m", "bench"]:
                    yield words


@cache
def command_line(words: str) -> Any:
    """The click command behind `neurosolve` or `python -m bench`."""
    if words == "neurosolve":
        from neurosolve import cli, cli_check, cli_compare, cli_solve, cli_tools, cli_training

        assert cli_check and cli_compare and cli_solve and cli_tools and cli_training  # they register their commands
        return typer.main.get_command(cli.app)
    from bench.__main__ import app

    return typer.main.get_command(app)


def parse(words: list[str]) -> None:
    """As the command line itself would; raises click's error for what it does not know."""
    name, arguments = ("neurosolve", words[1:]) if words[0] == "neurosolve" else ("bench", words[3:])
    command = command_line(name)
    while hasattr(command, "commands"):
        assert arguments and arguments[0] in command.commands, f"no command {' '.join(words)}"
        command, arguments = command.commands[arguments[0]], arguments[1:]
    command.make_context(name, list(arguments))


CASES = [(page, words) for page in PAGES for words in commands(page)]


@pytest.mark.parametrize(("page", "words"), CASES, ids=lambda case: " ".join(case) if isinstance(case, list) else "")
def test_every_command_exists_with_its_options(page: Path, words: list[str]) -> None:
    parse(words)


def test_a_wrong_option_would_be_noticed() -> None:
    with pytest.raises(Exception, match="--nonsense"):
        parse(["neurosolve", "solve", "formula.cnf", "--nonsense"])
    assert len(CASES) > 30 and {words[0] for _, words in CASES} == {"neurosolve", "python"}


SNIPPETS = [(page, number) for page in PAGES for number in range(len(blocks(page, "python")))]


@pytest.mark.parametrize(("page", "number"), SNIPPETS, ids=lambda case: case.name if isinstance(case, Path) else "")
def test_every_snippet_runs(page: Path, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cnf = random_3sat(40, 3.0)
    save(cnf, tmp_path / "formula.cnf")
    (tmp_path / "problem.mps").write_text(MPS)
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(compile(blocks(page, "python")[number], f"{page.name}, snippet {number}", "exec"), space)
    if "assignment" in space:
        true = set(space["assignment"])
        assert all(true & set(clause) for clause in cnf.clauses())
        assert -space["assignment"][2] not in true or cnf.num_variables + 1 in true


def test_every_training_file_is_one() -> None:
    pytest.importorskip("torch")
    from neurosolve.learn.config import from_dict

    texts = [text for page in PAGES for text in blocks(page, "toml")]
    texts += [path.read_text() for path in sorted((ROOT / "models").glob("*/train.toml"))]
    configs = [from_dict(tomllib.loads(text)) for text in texts]
    assert configs and all(config.samples or config.kind == "reinforce" for config in configs)


def test_every_tuning_file_uses_the_network_as_its_start_does(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from neurosolve.infer import load_config
    from neurosolve.learn.config import from_dict
    from neurosolve.learn.config_finetune import FinetuneConfig
    from neurosolve.learn.finetune import _refuse_other_use

    monkeypatch.chdir(ROOT)  # `start` is a path of the checkout
    configs = [from_dict(tomllib.loads(text)) for page in PAGES for text in blocks(page, "toml")]
    tuned = [config for config in configs if isinstance(config, FinetuneConfig)]
    assert tuned
    for config in tuned:
        _refuse_other_use(config, load_config(Path(config.start)))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        path = (page.parent / target).resolve()
        assert path.exists(), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_anchors_lead_to_headings(page: Path) -> None:
    for target, anchor in ANCHOR.findall(page.read_text(encoding="utf-8")):
        path = (page.parent / target).resolve() if target else page
        assert anchor in anchors(path), f"{page.name}: {target}#{anchor}"
