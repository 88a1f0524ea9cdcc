"""Runs the command line in a process that the kernel ends as soon as it asks for a network socket: `python -m tests.harness.no_sockets ARGS`.

Unlike a Python-level denial this holds for the libraries too that are written in C, and for every thread of theirs.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import struct
import sys

SOCKET_CALL = {"x86_64": 41, "aarch64": 198}
"""Number of the system call `socket`."""
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
REFUSE = 0x00050000 | errno.EACCES
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def can_deny_sockets() -> bool:
    """Return whether this system has what it takes."""
    return sys.platform == "linux" and platform.machine() in SOCKET_CALL


def deny_sockets(then: int = KILL_PROCESS) -> None:
    """Deny IPv4 and IPv6 sockets to this process and to every thread and child of it. There is no way back.

    Args:
        then: `KILL_PROCESS` lets the kernel end the process at the first one, `REFUSE` lets the call fail.
    """
    machine = platform.machine()
    # Layout of seccomp's data: number of the call at 0, architecture at 4, first argument, the address family, at 16.
    rules = [
        (LOAD_WORD, 0, 0, 4), (JUMP_IF_EQUAL, 0, 6, AUDIT_ARCH[machine]),
        (LOAD_WORD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 4, SOCKET_CALL[machine]),
        (LOAD_WORD, 0, 0, 16), (JUMP_IF_EQUAL, 1, 0, socket.AF_INET), (JUMP_IF_EQUAL, 0, 1, socket.AF_INET6),
        (RETURN, 0, 0, then), (RETURN, 0, 0, ALLOW),
    ]  # fmt: skip
    code = b"".join(struct.pack("HBBI", *rule) for rule in rules)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(rules), ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "cannot deny sockets")


if __name__ == "__main__":
    refuse = "--refuse" in sys.argv
    sys.argv[1:] = [argument for argument in sys.argv[1:] if argument != "--refuse"]
    deny_sockets(REFUSE if refuse else KILL_PROCESS)
    if sys.argv[1:] == ["--try"]:
        socket.socket(socket.AF_INET)
    from p3mvideo.cli import app

    app(prog_name="p3mvideo")
