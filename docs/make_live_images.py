"""Draws the images of docs/live.md: `python docs/make_live_images.py`. The person is the sample portrait, matted as in a live run."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.app.backgrounds import open_background
from p3mvideo.app.live.output_gate import LiveState
from p3mvideo.app.live.preview.drawing import Overlay, draw_preview
from p3mvideo.app.live.preview.window import window_size
from p3mvideo.app.live.stage_factory import make_compositor
from p3mvideo.compose import parse_background
from p3mvideo.datasets.sample_clip import sample_portrait
from p3mvideo.engine import GuidedRefiner, load_engine
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.ops.opencv import write_image_file
from p3mvideo.options import FaceOptions, LiveOptions
from p3mvideo.options.faces import AnonymizeMode
from p3mvideo.pipeline.faces import restore_faces
from p3mvideo.privacy.make_anonymizer import make_anonymizer

WIDTH, HEIGHT = 640, 480
QUALITY = (int(cv2.IMWRITE_JPEG_QUALITY), 88)


def composed(frame: Frame, background: str, anonymize: AnonymizeMode) -> UInt8Array:
    """Return what viewers see of a frame, uint8 RGB (H, W, 3)."""
    anonymizer = make_anonymizer(FaceOptions(anonymize=anonymize), limit_seconds=600)
    covered, faces = anonymizer(frame)
    anonymizer.close()
    matte = GuidedRefiner()(covered, load_engine(live=True).engine([covered.image])[0])
    with open_background(background, parse_background(background), "cover") as behind:
        return make_compositor(LiveOptions, behind)(restore_faces(covered, faces), matte).interleaved()


def main() -> None:
    """Write the images beside this file."""
    portrait = cv2.resize(sample_portrait(), (WIDTH, WIDTH * 600 // 512), interpolation=cv2.INTER_AREA)
    frame = Frame.from_interleaved(np.ascontiguousarray(portrait[:HEIGHT], np.uint8), 0, Fraction(1, 90_000))
    shelves, blurred = composed(frame, "shelves", "input"), composed(frame, "blur:0.5", "output")
    live = LiveState.LIVE, "Live (30 fps)"

    def keys(background: str, faces: str) -> tuple[str, ...]:
        return (f"[b] {background}", f"[a] faces {faces}", "[m] mirror off", "[z] zoom off", "[p] pause", "[?] all keys", "[q] end")

    drawn = {
        "live_window": (shelves, Overlay(*live, keys("shelves", "shown"), "Background 2 of 8: shelves")),
        "live_keys": (shelves, Overlay(*live, keys("shelves", "shown"), help=True)),
        "live_faces": (blurred, Overlay(*live, keys("blur 50 %", "hidden"), "Faces: hidden from viewers")),
    }
    for name, (image, overlay) in drawn.items():
        image = draw_preview(image, window_size(WIDTH, HEIGHT), overlay)
        write_image_file(Path(__file__).parent / f"{name}.jpg", np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8), QUALITY)


if __name__ == "__main__":
    main()
