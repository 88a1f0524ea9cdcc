"""`p3mvideo doctor`: what works on this machine, and how to mend what does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from p3mvideo.app.doctor import live, machine, trial
from p3mvideo.app.doctor.check import Check
from p3mvideo.errors import ExitCode, P3MVideoError

Examination = Callable[[], list[Check]]

EXAMINATIONS: dict[str, Examination] = {
    "versions": machine.versions,
    "network": machine.networks,
    "faces": machine.faces,
    "runtimes": machine.runtimes,
    "encoders": machine.encoders,
    "disk": machine.disk,
    "cameras": live.cameras,
    "virtual camera": live.virtual_cameras,
    "screen": live.screen,
    "live": trial.live_verdict,
}
"""What is looked at, in this order."""
ESSENTIAL = ("network", "encoders", "disk")
"""Without these no video can be processed."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> ExitCode:
        """3 if the main job, a video with another background, cannot be done."""
        return ExitCode.MISSING if any(check.status == "missing" and check.essential for check in self.checks) else ExitCode.DONE

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {"usable": self.exit_code == ExitCode.DONE, "checks": [asdict(check) for check in self.checks]}

    def text(self) -> str:
        """Return everything as lines, each with its fix below it."""
        lines, area = [], ""
        for check in self.checks:
            if check.area != area:
                area = check.area
                lines += ["", area]
            mark = "ok  " if check.status == "ok" else "FAIL" if check.status == "missing" else "--  "
            lines.append(f"  {mark} {check.name}: {check.detail}")
            if check.fix:
                lines.append(f"         fix: {check.fix}")
        usable = "videos can be processed" if self.exit_code == ExitCode.DONE else "videos cannot be processed"
        return "\n".join([*lines[1:], "", usable])


def doctor(examinations: dict[str, Examination] | None = None, *, listener: Callable[[str], None] = lambda area: None) -> Diagnosis:
    """Look at everything that p3mvideo needs or can use. Opens no connection, and leaves nothing behind.

    Args:
        examinations: What to look at, by area; None looks at everything.
        listener: Hears which area is looked at.
    """
    checks: list[Check] = []
    for area, examine in (examinations or EXAMINATIONS).items():
        listener(area)
        checks += _safely(area, examine)
    return Diagnosis(tuple(checks))


def _safely(area: str, examine: Examination) -> Sequence[Check]:
    """Return what an examination finds; that it failed, if it did: the others are of use all the same."""
    make = partial(Check, area, area, "missing", essential=area in ESSENTIAL)
    try:
        return examine()
    except P3MVideoError as error:
        return [make(detail=error.message, fix=error.hint)]
    except Exception as error:  # whatever a broken library raises is the finding
        return [make(detail=f"{type(error).__name__}: {error}", fix="reinstall p3mvideo; if that does not help, please report this")]
