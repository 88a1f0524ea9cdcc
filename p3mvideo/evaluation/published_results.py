"""The scores that were published for P3M-10k, and a table of them beside those that were reproduced.

Source: tables 1 and 2 of the authors' page, https://github.com/JizhiziLi/P3M, which are part of those of "Privacy-Preserving Portrait Matting"
(Li et al., ACM MM 2021, arXiv 2104.14222). Only numbers that can be read there are here; those of "Rethinking Portrait Matting with Privacy
Preserving" (Ma et al., IJCV 2023, arXiv 2203.16828) for P3M-500-NP, Swin-T, ViTAE-S and P3M-CP stand in figures and tables that are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

SETTINGS = ("B:B", "B:N", "N:B", "N:N")
"""Trained on and tested on: blurred (B) or normal (N) images, all of P3M-500-P."""


class Scores(NamedTuple):
    """Means over a split."""

    sad: float
    """Sum of absolute differences over 1000; of trimap-based methods, what the trimap knows is kept."""
    mse: float
    """Mean squared error, over the whole image or, of trimap-based methods, over the trimap's unknown area."""


class PublishedMethod(NamedTuple):
    """One row of a published table."""

    title: str
    table: int
    """1: trimap-based; 2: trimap-free; 0: in neither."""
    scores: list[str]
    """SAD and MSE on P3M-500-P in each of `SETTINGS`, with the digits that were published; empty where none could be read."""

    @property
    def metrics(self) -> tuple[str, str]:
        """Names of the metrics of `evaluate` that are compared."""
        return ("sad_t", "mse_t") if self.table == 1 else ("sad", "mse")


PUBLISHED: dict[str, PublishedMethod] = {
    "dim": PublishedMethod("DIM", 1, ["4.8906", "0.0115", "4.8940", "0.0116", "4.8050", "0.0116", "4.7941", "0.0116"]),
    "alphagan": PublishedMethod("AlphaGAN", 1, ["5.2669", "0.0112", "5.2367", "0.0112", "5.7060", "0.0120", "5.6696", "0.0119"]),
    "gca": PublishedMethod("GCA", 1, ["4.3593", "0.0088", "4.3469", "0.0089", "4.4068", "0.0089", "4.4002", "0.0089"]),
    "indexnet": PublishedMethod("IndexNet", 1, ["5.1959", "0.0156", "5.2188", "0.0158", "5.8267", "0.0202", "5.8509", "0.0204"]),
    "fba": PublishedMethod("FBA", 1, ["4.1330", "0.0088", "4.1267", "0.0088", "4.1666", "0.0086", "4.1544", "0.0086"]),
    "shm": PublishedMethod("SHM", 2, ["21.56", "0.0100", "24.33", "0.0116", "23.91", "0.0115", "17.13", "0.0075"]),
    "lf": PublishedMethod("LF", 2, ["42.95", "0.0191", "30.84", "0.0129", "41.01", "0.0174", "31.22", "0.0123"]),
    "hatt": PublishedMethod("HATT", 2, ["25.99", "0.0054", "26.5", "0.0055", "35.02", "0.0103", "22.93", "0.0040"]),
    "gfm": PublishedMethod("GFM", 2, ["13.20", "0.0050", "13.08", "0.0050", "13.54", "0.0048", "10.73", "0.0033"]),
    "basic": PublishedMethod("BASIC", 2, ["15.13", "0.0058", "15.52", "0.0060", "24.38", "0.0109", "14.52", "0.0054"]),
    "p3m-r34": PublishedMethod("P3M-Net (ResNet-34)", 2, ["8.73", "0.0026", "9.22", "0.0028", "11.22", "0.0040", "9.06", "0.0028"]),
    "p3m-swin-t": PublishedMethod("P3M-Net (Swin-T)", 0, []),
    "p3m-vitae-s": PublishedMethod("P3M-Net (ViTAE-S)", 0, []),
}
"""By the names that a comparison takes."""


def comparison(reproduced: Mapping[tuple[str, str], Scores]) -> str:
    """Return published and reproduced scores side by side, as two Markdown tables.

    Args:
        reproduced: By key of `PUBLISHED` and split, "P3M-500-P" (networks trained on blurred images, tested on blurred ones) or "P3M-500-NP"
            (tested on normal ones).
    """
    head = ["method", "SAD published", "SAD reproduced here", "MSE published", "MSE reproduced here"]
    first, second = [], []
    for key, method in PUBLISHED.items():
        first.append(_row(method, method.scores[:2], reproduced.get((key, "P3M-500-P"))))
        if method.table != 1 or (key, "P3M-500-NP") in reproduced:
            second.append(_row(method, [], reproduced.get((key, "P3M-500-NP"))))
    return f"### P3M-500-P, B:B\n\n{_table(head, first)}\n### P3M-500-NP, trained on blurred images\n\n{_table(head, second)}"


def other_settings() -> str:
    """Return the published scores on images that were never distributed, as a Markdown table: they cannot be reproduced."""
    head = ["method", *(f"{setting} {metric}" for setting in SETTINGS[1:] for metric in ("SAD", "MSE"))]
    return _table(head, [[_title(method), *method.scores[2:]] for method in PUBLISHED.values() if method.scores])


def _row(method: PublishedMethod, published: list[str], reproduced: Scores | None) -> list[str]:
    sad, mse = published or ("", "")
    own_sad, own_mse = (f"{value:.4g}" for value in reproduced) if reproduced else ("", "")
    return [_title(method), sad, own_sad, mse, own_mse]


def _title(method: PublishedMethod) -> str:
    return f"{method.title}, with trimap" if method.table == 1 else method.title


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ["---"] * len(head), *rows))
