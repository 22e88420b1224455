"""A process that was asked to end does so, whatever still waits in it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HUNG = """
import threading
from drs_operator.runtime.leadership import end_process_soon
threading.Thread(target=threading.Event().wait).start()  # as a call to AWS that is never answered
end_process_soon({code}, 0.1)
"""


@pytest.mark.parametrize("code", [0, 1])
def test_a_thread_that_waits_for_ever_does_not_keep_the_process(code: int) -> None:
    done = subprocess.run([sys.executable, "-c", HUNG.format(code=code)], timeout=60, check=False)
    assert done.returncode == code
