"""A loaded matting network for Python programs: images or videos in, alpha mattes out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np

from p3mvideo.engine import GuidedRefiner, at_quality, load_engine, make_stream_network
from p3mvideo.errors import ConfigError
from p3mvideo.frame import Face, Float32Array, Frame, UInt8Array
from p3mvideo.io.inputs import expand_inputs, open_source
from p3mvideo.matte import Matte
from p3mvideo.options import EngineOptions, FaceOptions, SmoothingOptions
from p3mvideo.options.parsing.times import exact_rate
from p3mvideo.pipeline import restore_faces
from p3mvideo.privacy.image_anonymizer import ImageAnonymizer
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.stages import FrameSource
from p3mvideo.temporal import make_matte_stream


class MattingSession:
    """A matting network that stays loaded. Several threads may share one session; processes cannot, each makes its own.

    Args:
        model: Name or path of the weights; None takes `engine.model`.
        device: auto, cpu, cuda, cuda:N or mps; None takes `engine.device`.
        engine: How the network runs.
        smoothing: How the mattes of a video are smoothed over time.
        anonymize: "input" hides faces from the network, as `p3mvideo process` does by default, and needs the face detection models;
            "off" looks for none.

    Raises:
        WeightsError: The weights are missing or damaged.
        DeviceError, ConfigError: Device, runtime and precision are not there or do not go together.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        device: str | None = None,
        engine: EngineOptions | None = None,
        smoothing: SmoothingOptions | None = None,
        anonymize: Literal["input", "off"] = "off",
    ) -> None:
        if anonymize not in ("input", "off"):
            raise ConfigError(f"anonymize is {anonymize!r}, expected input or off", hint="use p3mvideo.process to write covered faces")
        self._faces = FaceOptions(anonymize=anonymize)
        options = engine or EngineOptions()
        self.engine = replace(options, model=str(model or options.model), device=device or options.device)
        self.smoothing = smoothing or SmoothingOptions()
        self._loaded = load_engine(self.engine)
        self._anonymizer = ImageAnonymizer(self._faces)
        self._refine = GuidedRefiner()
        self._closed = False
        self._process = os.getpid()

    @property
    def description(self) -> str:
        """Model, runtime, device and precision in use."""
        return self._loaded.description

    def matte(self, image: UInt8Array) -> Float32Array:
        """Return the alpha matte of one image, which is taken for a photograph: see `EngineOptions.quality`.

        Args:
            image: uint8 RGB, (H, W, 3).

        Returns:
            float32 (H, W) in [0, 1]; 1 is the person.

        Raises:
            TypeError: It is no uint8 array.
            ValueError: It has another shape; or the session is closed, or was made in another process.
            PrivacyError: Faces were to be hidden and could not be looked for.
        """
        self._check_usable()
        frame, _ = self._anonymizer(_frame_of(image, 0, Fraction(1, 25)))
        (matte,) = at_quality(self._loaded, self.engine.quality, photograph=True)([frame.pixels])
        return _alpha_of(self._refine(self._on_device(frame), matte))

    def mattes(self, source: str | Path | Iterable[UInt8Array], *, rate: float = 30.0) -> Iterator[tuple[Frame, Float32Array]]:
        """Yield every frame of a video with its alpha matte, smoothed over time.

        Args:
            source: A video file, a numbered sequence like `frame_%05d.png`, or images as `matte` takes them, one after the other, say
                from a capture loop of one's own.
            rate: Frames per second of images; files have their own time stamps.

        Yields:
            The frame (`Frame.image` is a uint8 RGB tensor (3, H, W), `Frame.interleaved()` an (H, W, 3) array, `Frame.seconds` its time) and its
            matte, float32 (H, W) in [0, 1]. With a look-ahead, frames come out that many frames late, and the last ones at the end.

        Raises:
            SourceError: The source cannot be read.
            TypeError, ValueError, PrivacyError: See `matte`.
        """
        self._check_usable()
        with ExitStack() as stack:
            frames = self._frames(source, rate, stack)
            anonymizer = stack.enter_context(closing(make_anonymizer(self._faces)))
            loaded = at_quality(self._loaded, self.engine.quality)
            stream, network = make_matte_stream(self.smoothing), make_stream_network(loaded, self.engine, self.smoothing)
            waiting: deque[tuple[Face, ...]] = deque()

            def finished(pairs: Iterable[tuple[Frame, Matte]]) -> Iterator[tuple[Frame, Float32Array]]:
                for frame, matte in pairs:
                    alpha = _alpha_of(self._refine(frame, matte))
                    # What was not enlarged is the stream's own.
                    alpha = alpha.copy() if matte.shape == alpha.shape else alpha
                    yield replace(restore_faces(frame, waiting.popleft()), covered=()), alpha

            while batch := list(islice(frames, self.engine.seq_chunk)):
                covered = [anonymizer(frame) for frame in batch]
                waiting.extend(faces for _, faces in covered)
                hidden = [self._on_device(frame) for frame, _ in covered]
                self._check_usable()
                for frame, matte in zip(hidden, network(hidden), strict=True):
                    yield from finished(stream.push(frame, matte))
            yield from finished(stream.flush())

    def _frames(self, source: str | Path | Iterable[UInt8Array], rate: float, stack: ExitStack) -> Iterator[Frame]:
        if isinstance(source, str | Path):
            return iter(stack.enter_context(_opened(source)))
        exact = exact_rate(rate)
        assert exact is not None
        return (_frame_of(_kept(image), number, 1 / exact) for number, image in enumerate(source))

    def _check_usable(self) -> None:
        if self._closed:
            raise ValueError("the session is closed")
        if os.getpid() != self._process:  # the threads of network and detectors do not come along with a fork: calls would wait for ever
            raise ValueError(f"the session belongs to process {self._process}, where it was made: make one in each process")

    def _on_device(self, frame: Frame) -> Frame:
        return frame.on(self._loaded.device)

    def close(self) -> None:
        """Release the network and the face detectors. May be called any number of times."""
        self._closed = True
        self._anonymizer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _opened(source: str | Path) -> FrameSource:
    items = expand_inputs([str(source)])
    if len(items) != 1 or items[0].kind == "pipe":
        raise ConfigError(f"{source} is not one video or image", hint="name one file, or a sequence like frame_%05d.png")
    return open_source(items[0])


def _frame_of(image: UInt8Array, number: int, time_base: Fraction) -> Frame:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        got = f"{image.dtype} array" if isinstance(image, np.ndarray) else type(image).__name__
        raise TypeError(f"an image is a uint8 array (H, W, 3) in RGB, got {got}")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"an image is a uint8 array (H, W, 3) in RGB, got shape {image.shape}")
    return Frame.from_interleaved(np.ascontiguousarray(image), number, time_base)


def _kept(image: UInt8Array) -> UInt8Array:
    """Return an image in memory of its own: who yields it may write the next one into the same."""
    return image.copy() if isinstance(image, np.ndarray) else image


def _alpha_of(matte: Matte) -> Float32Array:
    return matte.alpha_array()
