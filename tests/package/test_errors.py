"""What every error of the program tells."""

from __future__ import annotations

import pickle
import traceback

from p3mvideo.errors import P3MVideoError, WeightsError, error_from_json, error_to_json


def told(error: P3MVideoError) -> list[str]:
    """Return the end of a traceback."""
    return "".join(traceback.format_exception_only(error)).splitlines()


def test_a_traceback_shows_the_hint_once_however_the_error_travelled() -> None:
    error = WeightsError("there are no weights", hint="pull them")
    for same in (error, pickle.loads(pickle.dumps(error)), error_from_json(error_to_json(error))):
        assert told(same) == ["p3mvideo.errors.WeightsError: there are no weights", "hint: pull them"]
        assert same.later_notes == ()
        same.add_note("after that, nothing worked")
        assert same.later_notes == ("after that, nothing worked",)


def test_an_error_without_a_hint_says_no_more() -> None:
    assert told(WeightsError("there are no weights")) == ["p3mvideo.errors.WeightsError: there are no weights"]
