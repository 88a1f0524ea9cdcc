"""`p3mvideo dataset get`: a published data set, from the archive that its authors offer to a folder that the other commands take."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Literal

from p3mvideo.datasets.donors import CELEB_IMAGES, CELEB_MASKS
from p3mvideo.errors import ConfigError, DatasetError, SinkError
from p3mvideo.files.file_hash import file_sha256
from p3mvideo.listener import Listener
from p3mvideo.upstream.obtain import obtain
from p3mvideo.upstream.works import DATASETS, find_work

CONTENT = {"p3m10k": ("train", "validation"), "celebamask-hq": (CELEB_IMAGES, CELEB_MASKS), "rwp636": ("image", "alpha")}
"""Of each data set, the folders by which it is known, wherever in its archive they lie."""
PROVENANCE = "SOURCE.txt"


def get_dataset(
    name: Literal["p3m10k", "celebamask-hq", "rwp636"], folder: Path, *, origin: str = "", sha256: str = "", accept_terms: bool = False,
    listener: Listener | None = None,
) -> Path:  # fmt: skip
    """Put a published data set into a folder, with a note of where it comes from.

    Args:
        name: A key of `p3mvideo.upstream.works.DATASETS`.
        folder: Where to; it must not exist yet.
        origin: See `p3mvideo.upstream.obtain.obtain`.
        sha256: Likewise.
        accept_terms: Likewise.
        listener: Likewise.

    Returns:
        The folder.

    Raises:
        ConfigError: There is no such data set, the terms were not accepted, or the folder exists.
        SourceError: The archive is not there.
        DatasetError: It is damaged, or holds something else.
        SinkError: It cannot be unpacked there.
    """
    work = find_work(DATASETS, name)
    if folder.exists():
        raise ConfigError(f"{folder} exists", hint="name a folder that does not")
    archive = obtain(work, origin, sha256=sha256, accept_terms=accept_terms, listener=listener)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            _unpack(archive, Path(scratch), listener or Listener())
            root = _root(Path(scratch), CONTENT[name])
            if root is None:
                raise DatasetError(f"{archive} holds no folder with {' and '.join(CONTENT[name])}", hint=f"expected {' or '.join(work.files)}")
            note = f"{work.notice()}\nunpacked from {archive.name}, {archive.stat().st_size} bytes, SHA-256 {file_sha256(archive)}\n"
            (root / PROVENANCE).write_text(note, encoding="utf-8")
            root.rename(folder)
    except OSError as error:
        raise SinkError(f"cannot unpack {archive} to {folder}: {error.strerror or error}", hint="check the folder's rights") from error
    folder.chmod(0o755)  # the scratch folder may be the root itself, and is its owner's alone
    return folder


def _unpack(archive: Path, target: Path, listener: Listener) -> None:
    """Unpack plain files and folders, nothing outside the target."""
    listener.begin(f"unpacking {archive.name}")
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                _check_space(sum(member.file_size for member in packed.infolist()), target)
                packed.extractall(target)  # which leaves out drives, leading slashes and "..", and makes no links
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as packed_tar:
                _check_space(sum(member.size for member in packed_tar.getmembers()), target)
                packed_tar.extractall(target, filter="data")
        else:
            raise DatasetError(f"{archive} is neither a zip nor a tar archive", hint="it may be a page that was saved: get it again")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as error:
        raise DatasetError(f"{archive} cannot be unpacked: {error}", hint="it may have been cut off: get it again") from error
    listener.end()


def _check_space(size: int, target: Path) -> None:
    free = shutil.disk_usage(target).free
    if size > free:
        raise SinkError(f"{target.parent} has {free >> 20} MiB free, and the data set takes {size >> 20}", hint="choose another folder")


def _root(folder: Path, content: tuple[str, ...]) -> Path | None:
    """Return the folder nearest to the top that has all folders by which a data set is known."""
    level = [folder]
    while level:
        for candidate in level:
            if all((candidate / part).is_dir() for part in content):
                return candidate
        level = [child for parent in level for child in sorted(parent.iterdir()) if child.is_dir() and child.name != "__MACOSX"]
    return None
