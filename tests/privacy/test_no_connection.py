"""MediaPipe's usage logger never gets to the network: not even a name is looked up.

The detector runs in a process that the kernel kills at its first attempt to connect or to send.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="needs Linux's system call filter")

SANDBOX = """
import ctypes, platform, struct, sys
calls = {"x86_64": (42, 44, 46, 307), "aarch64": (203, 206, 211, 269)}[platform.machine()]  # connect, sendto, sendmsg, sendmmsg
program = [struct.pack("HBBI", 0x20, 0, 0, 0)]  # load the number of the call
for i, number in enumerate(calls):
    program.append(struct.pack("HBBI", 0x15, len(calls) - i, 0, number))  # if it is this one, go to the end
program.append(struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000))  # allow
program.append(struct.pack("HBBI", 0x06, 0, 0, 0x80000000))  # kill the process
code = ctypes.create_string_buffer(b"".join(program))
libc = ctypes.CDLL(None, use_errno=True)
header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
ok = libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, header, 0, 0) == 0
if not ok:
    sys.exit(77)
"""

DETECT = """
import numpy as np
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.options import FaceOptions
from p3mvideo.frame import Frame
from fractions import Fraction
anonymizer = make_anonymizer(FaceOptions(anonymize="output", offline=True))
for i in range(3):
    anonymizer(Frame.from_interleaved(np.zeros((120, 160, 3), np.uint8), i, Fraction(1, 30)))
anonymizer.close()
print("done")
"""


def in_sandbox(code: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", SANDBOX + code], capture_output=True, text=True, timeout=100, check=False, env=dict(os.environ))
    if done.returncode == 77:
        pytest.skip("the kernel takes no system call filter here")
    return done


def test_the_sandbox_kills_who_connects() -> None:
    done = in_sandbox("import socket; socket.socket().connect(('127.0.0.1', 9))")
    assert done.returncode == -signal.SIGSYS


@pytest.mark.slow
@pytest.mark.parametrize("exceptions", ["", "*"], ids=["no proxy settings", "no_proxy=*"])
def test_the_detector_connects_to_nothing_and_says_nothing(model_paths: object, exceptions: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", exceptions)
    monkeypatch.setenv("NO_PROXY", exceptions)
    done = in_sandbox(DETECT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
    assert done.stderr == ""
