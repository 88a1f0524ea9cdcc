"""Published data sets go from the archive that the user fetched to a folder that the other commands take."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from p3mvideo.datasets.check import check_dataset
from p3mvideo.datasets.get import CONTENT, get_dataset
from p3mvideo.errors import ConfigError, DatasetError
from tests.evaluation.miniature import miniature

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """An archive of a miniature P3M-10k."""
    root = miniature(tmp_path / "src" / "P3M-10k", count=1)
    shutil.copytree(root / "validation" / "P3M-500-P", root / "train")
    return Path(shutil.make_archive(str(tmp_path / "P3M-10k"), "zip", tmp_path / "src"))


def test_a_fetched_archive_becomes_a_data_set(packed: Path, tmp_path: Path) -> None:
    folder = get_dataset("p3m10k", tmp_path / "data", origin=str(packed), accept_terms=True)
    assert folder == tmp_path / "data"
    assert check_dataset(folder, quick=True).portraits == {"train": 1, "P3M-500-NP": 1, "P3M-500-P": 1}
    note = (folder / "SOURCE.txt").read_text(encoding="utf-8")
    assert "Release Agreement" in note
    assert "unpacked from P3M-10k.zip" in note
    with pytest.raises(ConfigError, match="exists"):
        get_dataset("p3m10k", tmp_path / "data", origin=str(packed), accept_terms=True)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "nothing half-unpacked stays"


@pytest.mark.parametrize("name", ["celebamask-hq", "rwp636"])
def test_archives_whose_top_is_the_data_set(name: Literal["celebamask-hq", "rwp636"], tmp_path: Path) -> None:
    for part in CONTENT[name]:
        (tmp_path / "src" / part).mkdir(parents=True)
        (tmp_path / "src" / part / "0.jpg").write_bytes(b"")
    archive = Path(shutil.make_archive(str(tmp_path / "archive"), "gztar", tmp_path / "src"))
    folder = get_dataset(name, tmp_path / "data", origin=str(archive), accept_terms=True)
    assert {path.name for path in folder.iterdir()} == {*CONTENT[name], "SOURCE.txt"}


def hostile_tar(path: Path) -> None:
    with tarfile.open(path, "w") as packed:
        link = tarfile.TarInfo("train")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        packed.addfile(link)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "another archive": (lambda path: zipfile.ZipFile(path, "w").close(), "holds no folder with train and validation"),
    "a page": (lambda path: path.write_text("<html>sign in</html>"), "neither a zip nor a tar"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-60]), "neither a zip nor a tar|cannot be unpacked"),
    "links": (hostile_tar, "cannot be unpacked"),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_files_are_refused_and_leave_nothing(name: str, packed: Path, tmp_path: Path) -> None:
    damage, message = WRONG[name]
    damage(packed)
    with pytest.raises(DatasetError, match=message):
        get_dataset("p3m10k", tmp_path / "to" / "data", origin=str(packed), accept_terms=True)
    assert list((tmp_path / "to").iterdir()) == []


def test_an_archive_writes_nothing_beside_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "hostile.zip", "w") as packed:
        for name in ("../../escaped", "/escaped", "train/x", "validation/x"):
            packed.writestr(name, "")
    get_dataset("p3m10k", tmp_path / "a" / "data", origin=str(tmp_path / "hostile.zip"), accept_terms=True)
    assert {path.name for path in tmp_path.iterdir()} == {"hostile.zip", "a"}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["data"]
