"""A background that can be exchanged while it is shown: by a key, and when its file changes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from p3mvideo.app.backgrounds import open_background
from p3mvideo.compose import Background, ColourBackground, parse_background
from p3mvideo.compose.shipped import shipped_background
from p3mvideo.errors import ConfigError, P3MVideoError, SourceError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.inputs import expand_inputs
from p3mvideo.matte import Matte
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
        names: What `--bg` named, and what else the key goes through; at least one. A folder stands for the images and videos in it.
        fit: How an image or video comes to the frame's size.
        say: Tells the user.
        remembered: Whether an earlier run chose them. Where the first one is gone since then, a plain colour takes its place until it is back.

    Raises:
        ConfigError, SourceError: The first one cannot be shown, though it was not remembered; or one is transparent.
    """

    def __init__(self, names: Sequence[str], fit: Fit, say: Callable[[str], None], *, remembered: bool = False) -> None:
        names = list(dict.fromkeys(name for given in names for name in _files_of(given, keep_unusable=remembered)))
        for name in names:
            if parse_background(name).kind == "transparent":
                raise ConfigError("a live image cannot be transparent", hint="use --bg green and remove that colour where it is shown")
        self._names, self._fit, self._say = tuple(names), fit, say
        self._fallback = ColourBackground(FALLBACK)
        self._current: _Opened | None = None
        try:
            self._current = self._open(names[0])
        except P3MVideoError:
            if not remembered:
                raise
            say(f"the background of the last run, {names[0]}, cannot be opened; a plain colour takes its place")
        self._next: _Opened | None = None
        self._lock = threading.Lock()
        self._last_pts: int | None = None
        self._own_pts = 0
        self._wanted = 0  # counts changes, so that what was opened for an earlier one is not shown
        self._index = 0  # how far the key has gone
        self._failed = False  # whether that one could not be opened
        self._displayed = names[0]
        self._problem = ""
        self._changed: dict[str, str] = {}
        self._passing: set[str] = set()
        self._seen = self._look()
        self._pending: tuple[int, int] | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that may be shown."""
        return tuple(Path(name) for name in self._names if parse_background(name).kind == "file" and os.path.isfile(name))

    @property
    def name(self) -> str:
        """The name of the present one."""
        return self._names[self._present]

    @property
    def _present(self) -> int:
        """Which of all is displayed, or will be as soon as it is open."""
        return self._names.index(self._displayed) if self._failed and self._displayed in self._names else self._index

    @property
    def label(self) -> str:
        """What the present one is called in messages."""
        spec = parse_background(self.name)
        if spec.kind == "blur":
            return f"blur {round(100 * spec.strength)} %"
        return Path(self.name).name if spec.kind == "file" else self.name

    @property
    def place(self) -> str:
        """Which of all the present one is."""
        return f"{self._present + 1} of {len(self._names)}"

    def in_order(self, chosen: Sequence[str]) -> tuple[str, ...]:
        """Return the backgrounds that were chosen, as they are now, the present one first; files of a chosen folder are not added to it."""
        now = dict.fromkeys(self._changed.get(name, name) for name in chosen)
        folders = [Path(name) for name in now if Path(name).is_dir()]
        first = [name for name in (self.name,) if name not in self._passing] or list(now)[:1]
        return (*first, *(name for name in now if name not in first and Path(name).parent not in folders))

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

    def advance(self, step: int = 1) -> None:
        """Go on to the next one, or back, as soon as that is ready. Where it cannot be opened, the present one stays, see `take_problem`."""
        self._go_to(self._names, (self._index + step) % len(self._names))

    def add(self, name: str) -> None:
        """Take one more background, after the present one, and go on to it."""
        following = self._present + 1
        self._go_to((*self._names[:following], name, *self._names[following:]), following)

    def choose(self, name: str, *, remembered: bool = True) -> None:
        """Go on to the one with this name, which is taken into the list if it is not there yet.

        Args:
            name: Colour, image, video or blur.
            remembered: Whether it may be used in a later run.

        Raises:
            ConfigError: It is transparent.
        """
        if parse_background(name).kind == "transparent":
            raise ConfigError("a live image cannot be transparent", hint="use a green one and remove that colour where it is shown")
        if not remembered:
            self._passing.add(name)
        if name in self._names:
            self._go_to(self._names, self._names.index(name))
        else:
            self.add(name)

    def change_blur(self, step: float) -> float | None:
        """Change the strength of a blurred room and return it, from 0.1 to 1; None where the present one is none."""
        spec = parse_background(self.name)
        if spec.kind != "blur":
            return None
        strength = min(1.0, max(0.1, round(spec.strength + step, 1)))
        original = next((name for name, now in self._changed.items() if now == self.name), self.name)
        self._changed[original] = f"blur:{strength:g}"
        present = self._present
        self._go_to((*self._names[:present], self._changed[original], *self._names[present + 1 :]), present)
        return strength

    def take_problem(self) -> str:
        """Return why one that was gone on to could not be opened, once; empty if none failed."""
        with self._lock:
            problem, self._problem = self._problem, ""
        return problem

    def _go_to(self, names: tuple[str, ...], index: int) -> None:
        with self._lock:
            self._names, self._index, self._failed = names, index, False
            self._wanted += 1
        self._seen, self._pending = self._look(), None
        threading.Thread(target=self._open_now, args=(self.name, self._wanted), name="p3mvideo background", daemon=True).start()

    def check_file(self) -> None:
        """Open the present one's file again if it has changed, and is not being written any more; called about once a second."""
        now = self._look()
        # Half-written files change; one that looks the same twice is complete. A file that is gone leaves its image behind.
        if now is None or now == self._seen:
            self._pending = None
        elif now != self._pending:
            self._pending = now
        else:
            self._go_to(self._names, self._present)

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

    def _open_now(self, name: str, number: int) -> None:
        try:
            opened = self._open(name)
        except P3MVideoError as error:
            problem = f"{error.message}; the background stays as it is"
            self._say(problem)
            with self._lock:
                if number == self._wanted:
                    self._failed, self._problem = True, problem
                    self._seen = self._look()
            return
        with self._lock:
            unwanted: _Opened | None = opened
            if number == self._wanted:
                unwanted, self._next = self._next, opened
                self._displayed = name
        if unwanted is not None:
            unwanted.close()


def lasting_name(name: str) -> str:
    """Return a name that means the same background in whatever folder a later run is started: files and folders by their whole path."""
    is_file = parse_background(name).kind == "file" and shipped_background(name) is None
    return str(Path(name).absolute()) if is_file else name


def _files_of(name: str, *, keep_unusable: bool) -> list[str]:
    """Return the images and videos of a folder, in the order of their names; anything else as it is.

    Raises:
        SourceError: It is a folder without images and videos, or cannot be listed, and is not to be kept as it is.
    """
    if parse_background(name).kind != "file" or shipped_background(name) is not None or not os.path.isdir(name):
        return [name]
    try:
        return [str(item.path) for item in expand_inputs([name], unreadable=[])]
    except SourceError:
        if not keep_unusable:
            raise
        return [name]
