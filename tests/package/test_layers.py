"""The layer table of ARCHITECTURE.md and the fences around third-party libraries, enforced on the import statements."""

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "p3mvideo"

LAYERS = {
    "frame": 0, "matte": 0, "stages": 0, "yuv420": 0,
    "config": 0, "cores": 0, "errors": 0, "files": 0, "listener": 0, "openvino_cpu": 0, "options": 0, "process_memory": 0, "runtime_telemetry": 0,
    "ops": 1,
    "model": 2, "upstream": 2,
    "io": 3, "privacy": 3, "temporal": 3, "compose": 3, "weights": 3,
    "engine": 4, "datasets": 4,
    "pipeline": 5,
    "app": 6, "training": 6, "evaluation": 6,
    "studio": 7,
    "cli": 8,
}  # fmt: skip

FENCES = {
    "av": ("io/",),
    "pyvirtualcam": ("io/devices/virtual_camera.py",),
    "mediapipe": ("privacy/",),
    "timm": ("model/",),
    "openvino": ("engine/", "openvino_cpu.py", "privacy/detect/centerface.py"),
    "onnxruntime": ("engine/",),
    "ray": ("app/batch/workers/ray_workers.py",),
    "typer": ("cli.py", "cli/"),
    "torch.distributed": ("training/",),
    "starlette": ("studio/",),
    "uvicorn": ("studio/",),
}

STREAMING = {"io", "privacy", "temporal", "compose", "pipeline"}
MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def imports(path: Path) -> list[str]:
    """Return the dotted name of everything that a module imports, wherever in the file the statement stands."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import in line {node.lineno}"
            assert node.module is not None
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return found


def part_of(dotted: str) -> str | None:
    """Return the part of the package that a dotted name lies in, None for other libraries and the package itself."""
    names = dotted.split(".")
    return names[1] if names[0] == "p3mvideo" and len(names) > 1 and names[1] != "__version__" else None


def own_part(path: Path) -> str:
    """Return the part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    part = own_part(path)
    if part in ("__init__", "__main__"):
        return
    assert part in LAYERS, f"{path} belongs to no layer"
    for dotted in imports(path):
        other = part_of(dotted)
        if other is None or other == part:
            continue
        assert other in LAYERS, f"{path} imports {dotted}, which belongs to no layer"
        same_row_types = LAYERS[part] == LAYERS[other] == 0
        assert LAYERS[other] < LAYERS[part] or same_row_types, f"{path} (layer {LAYERS[part]}) imports {dotted} (layer {LAYERS[other]})"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_third_party_stays_behind_its_adapter(path: Path) -> None:
    inside = path.relative_to(PACKAGE).as_posix()
    for dotted in imports(path):
        for library, allowed in FENCES.items():
            if dotted == library or dotted.startswith(f"{library}."):
                assert inside.startswith(allowed), f"{inside} imports {dotted}; only {allowed} may"


def test_every_layer_exists_under_its_name() -> None:
    present = {own_part(path) for path in MODULES} - {"__init__", "__main__"}
    assert present <= set(LAYERS), f"unknown parts: {sorted(present - set(LAYERS))}"
