"""Keeps MediaPipe from reporting its use, and its import from starting programs and writing files.

Since version 1.0 every MediaPipe task carries a usage logger: a thread inside its C library that posts to play.googleapis.com
when a task is made, once a minute, and when it is closed. It has no switch. It uses libcurl, which asks the C environment for a
proxy at each post, so a proxy of an unknown kind makes every post fail before a name is looked up or a connection opened.

`import mediapipe` imports sounddevice, which starts ldconfig, gcc and ld in search of PortAudio, and matplotlib.pyplot, which writes a list
of fonts into the user's cache. Finding faces needs neither.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

# Lower case first: libcurl prefers it. A scheme that no libcurl knows ends the attempt before a name is resolved.
DEAD_END = "denied://telemetry.invalid"
# Neither may be empty, which libcurl takes for unset; and a user's "*" here would lead around the dead end.
EXCEPT_FOR = "nothing.invalid"
DEFERRED = ("sounddevice", "matplotlib", "matplotlib.pyplot")
"""What MediaPipe imports without using it for faces, packages before what is in them."""


def deny_telemetry() -> None:
    """Point every HTTPS client in this process that reads the C environment, as libcurl does, at a dead end.

    `os.putenv` leaves `os.environ` alone: Python's own clients, and processes that are started with a copy of `os.environ`,
    are not affected. Must run before the first MediaPipe task is made. May be called any number of times.
    """
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        os.putenv(name, DEAD_END)
    for name in ("no_proxy", "NO_PROXY"):
        os.putenv(name, EXCEPT_FOR)


@contextmanager
def deferred_imports() -> Iterator[None]:
    """Inside, importing sounddevice or matplotlib gives stand-ins, which import the real modules when something in them is used.

    Afterwards both are imported as by default; modules that were imported inside keep the stand-ins and notice no difference.
    """
    stand_ins = {name: _stand_in(name) for name in DEFERRED if name not in sys.modules}
    for name, module in stand_ins.items():
        package, _, own_name = name.rpartition(".")
        if package in stand_ins:
            setattr(stand_ins[package], own_name, module)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def _stand_in(name: str) -> ModuleType:
    module = ModuleType(name)

    def from_the_real_one(attribute: str) -> object:
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    module.__getattr__ = from_the_real_one  # type: ignore[method-assign]  # PEP 562
    return module
