"""`p3mvideo weights get`: a published checkpoint, from the file that its authors offer to weights that every command takes by name."""

from __future__ import annotations

from p3mvideo.listener import Listener
from p3mvideo.upstream.obtain import obtain
from p3mvideo.upstream.works import CHECKPOINTS, find_work
from p3mvideo.weights.importer import import_weights
from p3mvideo.weights.weights_file import WeightsFile


def get_weights(
    name: str, *, origin: str = "", sha256: str = "", accept_terms: bool = False, overwrite: bool = False, listener: Listener | None = None
) -> WeightsFile:
    """Import a published checkpoint, with its authors' terms.

    Args:
        name: A key of `p3mvideo.upstream.works.CHECKPOINTS`.
        origin, sha256, accept_terms, listener: See `p3mvideo.upstream.obtain.obtain`.
        overwrite: Whether to replace weights that were imported before.

    Raises:
        ConfigError: There is no such checkpoint, or the terms were not accepted.
        SourceError: The file is not there.
        WeightsError: See `import_weights`.
    """
    work = find_work(CHECKPOINTS, name)
    file = obtain(work, origin, sha256=sha256, accept_terms=accept_terms, listener=listener)
    return import_weights(file, licence=f"{work.terms} ({work.page})", overwrite=overwrite)
