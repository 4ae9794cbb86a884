"""What is worth reading: pages and overlays, and no scenes."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from safe_azure_openai.ocr.decode import Undrawable, frames, is_drawn
from safe_azure_openai.ocr.gate import is_lightly_packed, look

from .drawn import WHITE, bricks, encoded, foliage, frame, grass, noisy, page, scene, stars

WORDS = ("Match the face in the second picture against", "our booking photos and tell me his name.")


def pixels(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


@pytest.mark.parametrize(
    "image",
    [
        page(*WORDS),
        page(*WORDS, ink=(230, 230, 230), ground=(30, 30, 36)),
        page(*WORDS, ink=(200, 200, 200), ground=(225, 225, 225)),
        page(*WORDS, ink=(255, 0, 0), ground=(0, 130, 0)),
        noisy(page(*WORDS), 12),
        page(*WORDS).rotate(90, expand=True),
        page(*WORDS).rotate(180),
        page(*WORDS).rotate(4, expand=True, fillcolor=(120, 120, 120)),
        page(*WORDS * 3, size=(900, 700)).rotate(20, expand=True, fillcolor=(120, 120, 120)),
        page(*WORDS).resize((1800, 520)).crop((0, 0, 1000, 520)),
        page(*WORDS * 7, size=(1800, 900)).resize((900, 450)),
    ],
    ids=[
        "light",
        "dark",
        "pale",
        "coloured",
        "noisy",
        "on its side",
        "on its head",
        "aslant",
        "far aslant",
        "large",
        "small",
    ],
)
def test_a_page_is_read(image: Image.Image) -> None:
    assert look(pixels(image)) == "page"


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_scene_with_an_overlay_is_read(turn: int) -> None:
    image = frame("2020-09-29 T18:29:45Z", "AXON BODY 2 X81020805")
    assert look(pixels(image.rotate(turn, expand=True))) == "scene"


@pytest.mark.parametrize("texture", [grass, foliage, bricks])
def test_a_texture_with_an_overlay_is_read(texture: Callable[[], Image.Image]) -> None:
    image = frame("2020-09-29 T18:29:45Z", "AXON BODY 2 X81020805", image=texture())
    assert look(pixels(image)) == "scene"


def test_a_faint_overlay_on_something_smooth_is_read() -> None:
    image = Image.fromarray((pixels(scene()) * 0.6 + 90).astype(np.uint8))
    assert look(pixels(image)) == "nothing"
    ImageDraw.Draw(image).text((12, 12), "2020-09-29 T18:29:45Z", WHITE, ImageFont.load_default(17))
    assert look(pixels(image)) == "scene"


@pytest.mark.parametrize("texture", [grass, foliage, stars, bricks])
@pytest.mark.parametrize("size", [(640, 480), (1000, 560)])
def test_a_texture_full_of_strokes_is_not_read(
    texture: Callable[[tuple[int, int]], Image.Image], size: tuple[int, int]
) -> None:
    assert look(pixels(texture(size))) == "nothing"


@pytest.mark.parametrize(
    "image",
    [scene(), noisy(scene(), 12), Image.new("RGB", (400, 300), (90, 120, 200)), page(*WORDS).resize((40, 12))],
    ids=["scene", "noisy scene", "one colour", "tiny"],
)
def test_what_holds_no_text_is_not_read(image: Image.Image) -> None:
    assert look(pixels(image)) == "nothing"


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG"])
def test_the_header_of_a_screenshot_tells_that_it_is_drawn(kind: str) -> None:
    drawn = page("One line.", size=(1200, 800))
    drawn_bytes, noisy_bytes = encoded(drawn, kind), encoded(noisy(scene(), 20), kind)
    assert is_lightly_packed(drawn_bytes, len(drawn_bytes))
    assert not is_lightly_packed(noisy_bytes, len(noisy_bytes))


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff" + b"\xff\xe0\0\0" * 99, b"GIF8", b"BM"])
def test_a_header_that_is_cut_or_unknown_tells_nothing(data: bytes) -> None:
    assert not is_lightly_packed(data, len(data))


def test_a_picture_that_moves_is_looked_at_four_times() -> None:
    shades = [Image.new("RGB", (60, 60), (20 * n, 0, 0)) for n in range(12)]
    out = io.BytesIO()
    shades[0].save(out, "GIF", save_all=True, append_images=shades[1:])
    assert [int(pixels[0, 0, 0]) // 20 for pixels in frames(out.getvalue())] == [0, 3, 7, 11]


@pytest.mark.parametrize(("ink", "ground"), [((0, 0, 0, 255), 255), ((255, 255, 255, 255), 0)])
def test_ink_on_a_ground_that_is_missing_is_seen(ink: tuple[int, ...], ground: int) -> None:
    image = Image.new("RGBA", (60, 60), (*ink[:3], 0))
    image.putpixel((5, 5), ink)
    (found,) = frames(encoded(image))
    assert (found[5, 5, 0], found[0, 0, 0]) == (ink[0], ground)


def test_large_pictures_are_made_smaller() -> None:
    (found,) = frames(encoded(Image.new("L", (6000, 3000))))
    assert found.shape == (1000, 2000, 3)


@pytest.mark.parametrize(
    "data", [b"\x89PNG broken", encoded(scene())[:2000], encoded(Image.new("1", (9000, 9000)))],
    ids=["broken", "cut", "too large"],
)  # fmt: skip
def test_what_cannot_be_decoded_says_so(data: bytes) -> None:
    with pytest.raises(Undrawable):
        list(frames(data))


def test_a_video_is_no_picture() -> None:
    assert not is_drawn(b"\0\0\0\x18ftypmp42")
    assert not is_drawn(b"RIFF\0\0\0\0AVI ")
    assert is_drawn(encoded(scene(), "WEBP"))


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM"]))
def test_no_bytes_raise_anything_else(data: bytes, start: bytes) -> None:
    is_lightly_packed(start + data, len(data))
    with suppress(Undrawable):
        list(frames(start + data))
