"""A wire request to segments, links and gaps; and the readings a disguise could hide in a text."""

from .joined import joined
from .reading import views
from .requests import from_json, from_wire
from .view import View
from .walk import Walk

__all__ = ["View", "Walk", "from_json", "from_wire", "joined", "views"]
