"""Suite files, instances made on demand, and the shipped suites themselves."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from bench import suites
from bench.rows import BenchError
from bench.suites import Instance, Places
from neurosolve.families import MILP_FAMILIES, SAT_FAMILIES

SHIPPED = sorted((Path(suites.__file__).parent / "suites").glob("*.csv"))


def test_written_suites_are_read(tmp_path: Path) -> None:
    item = Instance("a", "f", "3", "7", "beyond", "UNSAT", "generate:f", "0" * 64, "mine")
    suites.write_suite(tmp_path / "mine.csv", [item], "two\nlines")
    assert (tmp_path / "mine.csv").read_text().startswith("# two\n# lines\nname,family,")
    assert suites.read_suite(tmp_path / "mine.csv") == [item]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name,family\na,b\n", "no column"),
        ("name,family,size,seed,split,status,source,sha256\na,f,1,1,s,MAYBE,data:x,0\n", "status 'MAYBE'"),
        ("name,family,size,seed,split,status,source,sha256\n" + "a,f,1,1,s,,data:x,0\n" * 2, "two instances"),
    ],
)
def test_bad_suites_are_refused(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(BenchError, match=problem):
        suites.read_suite(tmp_path / "bad.csv")


def test_suites_are_found_by_name_and_path(tmp_path: Path) -> None:
    assert suites.find_suite("real").name == "real.csv"
    (tmp_path / "x.csv").write_text("")
    assert suites.find_suite(str(tmp_path / "x.csv")) == tmp_path / "x.csv"
    with pytest.raises(BenchError, match="no such suite"):
        suites.find_suite("nowhere")


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress]
)
def test_content_is_hashed_decompressed(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(pack(b"p cnf 1 0\n"))
    assert suites.content_sha256(path) == hashlib.sha256(b"p cnf 1 0\n").hexdigest()


def test_a_family_suite_is_generated_once_and_found_again(places: Places) -> None:
    made = suites.family_suite("planted", [("trained-size", "3"), ("beyond", "5")], 2, 100, "", places)
    assert [(item.size, item.seed, item.split, item.status) for item in made] == [
        ("3", "100", "trained-size", "SAT"), ("3", "101", "trained-size", "SAT"),
        ("5", "102", "beyond", "SAT"), ("5", "103", "beyond", "SAT"),
    ]  # fmt: skip
    assert len({item.sha256 for item in made}) == 4
    path = suites.locate(made[0], places)
    stamp = path.stat().st_mtime_ns
    assert suites.locate(made[0], places).stat().st_mtime_ns == stamp
    again = suites.family_suite(
        "planted", [("trained-size", "3")], 1, 100, "", Places(places.cli, places.cache.parent / "b")
    )
    assert again[0].sha256 == made[0].sha256
    assert suites.family_suite("bare", [("s", "3")], 1, 0, "UNSAT", places)[0].status == "UNSAT"


def test_a_family_may_have_its_knobs_set(places: Places) -> None:
    plain, wide = (suites.family_suite(name, [("s", "3")], 1, 0, "", places)[0] for name in ("boxes", "boxes+width=7"))
    assert wide.family == "boxes+width=7" and wide.source == "generate:boxes+width=7"
    assert b"* width=7\n" in suites.decompress(suites.locate(wide, places).read_bytes())
    assert plain.name != wide.name and plain.sha256 != wide.sha256


def test_a_generator_that_changed_is_noticed(places: Places) -> None:
    item = suites.family_suite("planted", [("s", "3")], 1, 0, "", places)[0]
    suites.locate(item, places).write_bytes(b"p cnf 1 0\n")
    with pytest.raises(BenchError, match="the suite says"):
        suites.locate(item, places)


def test_a_generator_without_output_leaves_nothing_behind(places: Places) -> None:
    with pytest.raises(BenchError, match="no single instance"):
        suites.generate("nothing", "3", "0", places)
    assert list(places.cache.iterdir()) == []


def test_sources(places: Places, instances: list[Instance]) -> None:
    assert suites.locate(instances[0], places).read_text().startswith("p cnf 2 2")
    homeless = Places(places.cli)
    with pytest.raises(BenchError, match="NEUROSOLVE_DATA"):
        suites.locate(instances[0], homeless)
    odd = Instance("x", "f", "", "", "", "", "nowhere:x", "")
    with pytest.raises(BenchError, match="is none of"):
        suites.locate(odd, places)


def test_splits() -> None:
    assert suites.parse_splits(["trained-size=20,24", "beyond=30"]) == [
        ("trained-size", "20"), ("trained-size", "24"), ("beyond", "30"),
    ]  # fmt: skip
    with pytest.raises(BenchError, match="SPLIT=SIZE"):
        suites.parse_splits(["20"])


@pytest.mark.parametrize(
    "path", [path for path in SHIPPED if path.name != "real-split.csv"], ids=lambda path: path.stem
)
def test_shipped_suites_are_whole(path: Path) -> None:
    found = suites.read_suite(path)
    assert len(found) >= 50
    assert len({item.sha256 for item in found}) == len(found), "the same formula twice"
    assert all(len(item.sha256) == 64 for item in found)
    splits = {item.split for item in found}
    if path.stem.startswith("nodes-"):  # nodes over strong branching's, which is affordable at this size alone
        assert splits == {"trained-size"}
    else:
        assert len(splits) >= 2 or splits == {"stranger"}, "sizes trained on and sizes never trained on"
    for item in found:
        kind, _, rest = item.source.partition(":")
        assert kind in ("generate", "data", "fetched")
        assert not rest.startswith("/")
        if kind == "generate":
            assert rest == item.family
            assert int(item.seed) >= 5_000_000, "seeds below are for training"
    assert max(Counter(item.split for item in found).values()) >= 25


def test_a_directory_of_ones_own_formulas_is_a_suite(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.cnf").write_text("p cnf 1 0\n")
    (tmp_path / "inner" / "b.cnf.gz").write_bytes(gzip.compress(b"p cnf 2 0\n"))
    (tmp_path / "a.planted").write_text("1 0\n")
    first, second = suites.directory_suite(tmp_path, "mine")
    assert (first.name, second.name, second.family) == ("a", "inner__b", "inner")
    assert suites.locate(second, Places((), data=tmp_path)) == tmp_path / "inner" / "b.cnf.gz"
    with pytest.raises(BenchError, match="no file named"):
        suites.directory_suite(tmp_path / "nowhere", "mine")


@pytest.mark.parametrize("family", MILP_FAMILIES)
def test_every_milp_family_has_fifty_instances_at_three_sizes(family: str) -> None:
    sizes = Counter(item.size for item in suites.read_suite(suites.find_suite(family)))
    assert len(sizes) >= 3 and set(sizes.values()) == {50}


@pytest.mark.parametrize("family", SAT_FAMILIES)
def test_every_sat_family_has_sixty_instances_of_two_sizes(family: str) -> None:
    found = suites.read_suite(suites.find_suite(family))
    assert len(found) >= 60 and len({item.split for item in found}) == len({item.size for item in found}) == 2


def test_no_two_suites_share_an_instance() -> None:
    generated = [
        (item.source, item.size, item.seed)
        for path in SHIPPED
        if path.name != "real-split.csv"
        for item in suites.read_suite(path)
        if item.source.startswith("generate:")
    ]
    assert [one for one, times in Counter(generated).items() if times > 1] == []
