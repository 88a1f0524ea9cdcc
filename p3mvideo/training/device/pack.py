"""Packs of training material: portraits, backgrounds and donor faces, scaled down, in a few files of limited size.

PACK/manifest.json    what there is, and the hash of every part
PACK/part-00.zip      portraits/NAME.jpg  mattes/NAME.png  faces/NAME.png  backgrounds/N.jpg  donors/N.jpg  donor_masks/N.png
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from p3mvideo.datasets.donors import DonorFaces
from p3mvideo.datasets.image_files import images_in, read_image, write_bytes
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array
from p3mvideo.options.training.device import PackOptions

MANIFEST = "manifest.json"
VERSION = 1
MIB = 1 << 20
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The same material gives the same bytes: no times are stored."""


@dataclass(frozen=True)
class PackSummary:
    """What was packed."""

    portraits: int
    backgrounds: int
    donors: int
    part_bytes: tuple[int, ...]


def pack(
    data: Sequence[Path],
    target: Path,
    *,
    backgrounds: Sequence[Path] = (),
    faces: Path | None = None,
    options: PackOptions | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> PackSummary:
    """Write a pack.

    Args:
        data: Splits with mattes and obfuscated faces, in P3M-10k's layout, see `p3mvideo.datasets.portraits`.
        target: Folder of the pack; an earlier pack there is replaced.
        backgrounds: Folders of images without people.
        faces: Donor faces, see `p3mvideo.datasets.donors`.
        options: Sizes.
        on_progress: Called with the number of images done and of all.

    Raises:
        DatasetError: Material is missing or damaged, two portraits have one name, or the pack cannot be written.
    """
    chosen = options or PackOptions()
    folders = [PortraitFolder(root) for root in data]
    for folder in folders:
        folder.warn_of_faces()
    names = [(folder, name) for folder in folders for name in folder.names[:: chosen.every]]
    twice = {name for _, name in names if sum(name == other for _, other in names) > 1} if len({n for _, n in names}) < len(names) else set()
    if twice:
        raise DatasetError(f"{len(twice)} portraits have a name twice, first {min(twice)}", hint="rename them: names say which share they belong to")
    rooms = [path for views in backgrounds for path in images_in(views)]
    donors = None if faces is None else DonorFaces(faces)
    total = len(names) + len(rooms) + (0 if donors is None else len(donors))

    try:
        target.mkdir(parents=True, exist_ok=True)
        for old in [*target.glob("part-*.zip"), *target.glob(MANIFEST)]:
            old.unlink()
        with _Parts(target, chosen.part_mib * MIB) as parts:
            for done, files in enumerate(_files(names, rooms, donors, chosen), start=1):
                parts.add(files)
                on_progress(done, total)
        written = parts.written
    except OSError as error:
        raise DatasetError(f"cannot write the pack {target}: {error.strerror or error}", hint="check the folder and the free space") from error
    manifest = {
        "version": VERSION, "long_side_px": chosen.long_side_px, "background_px": chosen.background_px, "donor_px": chosen.donor_px,
        "portraits": len(names), "backgrounds": len(rooms), "donors": total - len(names) - len(rooms), "parts": written,
    }  # fmt: skip
    write_bytes(target / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    return PackSummary(len(names), len(rooms), total - len(names) - len(rooms), tuple(part["bytes"] for part in written))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a pack whose parts are all there and sound.

    Raises:
        DatasetError: It is incomplete or damaged.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        parts = manifest["parts"]
        if manifest["version"] != VERSION:
            raise DatasetError(f"{folder} is a pack of version {manifest['version']}, expected {VERSION}", hint="pack the material again")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{folder} holds no pack: {error}", hint="make one with `p3mvideo gpu pack`") from error
    for part in parts:
        path = folder / part["name"]
        if not path.is_file():
            raise DatasetError(f"the pack {folder} lacks {part['name']}", hint="bring all parts to one folder with `p3mvideo gpu unpack`")
        if hashlib.sha256(path.read_bytes()).hexdigest() != part["sha256"]:
            raise DatasetError(f"{path} is damaged: its hash differs from the manifest's", hint="bring that part over again")
    return manifest


def take_over(source: Path, target: Path) -> list[str]:
    """Copy what `source` has of a pack to `target`, checked by the manifest, and return the names of the parts that are still missing there.

    Raises:
        DatasetError: There is no manifest, a part is damaged, or `target` cannot be written.
    """
    try:
        text = (source / MANIFEST).read_bytes()
        parts = json.loads(text)["parts"]
        target.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(f"{source} holds no manifest of a pack: {error}", hint=f"{MANIFEST} goes along with every part") from error
    for part in parts:
        if (source / part["name"]).is_file():
            content = (source / part["name"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != part["sha256"]:
                raise DatasetError(f"{source / part['name']} is damaged: its hash differs from the manifest's", hint="bring that part over again")
            write_bytes(target / part["name"], content)
    write_bytes(target / MANIFEST, text)
    return [part["name"] for part in parts if not (target / part["name"]).is_file()]


def fitted(image: UInt8Array, long_side: int) -> UInt8Array:
    """Return an image scaled down so that its longer side is `long_side` at most."""
    scale = long_side / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


Files = dict[str, bytes]
"""Contents by their names in a part."""


def _files(names: Sequence[tuple[PortraitFolder, str]], rooms: Sequence[Path], donors: DonorFaces | None, options: PackOptions) -> Iterator[Files]:
    """Yield the files of one image after the other."""
    for folder, name in names:
        portrait = folder.load(name)
        files = {
            f"portraits/{name}.jpg": _jpeg(fitted(portrait.image, options.long_side_px), options.quality),
            f"mattes/{name}.png": _png(fitted(portrait.alpha, options.long_side_px)),
        }
        if portrait.face_mask.any():
            files[f"faces/{name}.png"] = _png((fitted(portrait.face_mask, options.long_side_px) > 127).astype(np.uint8) * 255)
        yield files
    for number, path in enumerate(rooms):
        yield {f"backgrounds/{number:05d}.jpg": _jpeg(fitted(read_image(path), options.background_px), options.quality)}
    for number in range(0 if donors is None else len(donors)):
        assert donors is not None
        face = donors.load(number)
        yield {
            f"donors/{number:05d}.jpg": _jpeg(fitted(face.image, options.donor_px), options.quality),
            f"donor_masks/{number:05d}.png": _png(fitted(face.mask, options.donor_px)),
        }


def _jpeg(image: UInt8Array, quality: int) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _png(matte: UInt8Array) -> bytes:
    return cv2.imencode(".png", matte, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


class _Parts:
    """Writes zip files, the next one where the last one would grow too large. A context manager."""

    def __init__(self, target: Path, largest: int) -> None:
        self.target, self.largest = target, largest
        self.written: list[dict[str, Any]] = []
        self._zip: zipfile.ZipFile | None = None
        self._bytes = 0

    def __enter__(self) -> _Parts:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._close()

    def add(self, files: Files) -> None:
        """Add files that belong together."""
        size = sum(len(content) + 2 * len(name) + 200 for name, content in files.items())  # both headers of a file take less
        if self._zip is None or self._bytes + size > self.largest:
            self._close()
            path = self.target / f"part-{len(self.written):02d}.zip"
            self._zip, self._bytes = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED), 0
        for name, content in files.items():
            self._zip.writestr(zipfile.ZipInfo(name, EARLIEST), content)
        self._bytes += size

    def _close(self) -> None:
        if self._zip is None:
            return
        path = Path(str(self._zip.filename))
        self._zip.close()
        self._zip = None
        content = path.read_bytes()
        self.written.append({"name": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)})
