"""Read a video's mattes frame by frame: python examples/read_mattes.py in.mp4"""

import sys
from collections.abc import Iterator
from pathlib import Path

from p3mvideo.engine import GuidedRefiner, make_matter
from p3mvideo.frame import Frame, Matte
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.temporal import make_temporal_filter


def mattes(video: Path) -> Iterator[tuple[Frame, Matte]]:
    """Yield each frame of a video with its matte at the frame's size, steadied over time."""
    matter, device, _ = make_matter()
    steady, refine = make_temporal_filter("adaptive"), GuidedRefiner()
    with VideoSource(video) as source:
        for frame in source:
            frame = frame.with_image(frame.image.to(device))
            (matte,) = matter([frame.image])
            yield frame, refine(frame, steady(frame, matte))


if __name__ == "__main__":
    for frame, matte in mattes(Path(sys.argv[1])):
        print(f"{float(frame.seconds):.3f} s: the person covers {float(matte.alpha.mean()):.1%} of the frame")
