"""Maps HDR images (ITU-R BT.2100) to ordinary BT.709 ones."""

from __future__ import annotations

from functools import cache
from typing import Final, cast

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.io.colour import TRANSFER_PQ

REFERENCE_WHITE_NITS: Final = 203.0
"""Luminance of diffuse white in HDR (ITU-R BT.2408, section 2.1); becomes the white of the result."""
PEAK_NITS: Final = 1000.0
"""Peak of the nominal HDR display; brighter light is cut."""

BT2020_TO_BT709: Final = np.array([[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32)
"""Linear light, ITU-R BT.2087 section 4 inverted."""
LUMA_2020: Final = np.array([0.2627, 0.6780, 0.0593], np.float32)


def tone_map(image: npt.NDArray[np.uint16], *, transfer: int) -> UInt8Array:
    """Return an HDR image as BT.709.

    Light is made linear, its brightest channel is put through the Hermite knee of ITU-R BT.2390-8 section 5.4 (which keeps
    dark and middle tones and rolls off towards the peak, leaving hues alone), the gamut is turned to BT.709 and cut.

    Args:
        image: Nonlinear BT.2020 RGB, full range 0..65535, (H, W, 3).
        transfer: H.273 code of the transfer, PQ or HLG.

    Returns:
        uint8 RGB, (H, W, 3).
    """
    light = _linear_table(transfer)[image]
    if transfer != TRANSFER_PQ:
        # HLG's display gain for a 1000 nit display (BT.2100 table 5): luminance to the power 0.2.
        luminance = light @ LUMA_2020
        light = light * np.power(np.maximum(luminance, 1e-6), 0.2)[..., None]
    # From here 1 is reference white.
    light = light * np.float32(PEAK_NITS / REFERENCE_WHITE_NITS)
    brightest = light.max(axis=2)
    light = light * (_roll_off(brightest) / np.maximum(brightest, 1e-6))[..., None]
    ordinary = np.clip(cv2.transform(light, BT2020_TO_BT709), 0, 1)
    return cast(UInt8Array, _gamma_table()[(ordinary * 4095 + 0.5).astype(np.uint16)])


@cache
def _linear_table(transfer: int) -> Float32Array:
    """Light relative to `PEAK_NITS` for each of 65536 code values (BT.2100 tables 4 and 5; scene light for HLG)."""
    value = np.linspace(0, 1, 65536)
    if transfer == TRANSFER_PQ:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = value ** (1 / m2)
        nits = 10000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
        return np.minimum(nits / PEAK_NITS, 1).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12).astype(np.float32)


@cache
def _gamma_table() -> UInt8Array:
    """8-bit values for 4096 steps of light from 0 to 1, by the power 1/2.4 of ITU-R BT.1886 displays."""
    return cast(UInt8Array, np.round(np.linspace(0, 1, 4096) ** (1 / 2.4) * 255).astype(np.uint8))


def _roll_off(light: Float32Array) -> Float32Array:
    """Compress light in units of reference white (peak = `PEAK_NITS`) to 0..1 by the knee of BT.2390, in PQ space."""
    peak = _to_pq(np.array(PEAK_NITS, np.float32))
    source = _to_pq(light * np.float32(REFERENCE_WHITE_NITS)) / peak
    target = float(_to_pq(np.array(REFERENCE_WHITE_NITS, np.float32)) / peak)
    knee = 1.5 * target - 0.5
    t = np.clip((source - knee) / (1 - knee), 0, 1)
    curve = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * target
    mapped = np.where(source < knee, source, curve) * peak
    return cast(Float32Array, _from_pq(mapped) / np.float32(REFERENCE_WHITE_NITS))


def _to_pq(nits: Float32Array) -> Float32Array:
    power = np.power(np.maximum(nits, 0) / np.float32(10000), np.float32(2610 / 16384))
    ratio = (np.float32(3424 / 4096) + np.float32(2413 / 128) * power) / (1 + np.float32(2392 / 128) * power)
    return cast(Float32Array, np.power(ratio, np.float32(2523 / 32)))


def _from_pq(value: Float32Array) -> Float32Array:
    root = np.power(np.maximum(value, 0), np.float32(32 / 2523))
    base = np.maximum(root - np.float32(3424 / 4096), 0) / (np.float32(2413 / 128) - np.float32(2392 / 128) * root)
    return cast(Float32Array, np.float32(10000) * np.power(base, np.float32(16384 / 2610)))
