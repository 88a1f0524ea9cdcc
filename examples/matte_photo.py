"""Cut a person out of a photograph: python examples/matte_photo.py photo.jpg cutout.png"""

import sys

import cv2
import numpy as np

import p3mvideo


def matte_photo(photo: str, cutout: str) -> None:
    """Write the person of a photograph as an image with straight alpha."""
    image = cv2.imread(photo, cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(photo)
    with p3mvideo.MattingSession() as session:
        print(session.description)
        alpha = session.matte(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    cv2.imwrite(cutout, np.dstack([image, np.round(alpha * 255).astype(np.uint8)]))


if __name__ == "__main__":
    matte_photo(sys.argv[1], sys.argv[2])
