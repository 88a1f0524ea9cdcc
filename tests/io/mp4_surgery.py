"""Changes mp4 files byte by byte, for what FFmpeg does not write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PARENTS = (b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl")


def boxes(data: bytes | bytearray, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of every box and what it holds, in order; those in a sample description only as a whole."""
    position, end = start, len(data) if end is None else end
    while position + 8 <= end:
        size, kind = int.from_bytes(data[position : position + 4], "big"), bytes(data[position + 4 : position + 8])
        size = size or end - position
        yield kind, position, position + size
        if kind in PARENTS:
            yield from boxes(data, position + 8, position + size)
        position += size


def hide_beginning(path: Path, seconds: float) -> Path:
    """Let the edit lists of a file hide its first seconds, as a phone does that trims a recording."""
    data = bytearray(path.read_bytes())
    movie_scale = track_scale = 1
    for kind, begin, _ in list(boxes(data)):
        if kind in (b"mvhd", b"mdhd"):
            scale = int.from_bytes(data[begin + 20 : begin + 24], "big")
            movie_scale, track_scale = (scale, track_scale) if kind == b"mvhd" else (movie_scale, scale)
    tracks = [(begin, end) for kind, begin, end in boxes(data) if kind == b"trak"]
    for track in tracks:
        inside = {kind: begin for kind, begin, _ in boxes(data, track[0] + 8, track[1])}
        track_scale = int.from_bytes(data[inside[b"mdhd"] + 20 : inside[b"mdhd"] + 24], "big")
        assert data[inside[b"elst"] + 8] == 0, "32 bits a field"
        assert int.from_bytes(data[inside[b"elst"] + 12 : inside[b"elst"] + 16], "big") == 1, "one edit"
        _add(data, inside[b"elst"] + 16, -round(seconds * movie_scale))
        _add(data, inside[b"elst"] + 20, round(seconds * track_scale))
        _add(data, inside[b"tkhd"] + 28, -round(seconds * movie_scale))
    path.write_bytes(data)
    return path


def insert_in_sample_entry(path: Path, entry: bytes, box: bytes) -> Path:
    """Add a box at the end of the sample entry of this kind. The movie box lies at the end of the file, so no other place moves."""
    data = bytearray(path.read_bytes())
    around = [(begin, end) for kind, begin, end in boxes(data) if kind in (*PARENTS, b"stsd")]
    begin = data.index(entry, next(begin for kind, begin, _ in boxes(data) if kind == b"moov")) - 4
    end = begin + int.from_bytes(data[begin : begin + 4], "big")
    assert data[begin + 4 : begin + 8] == entry
    for place in [begin, *(first for first, last in around if first < begin and end <= last)]:
        _add(data, place, len(box))
    data[end:end] = box
    path.write_bytes(data)
    return path


def replaced(path: Path, old: bytes, new: bytes) -> Path:
    """Replace bytes everywhere in a file by others of the same number."""
    assert len(old) == len(new)
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def _add(data: bytearray, place: int, amount: int) -> None:
    data[place : place + 4] = (int.from_bytes(data[place : place + 4], "big") + amount).to_bytes(4, "big")
