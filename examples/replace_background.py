"""Give a video another background: python examples/replace_background.py in.mp4 out.mp4 beach.jpg"""

import sys

import p3mvideo


def replace_background(video: str, output: str, background: str) -> None:
    """Write the video with another background; its audio and its times stay."""
    result = p3mvideo.process(
        [video],
        output=output,
        background=background,
        faces=p3mvideo.FaceOptions(anonymize="input"),
        writing=p3mvideo.WriteOptions(overwrite=True),
    )
    result.raise_for_errors()
    for done in result.inputs:
        assert done.statistics is not None
        print(done.statistics.table())


if __name__ == "__main__":
    replace_background(sys.argv[1], sys.argv[2], sys.argv[3])
