"""Writes AVIF files whose image is put together from tiles, as phones write theirs; Pillow writes only whole ones."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from p3mvideo.frame import UInt8Array


def tiled_avif(image: UInt8Array, rows: int, columns: int) -> bytes:
    """Return an RGB image (H, W, 3) as AVIF of `rows` x `columns` equal tiles, an item of type `grid` (ISO/IEC 23008-12, section 6.6.2.3)."""
    tiles = [_encoded(tile) for row in np.split(image, rows) for tile in np.split(row, columns, axis=1)]
    count, (properties, _) = len(tiles), tiles[0]
    height, width = image.shape[:2]
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    items = [_full(b"infe", 2, 0, struct.pack(">HH4s", number, 0, kind) + b"\0") for number, kind in
             [(1, b"grid"), *((number, b"av01") for number in range(2, count + 2))]]  # fmt: skip
    whole = _full(b"ispe", 0, 0, struct.pack(">II", width, height))
    pixels = _full(b"pixi", 0, 0, bytes([3, 8, 8, 8]))
    ipco = _box(b"ipco", whole + pixels + properties)
    own = range(3, 3 + len(list(_boxes(properties))))
    associations = [(1, [1, 2]), *((number, list(own)) for number in range(2, count + 2))]
    ipma = _full(b"ipma", 0, 0, struct.pack(">I", count + 1) + b"".join(struct.pack(">HB", n, len(ids)) + bytes(ids) for n, ids in associations))
    contents = [grid, *(data for _, data in tiles)]

    def meta(offset: int) -> bytes:
        places = b""
        for number, content in enumerate(contents, start=1):
            places += struct.pack(">HHHII", number, 0, 1, offset, len(content))
            offset += len(content)
        return _full(
            b"meta", 0, 0,
            _full(b"hdlr", 0, 0, bytes(4) + b"pict" + bytes(13))
            + _full(b"pitm", 0, 0, struct.pack(">H", 1))
            + _full(b"iloc", 0, 0, b"\x44\0" + struct.pack(">H", count + 1) + places)
            + _full(b"iinf", 0, 0, struct.pack(">H", count + 1) + b"".join(items))
            + _full(b"iref", 0, 0, _box(b"dimg", struct.pack(f">HH{count}H", 1, count, *range(2, count + 2))))
            + _box(b"iprp", ipco + ipma),
        )  # fmt: skip

    start = _box(b"ftyp", b"avif\0\0\0\0avifmif1miaf")
    return start + meta(len(start) + len(meta(0)) + 8) + _box(b"mdat", b"".join(contents))


def _encoded(tile: UInt8Array) -> tuple[bytes, bytes]:
    """Return the properties and the pixels of an image that Pillow wrote."""
    stream = io.BytesIO()
    Image.fromarray(tile).save(stream, "AVIF", quality=90, speed=10, subsampling="4:2:0")
    top = dict(_boxes(stream.getvalue()))
    parts = dict(_boxes(top[b"meta"][4:]))
    return dict(_boxes(parts[b"iprp"]))[b"ipco"], top[b"mdat"]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, data[at + 8 : at + size]
        at += size


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _full(kind: bytes, version: int, flags: int, content: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags) + content)
