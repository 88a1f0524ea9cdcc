"""OpenVINO on this processor."""

import subprocess
import sys

import pytest

NETWORKS_THAT_GO = """
import gc, os, signal, sys, threading
import numpy as np
from p3mvideo.engine import load_engine
from p3mvideo.options import EngineOptions

def network():
    engine = load_engine(EngineOptions(runtime="openvino"))
    engine([np.zeros((64, 64, 3), np.uint8)])
    return engine

if sys.argv[1] == "in order":
    first, second = network(), network()
    del first
    gc.collect()
    del second
    gc.collect()
else:
    networks = [network()]
    thread = threading.Thread(target=lambda: (networks.clear(), gc.collect()))
    thread.start()
    thread.join()
try:
    os.kill(os.getpid(), signal.SIGINT)
    signal.sigtimedwait([], 10)
except KeyboardInterrupt:
    print("heard")
"""


@pytest.mark.parametrize("how", ["in order", "in another thread"])
def test_a_signal_is_heard_after_networks_have_gone(how: str) -> None:
    run = subprocess.run([sys.executable, "-c", NETWORKS_THAT_GO, how], capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stdout) == (0, "heard\n"), run.stderr
