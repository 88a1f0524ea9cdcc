"""Real-time portrait video matting that protects faces."""

__version__ = "0.1.0"
