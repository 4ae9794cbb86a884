"""The headers of pictures and videos, and what the guard makes of them."""
