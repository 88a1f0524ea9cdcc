"""Bounded queues between the threads of a pipeline; the frame queue also brings pixels to the accelerator."""

from p3mvideo.pipeline.frame_queue.closable_queue import ClosableQueue, QueueClosed, QueueFailed
from p3mvideo.pipeline.frame_queue.frame_queue import CapturedFrame, FrameQueue

__all__ = ["CapturedFrame", "ClosableQueue", "FrameQueue", "QueueClosed", "QueueFailed"]
