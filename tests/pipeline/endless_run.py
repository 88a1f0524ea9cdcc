"""A process whose pipeline runs until it is interrupted: `python -m tests.pipeline.endless_run OUT [hang]`.

With `hang`, the source delivers three frames and then nothing.
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

from p3mvideo.frame import Frame
from p3mvideo.pipeline import Output
from tests.pipeline.fakes import ImageCompositor, make_stream, pipeline_threads


class PartFileSink:
    """Writes to a temporary name, which it gives up for the final one only when it is finished."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._file = self._part.open("wb")
        self._frames = 0

    def write(self, frame: Frame) -> None:
        self._file.write(frame.interleaved().tobytes())
        self._frames += 1
        if self._frames == 3:
            print("writing", flush=True)

    def finish(self) -> None:
        self._file.close()
        self._part.rename(self._path)

    def close(self) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


def main() -> int:
    """Run for about an hour."""
    sink = PartFileSink(Path(sys.argv[1]))
    deliveries = itertools.count()
    hangs = sys.argv[2:] == ["hang"]

    def pause() -> None:
        time.sleep(3600 if hangs and next(deliveries) == 3 else 0.01)

    try:
        make_stream(360_000, hooks={"source": pause}, outputs=[Output(ImageCompositor(), sink)]).pipeline.run()
    except KeyboardInterrupt as interrupt:
        print(f"interrupted by {interrupt}, threads left: {pipeline_threads()}")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
