"""`p3mvideo studio`: serves the page until Ctrl-C."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import uvicorn

from p3mvideo.app.live.remote import LiveRemote
from p3mvideo.config import cache_folder
from p3mvideo.errors import ConfigError
from p3mvideo.listener import Listener
from p3mvideo.options import StudioOptions
from p3mvideo.studio.application import Studio
from p3mvideo.studio.guard import Guard
from p3mvideo.studio.jobs import JobQueue
from p3mvideo.studio.library import Library
from p3mvideo.studio.live import LiveHost
from p3mvideo.studio.preview import Previews

CLOSE_SECONDS = 3


def studio(options: StudioOptions = StudioOptions(), *, listener: Listener | None = None) -> None:
    """Serve the page until the process is interrupted. Jobs that run are cancelled then, and the work folder is removed.

    Args:
        options: Where to listen, and which folders may be used.
        listener: Hears the address.

    Raises:
        ConfigError: The address cannot be listened on, or stands for all addresses of this machine.
        SinkError: There is no room for a work folder.
    """
    with contextlib.suppress(KeyboardInterrupt), _serving(options, listener or Listener()) as (server, listening):  # Ctrl-C is the way to end it
        server.run(sockets=[listening])


@contextmanager
def settings_window(end: Callable[[], None], *, options: StudioOptions = StudioOptions(), listener: Listener | None = None) -> Iterator[LiveRemote]:
    """Serve the page beside a live run of this process, on a thread of its own.

    Args:
        end: Ends the run, when the page asks for it.
        options: Where to listen, and which folders may be used.
        listener: Hears the address.

    Yields:
        What the run is to be given, so that the page sees it and may change it.

    Raises:
        ConfigError, SinkError: As `studio`.
    """
    remote = LiveRemote()
    with _serving(options, listener or Listener(), remote, end) as (server, listening):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="studio server", daemon=True)
        thread.start()
        try:
            yield remote
        finally:
            server.should_exit = True
            thread.join(2 * CLOSE_SECONDS)


@contextmanager
def _serving(
    options: StudioOptions, listener: Listener, remote: LiveRemote | None = None, end: Callable[[], None] = lambda: None
) -> Iterator[tuple[uvicorn.Server, socket.socket]]:
    """Make everything ready, tell the address and yield a server that is to be run."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(closing(_listening(options)))
        address, port = listening.getsockname()[:2]
        own = ipaddress.ip_address(address)
        if own.is_unspecified:  # every name that leads to this machine would have to be let in, also one that another site arranged
            hint = "name the address or the host name of this machine that the others use"
            raise ConfigError(f"{options.host!r} stands for all addresses of this machine, the studio needs one", hint=hint)
        if not own.is_loopback:
            listener.message(f"warning: listening on {options.host} lets other machines reach this page, without encryption")
        roots = [Path.home(), Path.cwd(), *options.allow]
        library = Library(cache_folder() / "studio", roots, largest_bytes=int(options.largest_upload_gb * 1e9))
        stack.callback(library.close)
        jobs = JobQueue(library.add_result)
        stack.callback(jobs.close)
        previews = Previews()
        stack.callback(previews.close)
        live = LiveHost(library, remote, end)
        stack.callback(live.close)
        pages = Studio(library, jobs, previews, live)
        names = {options.host, address} | ({"127.0.0.1", "localhost"} if own.is_loopback else set())
        guard = Guard(pages.application(), names=names, port=port)
        server = _Server(pages, uvicorn.Config(guard, log_level="warning", access_log=False, timeout_graceful_shutdown=CLOSE_SECONDS))
        host = f"[{options.host}]" if ":" in options.host else options.host
        url = f"http://{host}:{port}/?token={guard.token}{'#live' if remote is not None else ''}"
        listener.message(f"The studio is at {url}\nThe address can be opened once. Ctrl-C ends the studio.")
        if options.open_browser:
            webbrowser.open(url)
        yield server, listening


class _Server(uvicorn.Server):
    """A server that lets open streams end when it does."""

    def __init__(self, studio: Studio, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._studio = studio

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        self._studio.ends = True
        await super().shutdown(sockets)


def _listening(options: StudioOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((options.host, options.port))
        listening.listen()  # a browser that is faster than the server waits
    except OSError as error:
        listening.close()
        raise ConfigError(f"cannot listen on {options.host}:{options.port}: {error.strerror}", hint="choose another --port or --host") from error
    return listening
