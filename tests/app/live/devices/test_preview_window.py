"""The preview's window as OpenCV tells of it, by a stand-in: a screen is not everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from p3mvideo.io.devices.preview_window import ESCAPE, PreviewWindow


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> Iterator[PreviewWindow]:
    for name in ("namedWindow", "resizeWindow", "imshow", "destroyAllWindows"):
        monkeypatch.setattr(cv2, name, lambda *_: None)
    for name in ("waitKey", "waitKeyEx"):
        monkeypatch.setattr(cv2, name, lambda *_: -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
    monkeypatch.setattr(cv2, "getWindowImageRect", lambda *_: (0, 0, 640, 400))
    opened = PreviewWindow(960, 600)
    opened.show(np.zeros((4, 4, 3), np.uint8))
    yield opened
    opened.close()


def _raise(*_: Any) -> Any:
    raise cv2.error("there is no such window")


@pytest.mark.parametrize("says", [lambda *_: 0.0, lambda *_: -1.0, _raise])
def test_a_closed_window_is_escape_however_opencv_says_so(window: PreviewWindow, monkeypatch: pytest.MonkeyPatch, says: Any) -> None:
    assert window.key(1) == ""
    monkeypatch.setattr(cv2, "getWindowProperty", says)
    assert window.key(1) == ESCAPE


def test_a_closed_window_keeps_its_size(window: PreviewWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    assert window.size() == (640, 400)
    monkeypatch.setattr(cv2, "getWindowImageRect", _raise)
    assert window.size() == (640, 400)
