"""A background that can be exchanged while it is shown: by a key, and when its file changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from p3mvideo.app.backgrounds import open_background
from p3mvideo.compose import Background, ColourBackground, parse_background
from p3mvideo.errors import ConfigError, P3MVideoError
from p3mvideo.frame import Frame, Matte, UInt8Array
from p3mvideo.options.background import Fit

FALLBACK = (64, 70, 82)
"""Colour behind the person where a background fails: never the room."""
LONGEST_STEP_SECONDS = Fraction(1, 5)
"""How far a moving background goes on from one image to the next at most."""


class _Opened(NamedTuple):
    """A background, and the context that releases it."""

    background: Background
    context: AbstractContextManager[Background]

    def close(self) -> None:
        self.context.__exit__(None, None, None)


class LiveBackground:
    """A `Background` that can be exchanged at any time. Others are opened on a thread of their own; until one is ready, the present one stays.

    Args:
        names: What `--bg` named, and what else the key goes through; at least one.
        fit: How an image or video comes to the frame's size.
        say: Tells the user.

    Raises:
        ConfigError, SourceError: The first one cannot be shown, or one is transparent.
    """

    def __init__(self, names: Sequence[str], fit: Fit, say: Callable[[str], None]) -> None:
        for name in names:
            if parse_background(name).kind == "transparent":
                raise ConfigError("a live image cannot be transparent", hint="use --bg green and remove that colour where it is shown")
        self._names, self._fit, self._say = tuple(names), fit, say
        self._fallback = ColourBackground(FALLBACK)
        self._current: _Opened | None = self._open(names[0])
        self._next: _Opened | None = None
        self._lock = threading.Lock()
        self._last_pts: int | None = None
        self._own_pts = 0
        self._wanted = 0  # counts changes, so that what was opened for an earlier one is not shown
        self._index = 0
        self._seen = self._look()
        self._pending: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The name of the present one."""
        return self._names[self._index]

    def in_order(self, chosen: Sequence[str]) -> tuple[str, ...]:
        """Return the backgrounds that were chosen, the present one first."""
        return (self.name, *(name for name in chosen if name != self.name))

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        """See `p3mvideo.compose.Background`. One that fails gives way to a plain colour."""
        with self._lock:
            following, self._next = self._next, None
        if following is not None:
            self.close()
            self._current = following
        if self._current is None:
            return self._fallback(frame, matte)
        try:
            return self._current.background(self._on_own_clock(frame), matte)
        except P3MVideoError as error:
            self._say(f"{error.message}; a plain colour takes its place")
            self.close()
            return self._fallback(frame, matte)

    def _on_own_clock(self, frame: Frame) -> Frame:
        """Return the frame at a time that stood still while nothing was shown: a video need not catch up with a break."""
        elapsed = frame.pts - self._last_pts if self._last_pts is not None else 0
        self._last_pts = frame.pts
        self._own_pts += min(max(0, elapsed), round(LONGEST_STEP_SECONDS / frame.time_base))
        return replace(frame, pts=self._own_pts)

    def advance(self) -> str:
        """Go on to the next one, as soon as that is ready, and return its name."""
        self._index = (self._index + 1) % len(self._names)
        self._seen, self._pending = self._look(), None
        self._open_later()
        return self.name

    def check_file(self) -> None:
        """Reopen the current one's file if it has changed, and is not being written any more; called about once a second."""
        now = self._look()
        # Half-written files change; one that looks the same twice is complete. A file that is gone leaves its image behind.
        if now is None or now == self._seen:
            self._pending = None
        elif now != self._pending:
            self._pending = now
        else:
            self._seen, self._pending = now, None
            self._open_later()

    def close(self) -> None:
        """Release the present one; a plain colour is shown until another is there. May be called any number of times."""
        current, self._current = self._current, None
        if current is not None:
            current.close()

    def _look(self) -> tuple[int, int] | None:
        """Return time and size of the present one's file, None if there is none."""
        if parse_background(self.name).kind != "file":
            return None
        try:
            status = Path(self.name).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def _open(self, name: str) -> _Opened:
        context = open_background(name, parse_background(name), self._fit)
        return _Opened(context.__enter__(), context)

    def _open_later(self) -> None:
        self._wanted += 1
        threading.Thread(target=self._open_now, args=(self.name, self._wanted), name="p3mvideo background", daemon=True).start()

    def _open_now(self, name: str, number: int) -> None:
        try:
            opened = self._open(name)
        except P3MVideoError as error:
            self._say(f"{error.message}; the background stays as it is")
            return
        with self._lock:
            unwanted: _Opened | None = opened
            if number == self._wanted:
                unwanted, self._next = self._next, opened
        if unwanted is not None:
            unwanted.close()
