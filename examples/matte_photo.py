"""Cut a person out of a photograph: python examples/matte_photo.py photo.jpg cutout.png"""

import sys
from pathlib import Path

from p3mvideo.compose import Cutout, ForegroundEstimator
from p3mvideo.engine import GuidedRefiner, make_matter
from p3mvideo.io.images.sink import ImageSink
from p3mvideo.io.images.source import ImageSource


def matte_photo(photo: Path, cutout: Path) -> None:
    """Write the person of a photograph as a picture with alpha."""
    matter, device, description = make_matter()
    print(description)
    with ImageSource(photo) as source:
        (frame,) = source
    frame = frame.with_image(frame.image.to(device))

    (matte,) = matter([frame.image])  # at working size, about 512 pixels
    matte = GuidedRefiner()(frame, matte)  # at the photograph's size

    sink = ImageSink(cutout, alpha=True, overwrite=True)
    try:
        sink.write(Cutout(ForegroundEstimator())(frame, matte))
        sink.finish()
    finally:
        sink.close()


if __name__ == "__main__":
    matte_photo(Path(sys.argv[1]), Path(sys.argv[2]))
