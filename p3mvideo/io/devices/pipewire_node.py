"""A program that offers a camera in PipeWire: `python pipewire_node.py WIDTH HEIGHT RATE_NUMERATOR RATE_DENOMINATOR NAME`.

It reads frames from standard input, YUY2, each of WIDTH * HEIGHT * 2 bytes, and passes the newest one on to whoever watches. It writes
`paused` to standard output when programs can find the camera, `streaming` when the first one begins to watch, and `paused` again when the
last one has gone. It ends at the end of its input, or with a line on standard error.

It is a program of its own because libpipewire ends the process that it lives in when it finds something wrong, and needs nothing but
Python and that library. What is laid out here by hand is libpipewire's stable binary interface (pipewire/stream.h, spa/pod/pod.h,
spa/buffer/buffer.h), the same since PipeWire 0.3.40.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_int64, c_uint32, c_uint64, c_void_p
from typing import Any, BinaryIO, Final

LIBRARY: Final = "libpipewire-0.3.so.0"
OUTPUT: Final = 1
ANY: Final = 0xFFFFFFFF
MAP_BUFFERS, DRIVER = 1 << 2, 1 << 3
"""Flags of a stream: its buffers lie in memory; it sets the pace."""
ERROR, UNCONNECTED, PAUSED, STREAMING = -1, 0, 2, 3
"""States of a stream."""
POD_ID, POD_INT, POD_RECTANGLE, POD_FRACTION, POD_OBJECT, POD_CHOICE = 3, 4, 10, 11, 15, 19
OBJECT_FORMAT, OBJECT_BUFFERS = 0x40003, 0x40004
PARAM_ENUM_FORMAT, PARAM_FORMAT, PARAM_BUFFERS = 3, 4, 5
MEDIA_TYPE, MEDIA_SUBTYPE, VIDEO_FORMAT, VIDEO_SIZE, VIDEO_RATE = 1, 2, 0x20001, 0x20003, 0x20004
VIDEO, RAW, YUY2 = 2, 1, 4
BUFFERS_COUNT, BUFFERS_BLOCKS, BUFFERS_SIZE, BUFFERS_STRIDE = 1, 2, 3, 4
CHOICE_RANGE: Final = 1
NOT_THERE: Final = (errno.ENOENT, errno.ECONNREFUSED, errno.EHOSTDOWN)
"""Errors of a connection to nothing."""


class Chunk(ctypes.Structure):
    """`struct spa_chunk`."""

    _fields_ = (("offset", c_uint32), ("size", c_uint32), ("stride", c_int32), ("flags", c_int32))


class Data(ctypes.Structure):
    """`struct spa_data`."""

    _fields_ = (
        ("type", c_uint32), ("flags", c_uint32), ("fd", c_int64), ("mapoffset", c_uint32), ("maxsize", c_uint32), ("data", c_void_p),
        ("chunk", POINTER(Chunk)),
    )  # fmt: skip


class SpaBuffer(ctypes.Structure):
    """`struct spa_buffer`."""

    _fields_ = (("n_metas", c_uint32), ("n_datas", c_uint32), ("metas", c_void_p), ("datas", POINTER(Data)))


class Buffer(ctypes.Structure):
    """The beginning of `struct pw_buffer`."""

    _fields_ = (("buffer", POINTER(SpaBuffer)), ("user_data", c_void_p), ("size", c_uint64))


StateChanged = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_int, c_char_p)
ParamChanged = ctypes.CFUNCTYPE(None, c_void_p, c_uint32, c_void_p)
Process = ctypes.CFUNCTYPE(None, c_void_p)


class Events(ctypes.Structure):
    """`struct pw_stream_events`, version 2."""

    _fields_ = (
        ("version", c_uint32), ("destroy", c_void_p), ("state_changed", StateChanged), ("control_info", c_void_p), ("io_changed", c_void_p),
        ("param_changed", ParamChanged), ("add_buffer", c_void_p), ("remove_buffer", c_void_p), ("process", Process), ("drained", c_void_p),
        ("command", c_void_p), ("trigger_done", c_void_p),
    )  # fmt: skip


def pod(kind: int, body: bytes) -> bytes:
    """Return a value as `struct spa_pod`, padded to 8 bytes."""
    return struct.pack("=II", len(body), kind) + body + bytes(-len(body) % 8)


def identifier(value: int) -> bytes:
    """Return a pod of type Id."""
    return pod(POD_ID, struct.pack("=I", value))


def integer(value: int) -> bytes:
    """Return a pod of type Int."""
    return pod(POD_INT, struct.pack("=i", value))


def integer_range(usual: int, least: int, most: int) -> bytes:
    """Return a choice of Ints."""
    return pod(POD_CHOICE, struct.pack("=IIIIiii", CHOICE_RANGE, 0, 4, POD_INT, usual, least, most))


def pair(kind: int, one: int, other: int) -> bytes:
    """Return a Rectangle or a Fraction."""
    return pod(kind, struct.pack("=II", one, other))


def object_of(kind: int, param: int, properties: dict[int, bytes]) -> bytes:
    """Return an Object."""
    body = struct.pack("=II", kind, param) + b"".join(struct.pack("=II", key, 0) + value for key, value in properties.items())
    return pod(POD_OBJECT, body)


class CameraNode:
    """A camera that programs find in PipeWire, as long as this object lives.

    Args:
        library: libpipewire.
        width: In pixels.
        height: In pixels.
        rate: Frames per second, numerator and denominator.
        name: What programs call it.
    """

    def __init__(self, library: Any, width: int, height: int, rate: tuple[int, int], name: str) -> None:
        self._library, self._width, self._frame_bytes = library, width, width * height * 2
        self._frame = (ctypes.c_char * self._frame_bytes)()
        quoted = name.replace("\\", "").replace('"', "")
        properties = f'{{ media.class = Video/Source media.role = Camera node.name = "{quoted}" node.description = "{quoted}" }}'
        # Kept, for libpipewire calls them.
        self._events = Events(
            version=2,
            state_changed=StateChanged(self._state_changed),
            param_changed=ParamChanged(self._param_changed),
            process=Process(self._process),
        )
        library.pw_init(None, None)
        self._loop = library.pw_thread_loop_new(b"p3mvideo", None)
        if not self._loop:
            raise SystemExit("PipeWire cannot be used: there is no loop")
        library.pw_thread_loop_lock(self._loop)
        library.pw_thread_loop_start(self._loop)
        self._stream = library.pw_stream_new_simple(
            library.pw_thread_loop_get_loop(self._loop), quoted.encode(), library.pw_properties_new_string(properties.encode()),
            byref(self._events), None,
        )  # fmt: skip
        if not self._stream:
            raise SystemExit("PipeWire is not running")
        offered = object_of(
            OBJECT_FORMAT, PARAM_ENUM_FORMAT,
            {
                MEDIA_TYPE: identifier(VIDEO), MEDIA_SUBTYPE: identifier(RAW), VIDEO_FORMAT: identifier(YUY2),
                VIDEO_SIZE: pair(POD_RECTANGLE, width, height), VIDEO_RATE: pair(POD_FRACTION, *rate),
            },
        )  # fmt: skip
        connected = library.pw_stream_connect(self._stream, OUTPUT, ANY, DRIVER | MAP_BUFFERS, *_params(offered))
        library.pw_thread_loop_unlock(self._loop)
        if connected < 0:
            reason = "PipeWire is not running" if -connected in NOT_THERE else f"PipeWire refuses the camera: {os.strerror(-connected)}"
            raise SystemExit(reason)

    def feed(self, frames: BinaryIO) -> None:
        """Show frames until their end."""
        incoming = bytearray(self._frame_bytes)
        while _read_into(frames, incoming):
            self._library.pw_thread_loop_lock(self._loop)
            ctypes.memmove(self._frame, bytes(incoming), self._frame_bytes)
            if self._library.pw_stream_get_state(self._stream, None) == STREAMING:
                self._library.pw_stream_trigger_process(self._stream)
            self._library.pw_thread_loop_unlock(self._loop)

    def _state_changed(self, data: int | None, old: int, state: int, error: bytes | None) -> None:
        if state in (PAUSED, STREAMING):
            print("streaming" if state == STREAMING else "paused", flush=True)
        elif state in (ERROR, UNCONNECTED):
            _end(f"PipeWire: {(error or b'the connection is lost').decode(errors='replace')}")

    def _param_changed(self, data: int | None, param: int, value: int | None) -> None:
        if param != PARAM_FORMAT or not value:
            return
        buffers = object_of(
            OBJECT_BUFFERS, PARAM_BUFFERS,
            {
                BUFFERS_COUNT: integer_range(4, 2, 8), BUFFERS_BLOCKS: integer(1), BUFFERS_SIZE: integer(self._frame_bytes),
                BUFFERS_STRIDE: integer(2 * self._width),
            },
        )  # fmt: skip
        self._library.pw_stream_update_params(self._stream, *_params(buffers))

    def _process(self, data: int | None) -> None:
        buffer = self._library.pw_stream_dequeue_buffer(self._stream)
        if not buffer:
            return  # the watcher holds all of them
        block = buffer.contents.buffer.contents.datas[0]
        if block.data and block.maxsize >= self._frame_bytes:
            ctypes.memmove(block.data, self._frame, self._frame_bytes)
            block.chunk.contents.offset, block.chunk.contents.size = 0, self._frame_bytes
            block.chunk.contents.stride, block.chunk.contents.flags = 2 * self._width, 0
        self._library.pw_stream_queue_buffer(self._stream, buffer)


def load_library() -> Any:
    """Return libpipewire with its functions declared.

    Raises:
        OSError: It is not installed.
    """
    library = ctypes.CDLL(LIBRARY)
    for name, result, arguments in (
        ("pw_init", None, (c_void_p, c_void_p)),
        ("pw_thread_loop_new", c_void_p, (c_char_p, c_void_p)),
        ("pw_thread_loop_start", c_int, (c_void_p,)),
        ("pw_thread_loop_lock", None, (c_void_p,)),
        ("pw_thread_loop_unlock", None, (c_void_p,)),
        ("pw_thread_loop_get_loop", c_void_p, (c_void_p,)),
        ("pw_properties_new_string", c_void_p, (c_char_p,)),
        ("pw_stream_new_simple", c_void_p, (c_void_p, c_char_p, c_void_p, POINTER(Events), c_void_p)),
        ("pw_stream_connect", c_int, (c_void_p, c_int, c_uint32, c_int, POINTER(c_void_p), c_uint32)),
        ("pw_stream_update_params", c_int, (c_void_p, POINTER(c_void_p), c_uint32)),
        ("pw_stream_get_state", c_int, (c_void_p, c_void_p)),
        ("pw_stream_trigger_process", c_int, (c_void_p,)),
        ("pw_stream_dequeue_buffer", POINTER(Buffer), (c_void_p,)),
        ("pw_stream_queue_buffer", c_int, (c_void_p, POINTER(Buffer))),
    ):  # fmt: skip
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _params(param: bytes) -> tuple[Any, int]:
    """Return one parameter as libpipewire takes them: an array of pointers, and its length."""
    memory = (c_uint64 * (len(param) // 8)).from_buffer_copy(param)  # pods are aligned to 8 bytes
    pointers = (c_void_p * 1)(ctypes.addressof(memory))
    pointers._memory = memory  # type: ignore[attr-defined]  # lives as long as the pointer to it
    return pointers, 1


def _read_into(stream: BinaryIO, target: bytearray) -> bool:
    """Fill `target` and return whether there was enough."""
    view = memoryview(target)
    while view:
        count = stream.readinto(view)  # type: ignore[attr-defined]
        if not count:
            return False
        view = view[count:]
    return True


def _end(problem: str) -> None:
    """End this program from within a call of libpipewire."""
    print(problem, file=sys.stderr, flush=True)
    os._exit(1)


def main() -> None:
    """Run the program."""
    width, height, numerator, denominator = (int(argument) for argument in sys.argv[1:5])
    try:
        library = load_library()
    except OSError:
        raise SystemExit("PipeWire is not installed") from None
    CameraNode(library, width, height, (numerator, denominator), sys.argv[5]).feed(sys.stdin.buffer)


if __name__ == "__main__":
    main()
