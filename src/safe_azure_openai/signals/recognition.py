"""Facial recognition that is ordered by its name, on something that lies there.

People who write about facial recognition use the term more often than those who want it done, so the encoder takes the
term itself as a sign of talk. An order with an object in reach ("on this photo", "against him") is none.
"""

from __future__ import annotations

import re

__all__ = ["SURE", "is_ordered"]

#: What an order adds to the encoder's answer whether facial recognition is to be done.
SURE = 0.97

# Must not match "police run facial recognition on drivers" or "may they run facial recognition on this?".
_ORDER = re.compile(
    r"(?:^|[.!?:;,\n(\"']|\b(?:please|then|and|now)\b)\s*(?:please\s+|then\s+|now\s+)*"
    r"(?:run|perform|do|use|apply|start|execute|launch|conduct)\s+(?:an?\s+|the\s+|our\s+|your\s+)?"
    r"(?:facial|face)[\s-]+(?:recognition|identification|matching|match|search|comparison|verification|lookup)\s+"
    r"(?:search\s+|check\s+|tool\s+)?(?:on|over|for|against|with|of)\s+"
    r"(?:this|that|these|those|him|her|them|the\s+(?:attached|following|enclosed))\b",
    re.IGNORECASE,
)


def is_ordered(text: str) -> bool:
    """Return whether ``text`` orders facial recognition, by that name, on something in reach."""
    return _ORDER.search(text) is not None
