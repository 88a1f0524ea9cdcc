"""The studio's addresses: a small JSON interface that mirrors the options, and the page that uses it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from p3mvideo.app.reports.review_page.page import EDITS
from p3mvideo.compose.shipped import SHIPPED, shipped_background
from p3mvideo.errors import ConfigError, P3MVideoError
from p3mvideo.ops.opencv import read_image_file
from p3mvideo.studio import forms
from p3mvideo.studio.forms import GROUPS, Groups, JobKind
from p3mvideo.studio.jobs import JobQueue
from p3mvideo.studio.library import Library, StudioFile
from p3mvideo.studio.live import LiveHost
from p3mvideo.studio.plan import describe_containers, plan_job
from p3mvideo.studio.presets import Presets
from p3mvideo.studio.preview import Previews, jpeg

PAGE: Final = Path(__file__).parent / "page"
LARGEST_REQUEST: Final = 1_000_000
"""Bytes of a request that is no upload."""
LOOKS_PER_SECOND: Final = 4
PING_LOOKS: Final = 60
TILE_PX: Final = 240
"""Width of a small image."""
IMAGE_SECONDS: Final = 1.0
"""How long a request for the next live image waits for it."""
IMAGE_LOOK_SECONDS: Final = 0.02


class Studio:
    """The addresses of one studio.

    Args:
        library: Its files.
        jobs: Its jobs.
        previews: Makes its previews.
        live: Runs its camera.
    """

    def __init__(self, library: Library, jobs: JobQueue, previews: Previews, live: LiveHost) -> None:
        self._library = library
        self._jobs = jobs
        self._previews = previews
        self._live = live
        self._presets = Presets()
        self._planning = asyncio.Lock()  # two jobs must not find the same name free
        self.ends = False
        """Whether open streams are to end."""

    def application(self) -> Starlette:
        """Return it as an ASGI application, without any guard."""
        routes = [
            Route("/api/forms", self._forms),
            Route("/api/files", self._list_files),
            Route("/api/files", self._upload, methods=["PUT"]),
            Route("/api/paths", self._add_path, methods=["POST"]),
            Route("/api/files/{file}", self._remove, methods=["DELETE"]),
            Route("/api/files/{file}/facts", self._facts),
            Route("/api/files/{file}/content", self._content),
            Route("/api/preview", self._preview, methods=["POST"]),
            Route("/api/jobs", self._submit, methods=["POST"]),
            Route("/api/jobs/{job}", self._cancel, methods=["DELETE"]),
            Route("/api/presets", self._list_presets),
            Route("/api/presets", self._save_preset, methods=["POST"]),
            Route("/api/presets/{name}", self._remove_preset, methods=["DELETE"]),
            Route("/api/live/cameras", self._cameras),
            Route("/api/live/image", self._live_image),
            Route("/api/live", self._start_live, methods=["POST"]),
            Route("/api/live", self._change_live, methods=["PATCH"]),
            Route("/api/live", self._stop_live, methods=["DELETE"]),
            Route("/api/events", self._events),
            Route("/shipped/{name}.jpg", self._shipped),
            Route("/edits.js", self._edits_script),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ]
        return Starlette(routes=routes, exception_handlers={P3MVideoError: _told})

    async def _forms(self, request: Request) -> Response:
        kinds = {kind: forms.describe(kind) for kind in GROUPS}
        return JSONResponse({"forms": kinds, "backgrounds": list(SHIPPED), "containers": describe_containers()})

    async def _shipped(self, request: Request) -> Response:
        """Answer with a small image of a shipped background."""
        path = shipped_background(request.path_params["name"])
        pixels = read_image_file(path) if path is not None else None
        if pixels is None:
            raise HTTPException(404, "there is no such background")
        return Response(jpeg(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), TILE_PX), media_type="image/jpeg")

    async def _edits_script(self, request: Request) -> Response:
        return FileResponse(EDITS)

    async def _list_files(self, request: Request) -> Response:
        return JSONResponse([file.to_json() for file in self._library.files()])

    async def _upload(self, request: Request) -> Response:
        length = request.headers.get("content-length")
        name = request.query_params.get("name", "")
        file = await self._library.receive(name, request.stream(), announced_bytes=int(length) if length and length.isdigit() else None)
        return JSONResponse(file.to_json(), 201)

    async def _add_path(self, request: Request) -> Response:
        values = await _object(request)
        file = await run_in_threadpool(self._library.add_path, str(values.get("path", "")))
        return JSONResponse(file.to_json(), 201)

    async def _remove(self, request: Request) -> Response:
        file = self._file(request.path_params["file"])
        if self._jobs.uses(file):
            raise ConfigError(f"{file.name} is being worked on", hint="cancel the job first")
        if self._live.uses(file):
            raise ConfigError(f"{file.name} is shown by the webcam", hint="stop that first, or choose another background")
        await run_in_threadpool(self._library.remove, file.id)
        return Response(status_code=204)

    async def _facts(self, request: Request) -> Response:
        return JSONResponse((await run_in_threadpool(self._previews.facts, self._file(request.path_params["file"])))._asdict())

    async def _content(self, request: Request) -> Response:
        file = self._file(request.path_params["file"])
        if not file.path.is_file():
            raise HTTPException(404, f"{file.name} is gone")
        download = "download" in request.query_params
        return FileResponse(file.path, filename=file.name, content_disposition_type="attachment" if download else "inline")

    async def _preview(self, request: Request) -> Response:
        values = await _object(request)
        file, view = self._file(values.get("file")), values.get("view")
        seconds, width = values.get("seconds"), values.get("width")
        if view not in ("result", "original", "matte", "cutout") or not isinstance(seconds, int | float) or type(width) is not int:
            raise ConfigError("that is no preview", hint="reload the page")
        groups = None if view == "original" else self._groups(values)
        image = await run_in_threadpool(self._previews.image, file, max(0.0, float(seconds)), groups, view, width=max(0, width))
        return Response(image, media_type="image/jpeg")

    async def _submit(self, request: Request) -> Response:
        values = await _object(request)
        file, groups = self._file(values.get("file")), self._groups(values)
        chosen = str(values.get("folder") or "")
        folder = self._library.output_folder(chosen) if chosen else None
        seconds = values.get("previewFrom")
        preview = float(seconds) if isinstance(seconds, int | float) else None
        async with self._planning:
            plan = await run_in_threadpool(
                plan_job, _kind(values), file, groups, container=str(values.get("container") or ""), folder=folder, work=self._library.work_folder,
                preview_from=preview, audit=self._file(values["audit"]) if "audit" in values else None, edits=_edits(values),
                taken=self._jobs.outputs(),
            )  # fmt: skip
            job = self._jobs.submit(plan, file, preview=preview is not None)
        return JSONResponse(job.to_json(), 201)

    async def _cancel(self, request: Request) -> Response:
        try:
            await run_in_threadpool(self._jobs.cancel, request.path_params["job"])
        except KeyError:
            raise HTTPException(404, "there is no such job") from None
        return Response(status_code=204)

    async def _list_presets(self, request: Request) -> Response:
        return JSONResponse([preset.to_json() for preset in await run_in_threadpool(self._presets.all)])

    async def _save_preset(self, request: Request) -> Response:
        values = await _object(request)
        options = values.get("options", {})
        if not isinstance(options, dict):
            raise ConfigError("the options are not an object", hint="reload the page")
        kind, name, container = _kind(values), str(values.get("name", "")), str(values.get("container", ""))
        preset = await run_in_threadpool(self._presets.save, name, kind, options, container)
        return JSONResponse(preset.to_json(), 201)

    async def _remove_preset(self, request: Request) -> Response:
        await run_in_threadpool(self._presets.remove, request.path_params["name"])
        return Response(status_code=204)

    async def _cameras(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._live.cameras))

    async def _start_live(self, request: Request) -> Response:
        values = await _object(request)
        self._live.start(str(values.pop("camera", "")), values)
        return Response(status_code=202)

    async def _change_live(self, request: Request) -> Response:
        self._live.change(await _object(request))
        return Response(status_code=202)

    async def _stop_live(self, request: Request) -> Response:
        self._live.stop()
        return Response(status_code=202)

    async def _live_image(self, request: Request) -> Response:
        """Answer with the image that is shown, as soon as it is another one than that with the number `after`."""
        after = request.query_params.get("after", "")
        for _ in range(round(IMAGE_SECONDS / IMAGE_LOOK_SECONDS)):
            number = self._live.newest()
            if str(number) != after or self.ends:
                break
            await asyncio.sleep(IMAGE_LOOK_SECONDS)
        image = await run_in_threadpool(self._live.image)
        if image is None or str(number) == after:
            return Response(status_code=204)
        return Response(image, media_type="image/jpeg", headers={"x-image-number": str(number)})

    async def _events(self, request: Request) -> Response:
        async def states() -> AsyncIterator[str]:
            sent, quiet = None, 0
            while not self.ends:
                files = [file.to_json() for file in self._library.files()]
                state = {"jobs": self._jobs.jobs(), "files": files, "live": self._live.to_json()}
                quiet += 1
                if state != sent:
                    sent, quiet = state, 0
                    yield f"data: {json.dumps(state)}\n\n"
                elif quiet >= PING_LOOKS:  # a tab that is gone is only noticed when something is written to it
                    quiet = 0
                    yield ": still here\n\n"
                await asyncio.sleep(1 / LOOKS_PER_SECOND)

        return StreamingResponse(states(), media_type="text/event-stream")

    def _file(self, file_id: object) -> StudioFile:
        try:
            return self._library.file(str(file_id))
        except KeyError:
            raise HTTPException(404, "there is no such file") from None

    def _groups(self, values: Mapping[str, Any]) -> Groups:
        options = values.get("options", {})
        if not isinstance(options, dict):
            raise ConfigError("the options are not an object", hint="reload the page")
        return forms.read(_kind(values), options, lambda file_id: str(self._library.file(file_id).path))


def _edits(values: Mapping[str, Any]) -> dict[str, Any] | None:
    edits = values.get("edits")
    if edits is not None and not isinstance(edits, dict):
        raise ConfigError("the edits are not an object", hint="reload the page")
    return edits


def _kind(values: Mapping[str, Any]) -> JobKind:
    for kind in GROUPS:
        if kind == values.get("kind"):
            return kind
    raise ConfigError(f"there is no job {values.get('kind')!r}", hint="reload the page")


async def _object(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request brings."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_REQUEST:
            raise HTTPException(413, "that is too much for a request")
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise HTTPException(400, "a JSON object is expected")
    return values


async def _told(request: Request, error: Exception) -> Response:
    """Answer with an error of the program: its line and its hint."""
    assert isinstance(error, P3MVideoError)
    return JSONResponse({"message": error.message, "hint": error.hint}, 422)
