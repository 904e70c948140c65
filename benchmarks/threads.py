"""One thread for everything, as the workflow's jobs have it."""

from __future__ import annotations

import cv2
import torch
from threadpoolctl import threadpool_limits


def one_thread() -> None:
    """For OpenCV, torch and the libraries below numpy."""
    threadpool_limits(1)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
