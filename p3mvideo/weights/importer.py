"""Brings published checkpoints in: reads them without running anything, maps them, keeps them in the user's cache."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from p3mvideo.errors import WeightsError
from p3mvideo.files.file_lock import locked_folder
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.published import Recognised, misfits, recognise
from p3mvideo.model.variants import build_network
from p3mvideo.weights.manifest import add_to_manifest, read_manifest
from p3mvideo.weights.store import DEFAULT, imported_folder, shipped_folder
from p3mvideo.weights.tensors import save_weights
from p3mvideo.weights.weights_file import WeightsFile

NESTED_UNDER = ("state_dict_ema", "state_dict", "model_state_dict", "model")
"""Where training programs put the weights, the better ones first."""
SHOWN = 4
"""This many misfits an error names."""
UNKNOWN_LICENCE = "unknown: ask those who published it"


class IgnoredSettings:
    """Stands in for the settings that some published files carry beside their weights; nothing of them is used.

    Making one gives a plain dictionary, the only kind of container that PyTorch's restricted reader fills.
    """

    def __new__(cls, *_: object) -> OrderedDict[Any, Any]:  # type: ignore[misc]
        """Return an empty dictionary."""
        return OrderedDict()


class IgnoredValue:
    """Stands in for the numpy scalars and arrays, such as a best score, that some checkpoints hold beside their weights; numpy reads none of it."""

    def __init__(self, *_: object) -> None:
        """Take whatever describes the value."""

    def __setstate__(self, state: object) -> None:
        """Forget it."""


IGNORED: tuple[tuple[Callable[..., Any], str], ...] = (
    *((IgnoredSettings, name) for name in ("argparse.Namespace", "yacs.config.CfgNode")),
    *((IgnoredValue, f"numpy.{name}") for name in ("dtype", "ndarray")),
    *((IgnoredValue, f"numpy.{core}.multiarray.{name}") for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
)
"""What is read in place of each class and function that published files name beside their weights."""


def import_weights(file: Path, *, name: str | None = None, licence: str = UNKNOWN_LICENCE, overwrite: bool = False) -> WeightsFile:
    """Import a published P3M-Net checkpoint or ImageNet backbone (.pth, .pth.tar) and return it under its new name.

    The file is read by PyTorch's restricted reader, which runs no code. Its network is recognised by its keys.

    Args:
        file: The checkpoint.
        name: What `--model` will call it; by default the variant, with "-imagenet" for a backbone.
        licence: The terms under which the user got it; they are stored with it.
        overwrite: Whether to replace weights that were imported under that name.

    Raises:
        WeightsError: The file is missing, damaged, hostile or foreign, does not fit the network it looks like, or the name is taken.
    """
    tensors = read_checkpoint(file)
    found = _recognised(file, tensors)
    name = name or (f"{found.variant}-imagenet" if found.backbone else found.variant)
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or name.startswith("."):
        raise WeightsError(f"{name!r} is not a name for weights", hint="Use letters, digits, '-', '_' and '.' only.")
    if name in read_manifest(shipped_folder()):
        raise WeightsError(f"the name {name!r} belongs to weights that came with the program", hint="Give another one with --name.")
    if name == DEFAULT:
        raise WeightsError(f"the name {name!r} belongs to the default network", hint="Give another one with --name.")
    folder, complete = imported_folder(), _complete(file, found)
    with _alone_in(folder):
        known = read_manifest(folder)
        if name in known and not overwrite:
            raise WeightsError(f"weights called {name!r} were imported before", hint="Give another --name, or --overwrite.")
        if name.lower() in {other.lower() for other in known if other != name}:
            raise WeightsError(f"{name!r} differs in capitals only from weights that were imported before", hint="Give another --name.")
        weights = save_weights(
            folder / f"{name}.safetensors", complete, variant=found.variant, arguments={},
            kind="backbone" if found.backbone else "network", licence=licence, source=f"imported from {file.name}",
        )  # fmt: skip
        # `Path.stem` cuts at the last dot only, and a name may hold dots.
        weights = replace(weights, name=name)
        add_to_manifest(folder, weights)
    return weights


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other imports from reading and writing the folder's manifest meanwhile: one of two would be lost."""
    with suppress(OSError):  # what is written there says so
        folder.mkdir(parents=True, exist_ok=True)
    with locked_folder(folder):
        yield


def import_network(file: Path) -> tuple[str, P3MNet]:
    """Return the variant of a published checkpoint and its network in evaluation mode, without keeping a copy of it.

    Errors are those of `import_weights`.
    """
    found = _recognised(file, read_checkpoint(file))
    if found.backbone:
        raise WeightsError(f"{file} holds only the encoder of {found.variant}", hint="Training can start from it; matting needs a network.")
    network = build_network(found.variant)
    network.load_state_dict(_complete(file, found))
    return found.variant, network.eval()


def read_checkpoint(file: Path) -> dict[str, Tensor]:
    """Return the named tensors of a PyTorch checkpoint, on the CPU. Nothing in the file is executed.

    Raises:
        WeightsError: The file is missing, damaged or hostile, or holds something else.
    """
    if not file.is_file():
        raise WeightsError(f"there is no file {file}", hint="Give the path of a published .pth checkpoint.")
    try:
        with torch.serialization.safe_globals(list(IGNORED)), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the reader muses about old formats
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or hostile file makes the reader stumble over
        reason = str(error).strip().splitlines() or [type(error).__name__]
        if "nsupported" in str(error) or "GLOBAL" in str(error):
            raise WeightsError(
                f"{file} holds more than weights, which could run code, so it was not read: {_culprit(reason)}",
                hint="Get the checkpoint from those who published it, or save its state_dict alone.",
            ) from error
        said = reason[0].split(". ")[0] if any(map(str.isalpha, reason[0])) else f"{type(error).__name__} while reading it"
        raise WeightsError(f"{file} is not an intact PyTorch checkpoint: {said}", hint="Download it again; it may have been cut off.") from error
    return _named_tensors(file, content)


def _culprit(reason: list[str]) -> str:
    return next((line.strip() for line in reason if "nsupported" in line or "GLOBAL" in line), reason[0])


def _named_tensors(file: Path, content: object) -> dict[str, Tensor]:
    if isinstance(content, Mapping):
        content = next((content[key] for key in NESTED_UNDER if isinstance(content.get(key), Mapping)), content)
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{file} holds no named weights but {type(content).__name__}", hint="Give a published .pth checkpoint.")
    others = [key for key, value in content.items() if not isinstance(key, str) or not isinstance(value, Tensor)]
    if others:
        raise WeightsError(f"{file} holds more than named weights: {', '.join(map(str, others[:SHOWN]))}", hint="Give a published .pth checkpoint.")
    wrapped = all(key.startswith("module.") for key in content)
    return {key.removeprefix("module.") if wrapped else key: value for key, value in content.items()}


def _recognised(file: Path, tensors: Mapping[str, Tensor]) -> Recognised:
    try:
        found = recognise(tensors)
    except ValueError as error:
        raise WeightsError(f"{file} contradicts itself: {error}") from error
    if found is None:
        raise WeightsError(
            f"{file} belongs to none of the published networks; its first weights are {', '.join(list(tensors)[:SHOWN])}",
            hint="Published are P3M-Net with ResNet-34, Swin-T and ViTAE-S, and their ImageNet backbones.",
        )
    return found


def _complete(file: Path, found: Recognised) -> dict[str, Tensor]:
    """Return all tensors of the network or encoder, those that no published file holds at their starting values."""
    expected = build_network(found.variant).state_dict()
    if found.backbone:
        expected = {key: value for key, value in expected.items() if key.startswith("encoder.")}
    wrong = misfits(found.state_dict, expected)
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise WeightsError(
            f"{file} looks like {found.variant} but does not fit it: {'; '.join(wrong[:SHOWN])}{more}",
            hint="It may have been cut off, or come from a changed network.",
        )
    infinite = [key for key, value in found.state_dict.items() if not value.isfinite().all()]
    if infinite:
        raise WeightsError(f"{file} holds values that are not numbers, first in {infinite[0]}", hint="Its training went wrong.")
    return {**expected, **found.state_dict}
