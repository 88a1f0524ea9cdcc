"""Brings the file of a work onto this machine: from where the user has put it, or from an address."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from p3mvideo.config import cache_folder
from p3mvideo.errors import ConfigError, SourceError
from p3mvideo.files.file_hash import file_sha256
from p3mvideo.listener import Listener
from p3mvideo.upstream.download import download
from p3mvideo.upstream.works import Work


def obtain(work: Work, origin: str = "", *, sha256: str = "", accept_terms: bool, listener: Listener | None = None) -> Path:
    """Return the file of a work, after its size and hash were checked where they are known. Without an address, no connection is opened.

    Args:
        work: Which.
        origin: A file that the user fetched, or an address to download it from; by default the work's own address, if it has one.
        sha256: Hexadecimal hash that the file must have, if the work does not say.
        accept_terms: Whether the user has read the work's terms and accepts them.
        listener: Hears of the download.

    Returns:
        The file itself, or the downloaded one in the user's cache.

    Raises:
        ConfigError: The terms were not accepted.
        SourceError: There is no such file or no address, the download failed, or the file is not the right one.
    """
    if not accept_terms:
        raise ConfigError(f"the terms of {work.title.partition(':')[0]} were not accepted", hint=f"read them: {work.terms_page or work.page}")
    work = replace(work, sha256=work.sha256 or sha256.lower())
    address = origin if "://" in origin else "" if origin else work.address
    if address:
        # Each address has a folder of its own: what follows the name in one tells files apart, too.
        folder = cache_folder() / "downloads" / hashlib.sha256(address.encode()).hexdigest()[:16]
        target = folder / (Path(address.partition("?")[0]).name or work.files[0])
        download(address, target, size=work.size, listener=listener or Listener())
        try:
            check_file(work, target)
        except SourceError:
            target.unlink()
            raise
        return target
    if not origin:
        raise SourceError(
            f"{work.title.partition(':')[0]} has no address from which a program can download it",
            hint=f"get {' or '.join(work.files)} from {work.page} with a browser, then say where it is with --from FILE",
        )
    if not Path(origin).is_file():
        raise SourceError(f"there is no file {origin}", hint=f"expected {' or '.join(work.files)}, as it is on {work.page}")
    check_file(work, Path(origin))
    return Path(origin)


def check_file(work: Work, file: Path) -> None:
    """Make sure that a file has the size and the hash of a work, where these are known.

    Raises:
        SourceError: It has not.
    """
    size = file.stat().st_size
    if work.size not in (None, size):
        raise SourceError(f"{file} has {size} bytes, expected {work.size}", hint="it may have been cut off: get it again")
    if work.sha256 and (got := file_sha256(file)) != work.sha256:
        raise SourceError(f"{file} has SHA-256 {got}, expected {work.sha256}", hint="it is damaged or another file: get it again")
