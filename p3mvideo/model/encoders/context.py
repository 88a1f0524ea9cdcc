"""A wider view for the deepest feature of a light backbone."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ContextModule(nn.Module):
    """Narrows the deepest feature and mixes in what lies far away: dilated depth-wise branches and the image's mean.

    Atrous spatial pyramid pooling (Chen et al., arXiv 1706.05587, section 3.3) in the depth-wise form that suits light networks.
    Light backbones see little of the scene in one position; people who fill the frame, or are small in it, need more.

    Args:
        before: Width of the input.
        after: Width of the output.
        dilations: One depth-wise 3x3 branch per entry.
    """

    def __init__(self, before: int, after: int, dilations: tuple[int, ...] = (1, 2, 4)) -> None:
        super().__init__()
        self.reduce = nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True))
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(after, after, 3, padding=d, dilation=d, groups=after, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            )
            for d in dilations
        )
        self.scene = nn.Sequential(nn.Conv2d(after, after, 1), nn.ReLU(inplace=True))
        self.merge = nn.Sequential(nn.Conv2d(after * (len(dilations) + 1), after, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, h, w) -> (B, after, h, w)."""
        x = self.reduce(x)
        scene = self.scene(x.mean((2, 3), keepdim=True)).expand(-1, -1, x.shape[2], x.shape[3])
        return F.relu(x + self.merge(torch.cat([branch(x) for branch in self.branches] + [scene], 1)))
