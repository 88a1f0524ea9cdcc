"""Downloads one file; what was interrupted goes on where it stopped, if the server still has the same file."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from p3mvideo.errors import ConfigError, SinkError, SourceError
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.listener import Listener

BLOCK_BYTES = 1 << 18
TIMEOUT_SECONDS = 60.0


def download(address: str, target: Path, *, size: int | None, listener: Listener) -> None:
    """Download a file; under its name it is complete. One that is there already is kept.

    Args:
        address: http or https.
        target: Where to write it; `NAME.part` and `NAME.part.json` beside it keep what an interrupted download has got.
        size: Bytes that it must have; None for as many as the server says.
        listener: Hears how many bytes are there.

    Raises:
        ConfigError: The address is of another kind.
        SourceError: The server cannot be reached, refuses, sends a page instead of a file, or ended early.
        SinkError: The file cannot be written.
    """
    if urlsplit(address).scheme not in ("http", "https"):
        raise ConfigError(f"{address} is not an http or https address", hint="give a file, or an address that begins with https://")
    if target.is_file():
        return
    part, about = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        state = _state(about) if part.exists() else {}
        validator = str(state.get("validator", "")) if state.get("address") == address else ""
        got = part.stat().st_size if validator else 0
        request = urllib.request.Request(address, headers={"Range": f"bytes={got}-", "If-Range": validator} if got else {})
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            got = got if answer.status == 206 else 0  # anything else is the whole file again
            if answer.headers.get_content_type() == "text/html":
                raise SourceError(f"{address} is a page, not a file", hint="open it in a browser, and give the file that you get there with --from")
            length = answer.headers.get("Content-Length")
            total = size if size is not None else got + int(length) if length else None
            write_atomically(about, json.dumps({"address": address, "validator": _validator(answer.headers)}).encode())
            listener.begin(target.name, total, done=got)
            with part.open("r+b" if got else "wb") as file:
                file.seek(got)
                while block := answer.read(BLOCK_BYTES):
                    file.write(block)
                    got += len(block)
                    listener.advance(got)
        if total is not None and got > total:
            part.unlink()
            raise SourceError(f"{address} has {got} bytes, expected {total}", hint="it is another file")
        if total is not None and got < total:
            raise SourceError(f"{address} ended after {got} of {total} bytes", hint="run it again; it goes on where it stopped")
        try:
            part.replace(target)
        except FileNotFoundError:
            if not target.is_file():  # else another download of the same file ended first
                raise
        about.unlink(missing_ok=True)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # what is there is as long as the file, or longer, and never became it
            part.unlink(missing_ok=True)
        raise SourceError(f"cannot download {address}: {error.code} {error.reason}", hint="check the address and run it again") from error
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        why = getattr(error, "reason", "") or error
        raise SourceError(f"cannot download {address}: {why}", hint="check the connection and run it again; it goes on where it stopped") from error
    except OSError as error:
        raise SinkError(f"cannot write {target}: {error.strerror or error}", hint="check the folder's rights and the free space") from error
    listener.end()


def _validator(headers: Any) -> str:
    """Return what tells whether the server still has the same file: its strong entity tag, or when it was changed."""
    tag = str(headers.get("ETag", ""))
    return tag if tag and not tag.startswith("W/") else str(headers.get("Last-Modified", ""))


def _state(about: Path) -> dict[str, Any]:
    try:
        found = json.loads(about.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
