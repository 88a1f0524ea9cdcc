"""What the keys of the preview do, and what they answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, get_args

from p3mvideo.app.live.background import LiveBackground
from p3mvideo.app.live.output_gate import SETTING_UP, OutputGate
from p3mvideo.app.live.preview.room_photo import RoomPhoto
from p3mvideo.app.live.session import LiveSession
from p3mvideo.app.live.sinks import RecordingOutput
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.io.devices.preview_window import ESCAPE
from p3mvideo.options.smoothing import Smoothing

BY_USER, IDLE = "by you", "no one is watching"
"""Why the video is paused."""
ANSWER_SECONDS, PROBLEM_SECONDS = 2.0, 8.0
"""How long the window shows what a key did, and why something could not be done."""
SMOOTHINGS: tuple[Smoothing, ...] = get_args(Smoothing)
BRIGHTNESS = (0.0, 0.3, 0.6, 1.0)
"""What the key goes through."""


class Key(NamedTuple):
    """One key of the preview."""

    keys: tuple[str, ...]
    """What is pressed; any of them."""
    label: str
    """How it is written."""
    help: str
    """What it does."""


KEYS = (
    Key(("b",), "b", "next background"),
    Key(("v",), "v", "previous background"),
    Key(("+", "="), "+", "more blur"),
    Key(("-",), "-", "less blur"),
    Key(("t",), "t", "photo of the empty room as background"),
    Key(("a",), "a", "hide faces from viewers, or show them"),
    Key(("s",), "s", "smoothing of the matte"),
    Key(("l",), "l", "more light on the person"),
    Key(("z",), "z", "zoom to the person and follow"),
    Key(("m",), "m", "mirror"),
    Key(("p",), "p", "pause the video, or go on"),
    Key(("r",), "r", "pause the recording, or go on"),
    Key(("f",), "f", "statistics"),
    Key(("?", "h"), "?", "this list"),
    Key(("q", ESCAPE), "q, Esc", "end"),
)  # fmt: skip
"""All keys, in the order of the list that `?` shows."""


class LiveControls:
    """Turns keys into changes of a live run. What a key did is told the user, and can be read for some seconds.

    Args:
        source: The camera.
        show: What is shown.
        session: What runs between them.
        background: What stands behind the person.
        say: Tells the user.
        recording: The recording, if there is one.
    """

    def __init__(
        self, source: CameraSource, show: OutputGate, session: LiveSession, background: LiveBackground, say: Callable[[str], None],
        recording: RecordingOutput | None = None,
    ) -> None:  # fmt: skip
        self._source, self._show, self._session, self._background, self._say = source, show, session, background, say
        self._recording = recording
        first = session.settings.anonymize
        self._shown_mode = "input" if first == "output" else first
        self._photo: RoomPhoto | None = None
        self._answer, self._answered_until = "", float("-inf")
        self.statistics = False
        """Whether statistics are laid over the preview."""
        self.help = False
        """Whether all keys are laid over the preview."""
        self.quit = False
        """Whether the user wants to end."""
        actions: dict[str, Callable[[], None]] = {
            "b": lambda: self._other_background(1), "v": lambda: self._other_background(-1), "+": lambda: self._blur(0.1),
            "-": lambda: self._blur(-0.1), "t": self._take_photo, "a": self._anonymize, "s": self._smoothing, "l": self._brighten,
            "z": self._frame_person, "m": self._mirror, "p": self.panic, "r": self._pause_recording, "f": self._toggle_statistics,
            "?": self._toggle_help, "q": self._end,
        }  # fmt: skip
        self._actions = {pressed: actions[key.keys[0]] for key in KEYS for pressed in key.keys}

    @property
    def answer(self) -> str:
        """What the last key did; empty some seconds later."""
        return self._answer if time.monotonic() < self._answered_until else ""

    def states(self) -> tuple[str, ...]:
        """Return the keys used most and what they would change, each as `[key] state`."""
        settings = self._session.settings
        recording = self._recording
        return (
            f"[b] {self._background.label}",
            f"[a] faces {'hidden' if settings.anonymize == 'output' else 'shown'}",
            f"[m] mirror {_on(self._source.mirror)}",
            f"[z] zoom {_on(settings.frame_person)}",
            *([f"[r] {'recording paused' if recording.paused else 'recording'}"] if recording is not None and not recording.ended else []),
            f"[p] {'show again' if BY_USER in self._show.reasons else 'pause'}",
            "[?] all keys",
            "[q] end",
        )

    def press(self, key: str) -> None:
        """Do what a key says; keys without a meaning do nothing."""
        if key in self._actions:
            self._actions[key]()

    def tick(self) -> None:
        """Go on with what takes time; called some times a second."""
        if problem := self._background.take_problem():
            self.explain(problem)
        if self._photo is None:
            return
        name = self._photo.look(self._session.seen)
        self._tell(self._photo.words, aloud=self._photo.done)
        if name is not None:
            self._background.add(str(name))
        if self._photo.done:
            self._photo = None

    def panic(self) -> None:
        """Show the placeholder at once; the second time, go on."""
        self.pause(BY_USER, BY_USER not in self._show.reasons)

    def pause(self, reason: str, paused: bool) -> None:
        """Show the placeholder and let the network rest for a reason, or take the reason away."""
        if paused == (reason in self._show.reasons):
            return
        if paused:
            self._show.pause(reason)
            self._source.paused = True
        else:
            # What the camera delivers from now on is shown again, unless there is another reason.
            self._source.paused = bool(self._show.reasons - {SETTING_UP, reason})
            self._show.resume(reason)
        self._tell(f"Video paused{'' if reason == BY_USER else f': {reason}'}" if paused else "Visible again")

    def explain(self, problem: str) -> None:
        """Show for a while why something could not be done."""
        self._answer, self._answered_until = problem, time.monotonic() + PROBLEM_SECONDS

    def _tell(self, answer: str, *, aloud: bool = True) -> None:
        self._answer, self._answered_until = answer, time.monotonic() + ANSWER_SECONDS
        if aloud:
            self._say(answer)

    def _other_background(self, step: int) -> None:
        self._background.advance(step)
        self._tell(f"Background {self._background.place}: {self._background.label}")

    def _blur(self, step: float) -> None:
        strength = self._background.change_blur(step)
        self._tell("This background is not a blur: press b until it is" if strength is None else f"Blur {round(100 * strength)} %")

    def _take_photo(self) -> None:
        self._photo = RoomPhoto()

    def _anonymize(self) -> None:
        mode = self._shown_mode if self._session.settings.anonymize == "output" else "output"
        self._session.change(anonymize=mode)
        self._tell("Faces: hidden from viewers" if mode == "output" else "Faces: shown to viewers")

    def _smoothing(self) -> None:
        smoothing = SMOOTHINGS[(SMOOTHINGS.index(self._session.settings.smoothing) + 1) % len(SMOOTHINGS)]
        self._session.change(smoothing=smoothing)
        self._tell(f"Smoothing {smoothing}")

    def _brighten(self) -> None:
        now = self._session.settings.brighten
        brighten = next((value for value in BRIGHTNESS if value > now), BRIGHTNESS[0])
        self._session.change(brighten=brighten)
        self._tell(f"Light on the person: {round(100 * brighten)} %" if brighten else "Light on the person: as it is")

    def _frame_person(self) -> None:
        self._session.change(frame_person=not self._session.settings.frame_person)
        self._tell(f"Zoom to the person {_on(self._session.settings.frame_person)}")

    def _mirror(self) -> None:
        self._source.mirror = not self._source.mirror
        self._tell(f"Mirror {_on(self._source.mirror)}")

    def _pause_recording(self) -> None:
        if self._recording is None or self._recording.ended:
            self._tell("Nothing is being recorded: start with --record FILE")
            return
        self._recording.pause(not self._recording.paused)
        self._tell("Recording paused" if self._recording.paused else "Recording goes on")

    def _toggle_statistics(self) -> None:
        self.statistics = not self.statistics
        self._tell(f"Statistics {_on(self.statistics)}")

    def _toggle_help(self) -> None:
        self.help = not self.help

    def _end(self) -> None:
        self.quit = True


def _on(value: bool) -> str:
    return "on" if value else "off"
