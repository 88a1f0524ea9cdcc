"""The data sets and checkpoints that `dataset get` and `weights get` know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from p3mvideo.errors import ConfigError


@dataclass(frozen=True)
class Work:
    """A data set or checkpoint that others publish."""

    title: str
    page: str
    """The authors' page: what it is, and where to get it."""
    terms: str
    """Under which terms it may be used, in one line."""
    files: tuple[str, ...]
    """What its archives or files are called there; several where the authors have packed it in several ways."""
    terms_page: str = ""
    """Where the terms stand in full, if not on the page."""
    address: str = ""
    """Where the file can be downloaded without a browser; empty if it cannot."""
    size: int | None = None
    """Of the file in bytes; None if it was never published."""
    sha256: str = ""
    """Hexadecimal hash of the file; empty if it was never published."""

    def notice(self) -> str:
        """Return what the user has to know before it is fetched."""
        lines = [self.title, f"  page:  {self.page}", f"  terms: {self.terms}"]
        if self.terms_page:
            lines.append(f"         {self.terms_page}")
        return "\n".join([*lines, f"  files: {' or '.join(self.files)}"])


P3M_PAGE = "https://github.com/JizhiziLi/P3M"
P3MNET_PAGE = "https://github.com/ViTAE-Transformer/P3M-Net"
P3M_AGREEMENT = "https://jizhizili.github.io/files/p3m_dataset_agreement/P3M-10k_Dataset_Release_Agreement.pdf"
CHECKPOINT_TERMS = "code MIT; for the weights, trained on P3M-10k, ask the authors"

DATASETS: dict[str, Work] = {
    "p3m10k": Work(
        "P3M-10k: 10,421 portraits with mattes, faces blurred in all but 500 (Li et al., ACM MM 2021; Ma et al., IJCV 2023)", P3M_PAGE,
        "P3M-10k Dataset Release Agreement", ("P3M-10k.zip",), P3M_AGREEMENT,
    ),
    "celebamask-hq": Work(
        "CelebAMask-HQ: 30,000 faces with masks of their parts, donor faces for P3M-CP (Lee et al., CVPR 2020)",
        "https://github.com/switchablenorms/CelebAMask-HQ", "non-commercial research only; not to be passed on", ("CelebAMask-HQ.zip",),
    ),
    "rwp636": Work(
        "RealWorldPortrait-636: 636 portraits with mattes (Yu et al., CVPR 2021)", "https://github.com/yucornetto/MGMatting",
        "read them on the page", ("RealWorldPortrait-636.zip",),
    ),
}  # fmt: skip
"""By the names that `dataset get` takes."""

CHECKPOINTS: dict[str, Work] = {
    "p3m-r34": Work("P3M-Net with ResNet-34, trained on P3M-10k", P3M_PAGE, CHECKPOINT_TERMS, ("p3mnet_pretrained_on_p3m10k.pth",)),
    "p3m-vitae-s": Work("P3M-Net with ViTAE-S, trained on P3M-10k", P3MNET_PAGE, CHECKPOINT_TERMS, ("P3M-Net_ViTAE-S_trained_on_P3M-10k.pth",)),
    "p3m-r34-imagenet": Work(
        "The ResNet-34 encoder of P3M-Net, trained on ImageNet: what training it starts from", P3M_PAGE,
        "code MIT; for the weights, trained on ImageNet, ask the authors", ("r34mp_pretrained_imagenet.pth.tar",),
    ),
}  # fmt: skip
"""By the names that `weights get` takes."""


def find_work(works: Mapping[str, Work], name: str) -> Work:
    """Return the work of a name.

    Raises:
        ConfigError: There is none.
    """
    if name not in works:
        raise ConfigError(f"{name!r} is not known", hint=f"known are {', '.join(works)}")
    return works[name]
