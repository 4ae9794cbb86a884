"""Text inside pictures: which pictures are worth reading, what stands in them, and what that is of a request.

The extra ``ocr`` brings the engine. Without it, what a file's header tells is all that is known.
"""

from .reader import Reader, shared

__all__ = ["Reader", "shared"]
