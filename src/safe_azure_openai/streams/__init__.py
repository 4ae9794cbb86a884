"""Pictures of several calls that come from one moving camera, and what else says that they arrive while it films."""

from .store import MemoryStore, Store
from .tracker import Streams, can_track

__all__ = ["MemoryStore", "Store", "Streams", "can_track"]
