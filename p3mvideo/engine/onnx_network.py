"""A foreign matting network in ONNX Runtime, for comparison."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from p3mvideo.errors import ConfigError, DeviceError, WeightsError
from p3mvideo.frame import Float32Array

ALPHA_NAMES = ("alpha", "pha", "matte", "fused")


class OnnxNetwork:
    """A network with one image as input and an alpha among its outputs.

    Args:
        path: The .onnx file.

    Raises:
        DeviceError: ONNX Runtime is not installed.
        WeightsError: The file is missing or damaged.
        ConfigError: It is not a network of this kind.
    """

    def __init__(self, path: Path) -> None:
        if find_spec("onnxruntime") is None:
            raise DeviceError("ONNX Runtime is not installed", hint="pip install 'p3mvideo[onnx]'")
        import onnxruntime

        if not path.is_file():
            raise WeightsError(f"there is no file {path}", hint="Give the path of an .onnx file.")
        try:
            self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no public base class
            raise WeightsError(f"{path} cannot be loaded by ONNX Runtime: {error}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        named = [output.name for output in outputs if output.name.lower() in ALPHA_NAMES]
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)" or not (named or len(outputs) == 1):
            raise ConfigError(
                f"{path} takes {[(i.name, i.shape, i.type) for i in inputs]} and gives {[o.name for o in outputs]}",
                hint=f"Expected one float input (1, 3, H, W) and one output, or one called {', '.join(ALPHA_NAMES)}.",
            )
        self._input = inputs[0].name
        self._output = named[0] if named else outputs[0].name
        height, width = inputs[0].shape[2:]
        self.size = (width, height) if isinstance(width, int) and isinstance(height, int) else None
        """(width, height) that the network takes; None if it takes any."""

    def __call__(self, image: Float32Array) -> Float32Array:
        """Return the alpha of an image, float32 (1, 3, H, W), as float32 (h, w).

        Raises:
            ConfigError: The network does not take this image, or its output is no alpha.
        """
        try:
            alpha = np.asarray(self._session.run([self._output], {self._input: image})[0], np.float32)
        except Exception as error:  # see above
            raise ConfigError(f"the network does not take an image of the shape {image.shape}: {error}") from error
        alpha = alpha.squeeze()
        if alpha.ndim != 2:
            raise ConfigError(f"the output {self._output} has the shape {alpha.shape}, expected one alpha (1, 1, H, W)")
        if not np.isfinite(alpha).all():
            raise ConfigError(f"the output {self._output} holds values that are not finite, expected an alpha from 0 to 1")
        return alpha
