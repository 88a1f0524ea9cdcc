"""Give a video another background: python examples/replace_background.py in.mp4 out.mp4 beach.jpg"""

import sys
from pathlib import Path

from p3mvideo.app.process import ProcessListener, process


def replace_background(video: Path, output: Path, background: str) -> None:
    """Write the video with another background; its sound and its times stay."""
    listener = ProcessListener(
        engine_ready=print,
        progressed=lambda progress: print(f"\r{progress.frames_out} frames", end="", flush=True),
    )
    result = process([video], output=output, bg=background, overwrite=True, listener=listener)
    print()
    for done in result.inputs:
        if done.error is not None:
            raise done.error
        assert done.statistics is not None
        print(done.statistics.table())


if __name__ == "__main__":
    replace_background(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
