"""The image that is written, made of a frame, its matte and a background."""

from p3mvideo.compose.background import Background, BlurBackground, ColourBackground, ImageBackground, parse_background
from p3mvideo.compose.compositors import AlphaOnly, Cutout, ForegroundOnly, InRgb, InYuv, ReplaceBackground
from p3mvideo.compose.fit import fit_to
from p3mvideo.compose.foreground import ForegroundEstimator
from p3mvideo.compose.video_background import VideoBackground

__all__ = [
    "AlphaOnly",
    "Background",
    "BlurBackground",
    "ColourBackground",
    "Cutout",
    "ForegroundEstimator",
    "ForegroundOnly",
    "ImageBackground",
    "InRgb",
    "InYuv",
    "ReplaceBackground",
    "VideoBackground",
    "fit_to",
    "parse_background",
]
