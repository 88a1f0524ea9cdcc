"""Read a video's mattes frame by frame: python examples/read_mattes.py in.mp4"""

import sys

import p3mvideo


def print_coverage(video: str) -> None:
    """Print how much of each frame the person covers."""
    with p3mvideo.MattingSession() as session:
        for frame, alpha in session.mattes(video):
            print(f"{float(frame.seconds):.3f} s: the person covers {alpha.mean():.1%} of the frame")


if __name__ == "__main__":
    print_coverage(sys.argv[1])
