"""What travels through the program: a frame and its faces. Its matte is in `matte.py`.

Everything is frozen and checked once, when it is made. Time is always an integer `pts` times a rational `time_base`.

Pixels on the host are NumPy arrays; those on an accelerator are PyTorch's. PyTorch is imported by whoever asks for a tensor: with its build for CUDA
it takes half a gigabyte and a second or two, which a program that runs on the CPU can do without.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.yuv420 import BT601, IntBox, Yuv420

if TYPE_CHECKING:
    import torch

UInt8Array = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]
Pixels: TypeAlias = "UInt8Array | torch.Tensor"
"""An image, uint8 RGB or straight RGBA: an array (H, W, 3|4) on the host, a tensor (3|4, H, W) on an accelerator."""


def check_rgb(image: object, *, channels: tuple[int, ...] = (3,)) -> None:
    """Make sure that an image is a uint8 RGB array (H, W, 3).

    Args:
        image: What was given.
        channels: How many channels it may have.

    Raises:
        TypeError: It is no NumPy array of uint8 values.
        ValueError: It has another shape, or no pixels.
    """
    shape = f"(H, W, {'|'.join(map(str, channels))})"
    if not isinstance(image, np.ndarray):
        raise TypeError(f"an image is a NumPy array, uint8 RGB {shape}, got {type(image).__name__}")
    if image.dtype != np.uint8:
        raise TypeError(f"an image holds uint8 values from 0 to 255, got {image.dtype}: multiply what is in [0, 1] by 255 and convert it")
    if image.ndim != 3 or image.shape[2] not in channels or not image.size:
        channels_first = image.ndim == 3 and image.shape[0] in channels
        advice = ": the channels come last, use .transpose(1, 2, 0)" if channels_first else ""
        raise ValueError(f"an image is RGB with the shape {shape}, got {image.shape}{advice}")


@dataclass(frozen=True)
class Frame:
    """One image and the moment at which it is shown.

    The image is there as RGB, as YUV, or as both; `pixels` is RGB in any case.
    """

    rgb: Pixels | None
    """The image in RGB; None where there is only YUV, see `pixels`. A tensor on the host, uint8 (3|4, H, W), is taken, too, and kept as the array
    that views it."""
    pts: int
    """Presentation time in units of `time_base`."""
    time_base: Fraction
    """Seconds per unit of `pts`."""
    duration: int | None = None
    """How long the frame is shown, in units of `time_base`; None where the source does not say."""
    covered: tuple[IntBox, ...] = ()
    """Boxes (x0, y0, x1, y1) in pixels, half open, that are not what the camera saw, for a face is covered there in what is written."""
    yuv: Yuv420 | None = None
    """The same image as a video stores it, on the host; None where there is none, or it has been changed in RGB only."""

    def __post_init__(self) -> None:
        if self.rgb is None:
            if self.yuv is None:
                raise ValueError("a frame has an image, as RGB or as YUV")
        elif isinstance(self.rgb, np.ndarray):
            if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] not in (3, 4):
                raise ValueError(f"a frame's image is uint8 (H, W, 3|4), got {self.rgb.dtype} {self.rgb.shape}")
        else:
            if str(self.rgb.dtype) != "torch.uint8" or self.rgb.ndim != 3 or self.rgb.shape[0] not in (3, 4):
                raise ValueError(f"a frame's image is uint8 (3|4, H, W), got {self.rgb.dtype} {tuple(self.rgb.shape)}")
            if self.rgb.device.type == "cpu":
                object.__setattr__(self, "rgb", self.rgb.permute(1, 2, 0).numpy())
        if self.time_base <= 0:
            raise ValueError(f"a frame's time base is positive, got {self.time_base}")

    def __repr__(self) -> str:
        return f"Frame({self.shape} {'YUV' if self.rgb is None else self.device}, {float(self.seconds):.3f} s)"

    @cached_property
    def pixels(self) -> Pixels:
        """The image in RGB where it is: an array (H, W, 3|4) of any strides on the host, a tensor (3|4, H, W) on an accelerator.

        Straight RGBA is a composite without background.
        """
        if self.rgb is not None:
            return self.rgb
        assert self.yuv is not None
        return self.yuv.rgb()

    @property
    def image(self) -> torch.Tensor:
        """`pixels` as a tensor, uint8 (3|4, H, W), on any device; on the host it views the array, as a rule an interleaved one."""
        import torch

        return torch.from_numpy(self.pixels).permute(2, 0, 1) if isinstance(self.pixels, np.ndarray) else self.pixels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(3|4, H, W)."""
        if self.rgb is None:
            assert self.yuv is not None
            return 3, self.yuv.y.shape[0], self.yuv.y.shape[1]
        first, second, third = self.rgb.shape
        return (third, first, second) if isinstance(self.rgb, np.ndarray) else (first, second, third)

    @property
    def on_host(self) -> bool:
        """Whether the image is in the computer's own memory."""
        return self.rgb is None or isinstance(self.rgb, np.ndarray)

    @property
    def device(self) -> str:
        """Where the image is: "cpu", or an accelerator as PyTorch calls it."""
        return str(self.rgb.device) if self.rgb is not None and not isinstance(self.rgb, np.ndarray) else "cpu"

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.shape[1]

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.shape[2]

    @property
    def seconds(self) -> Fraction:
        """Presentation time in seconds."""
        return self.pts * self.time_base

    @cached_property
    def gray(self) -> UInt8Array:
        """Luma of the pixels by the video's own matrix or BT.601, uint8 (H, W), on the host, not to be written to.

        Computed once, for several stages look at it.
        """
        if self.yuv is not None:
            return self.yuv.gray()
        return np.asarray(cv2.cvtColor(self.interleaved()[..., :3], cv2.COLOR_RGB2GRAY), np.uint8)

    def with_image(self, image: Pixels) -> Frame:
        """Return this moment with other pixels, see `rgb`."""
        return self if image is self.rgb else replace(self, rgb=image, yuv=None)

    def with_pixels(self, pixels: UInt8Array) -> Frame:
        """Return this moment with other pixels, interleaved uint8 (H, W, 3|4), on this frame's device.

        Raises:
            TypeError, ValueError: It is another kind of array; see `check_rgb`.
        """
        check_rgb(pixels, channels=(3, 4))
        return self.with_image(pixels).on(self.device)

    def on(self, device: str) -> Frame:
        """Return this frame with its image in RGB on a device; itself where it is there, in whatever form."""
        return self if device == self.device else self.with_image(self.image.to(device))

    @cached_property
    def in_rgb(self) -> Frame:
        """This frame without YUV, for what works in RGB only."""
        return self if self.yuv is None else replace(self, rgb=self.pixels, yuv=None)

    @cached_property
    def in_yuv(self) -> Frame:
        """This frame with its image in YUV, too, if both sides are even: there its colours are half as many."""
        if self.yuv is not None or self.height % 2 or self.width % 2:
            return self
        return replace(self, yuv=Yuv420.of_rgb(self.interleaved()[..., :3], BT601))

    def edited(self, rgb: UInt8Array, places: Iterable[tuple[IntBox, UInt8Array]]) -> Frame:
        """Return this moment with another image, uint8 RGB (H, W, 3), that differs from this one at some places only.

        Args:
            rgb: The other image.
            places: See `Yuv420.edited`.
        """
        return self.with_image(rgb) if self.yuv is None else replace(self, rgb=rgb, yuv=self.yuv.edited(rgb, places))

    def interleaved(self) -> UInt8Array:
        """Return the pixels as an (H, W, 3|4) array on the host, as OpenCV and FFmpeg want them; no copy if stored so."""
        pixels = self.pixels
        return np.ascontiguousarray(pixels if isinstance(pixels, np.ndarray) else pixels.permute(1, 2, 0).cpu().numpy())

    @classmethod
    def from_interleaved(cls, pixels: UInt8Array, pts: int = 0, time_base: Fraction = Fraction(1, 1000), duration: int | None = None) -> Frame:
        """Make a frame that views an (H, W, 3|4) uint8 array without copying it.

        Raises:
            TypeError, ValueError: It is another kind of array; see `check_rgb`.
        """
        check_rgb(pixels, channels=(3, 4))
        return cls(pixels, pts, time_base, duration)


@dataclass(frozen=True)
class Face:
    """One face that the anonymizer has covered in a frame."""

    box: IntBox
    """The covered region's bounding box (x0, y0, x1, y1) in pixels, half open, inside the frame."""
    shown: UInt8Array | None = None
    """What is to be written in `box`: its pixels before they were covered, or pixels that are covered for good; uint8 RGB
    (y1 - y0, x1 - x0, 3), on the CPU. None leaves the frame's own."""
    track: int | None = None
    """Identifies the same face in neighbouring frames."""
    score: float | None = None
    """The detector's confidence in [0, 1]; None where the face is known from other frames only."""
    original: UInt8Array | None = None
    """The pixels of `box` before they were covered, like `shown`, if a later stage may decide to show them; None if it may not."""
    hidden: bool = True
    """Whether the face is covered in what is written, too."""
    whole_frame: Yuv420 | None = None
    """In place of `shown`, where every face is shown and the video brings YUV: the whole frame before any face was covered."""


@dataclass(frozen=True)
class StreamInfo:
    """What is known of a stream before its first frame."""

    width: int
    """Width in pixels of the frames as shown, that is after rotation."""
    height: int
    """Height in pixels of the frames as shown, that is after rotation."""
    rate: Fraction | None = None
    """Frames per second, or None if unknown (variable, still image)."""
    live: bool = False
    """Whether frames come in their own time. It alone decides whether a full queue drops the oldest or blocks."""
    frames: int | None = None
    """Number of frames, or None if unknown."""
    seconds: float | None = None
    """How long the file says that it is, or None if it does not say."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a stream is at least 1x1 pixels, got {self.width}x{self.height}")
