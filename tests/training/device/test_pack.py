"""Packs: limited parts, nothing lost, and damage that is found."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import DatasetError
from p3mvideo.options.training.device import PackOptions
from p3mvideo.training.device.material import ALPHA, FACE, load_material
from p3mvideo.training.device.pack import pack, read_manifest, take_over
from tests.training import miniature
from tests.training.device.conftest import SIDE


def test_mattes_and_face_masks_lose_nothing_and_images_little(data: Path, packed: Path) -> None:
    material = load_material(packed, torch.device("cpu"), seed=0, made_up=1)
    folder = PortraitFolder(data / "train")
    assert [facts.name for facts in material.facts.portraits] == folder.names
    x, y = (part[None].expand(len(folder), -1, -1) for part in np_grid())
    images = material.portraits.sample(torch.arange(len(folder)), (len(folder), 0, 0, 0), x, y).numpy()
    for number, name in enumerate(folder.names):
        portrait = folder.load(name)
        assert np.array_equal(np.round(images[number, ALPHA]), portrait.alpha)
        assert np.array_equal(images[number, FACE] > 127, portrait.face_mask > 127)
        assert np.abs(images[number, 5:].transpose(1, 2, 0) - portrait.image).mean() < 4


def np_grid() -> tuple[torch.Tensor, torch.Tensor]:
    y, x = torch.meshgrid(torch.arange(SIDE, dtype=torch.float32), torch.arange(SIDE, dtype=torch.float32), indexing="ij")
    return x, y


def test_parts_are_limited_and_come_together_in_any_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    split = miniature.split(tmp_path / "train", count=30, width=256, height=256)
    for path in (split / "mask").iterdir():  # that a part is filled soon
        noise = rng.integers(0, 255, (256, 256)).astype(np.uint8)
        cv2.imwrite(str(path), noise)
    done = pack([split], tmp_path / "pack", options=PackOptions(part_mib=1))
    assert len(done.part_bytes) > 1
    assert max(done.part_bytes) <= 1 << 20
    names = [part["name"] for part in read_manifest(tmp_path / "pack")["parts"]]
    together = tmp_path / "together"
    for count, name in enumerate(reversed(names), start=1):
        call = tmp_path / f"call{count}"
        call.mkdir()
        for file in (name, "manifest.json"):
            (call / file).write_bytes((tmp_path / "pack" / file).read_bytes())
        assert len(take_over(call, together)) == len(names) - count
    assert len(load_material(together, torch.device("cpu"), seed=0, made_up=1).portraits) == 30


def test_the_same_material_gives_the_same_pack(data: Path, packed: Path, tmp_path: Path) -> None:
    options = PackOptions(long_side_px=SIDE, background_px=SIDE + 24, quality=100)
    pack([data / "train"], tmp_path, backgrounds=[data / "backgrounds"], faces=data / "faces", options=options)
    assert (tmp_path / "manifest.json").read_bytes() == (packed / "manifest.json").read_bytes()


def test_damage_and_missing_parts_are_named(packed: Path, tmp_path: Path) -> None:
    for path in packed.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    part = tmp_path / "part-00.zip"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    with pytest.raises(DatasetError, match=r"part-00\.zip is damaged"):
        read_manifest(tmp_path)
    with pytest.raises(DatasetError, match=r"part-00\.zip is damaged"):
        take_over(tmp_path, tmp_path / "other")
    part.unlink()
    with pytest.raises(DatasetError, match=r"lacks part-00\.zip"):
        read_manifest(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"version": 0}))
    with pytest.raises(DatasetError, match="version 0"):
        read_manifest(tmp_path)
    with pytest.raises(DatasetError, match="no pack"):
        read_manifest(tmp_path / "nowhere")


def test_one_name_twice_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="name twice"):
        pack([data / "train", data / "train"], tmp_path)
