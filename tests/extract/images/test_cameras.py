"""Names and boxes of a file give the camera; names that only resemble one do not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from safe_azure_openai.extract.images import Metadata, cameras, recognise, recognise_name
from safe_azure_openai.model.request import Camera
from safe_azure_openai.toml_source import TomlSource

DEVICES = [
    (("Axon", "Axon Body 4"), "axon-body", "body_worn", True),
    (("AXON", "AXON BODY 3 X60A12345"), "axon-body", "body_worn", True),
    (("Axon_Body_2",), "axon-body", "body_worn", True),
    (("Axon", "Axon Fleet 3"), "axon-fleet", "dash_mounted", True),
    (("Axon", "Axon Body Workforce"), "axon-workforce", "body_worn", False),
    (("Motorola Solutions", "V300"), "watchguard-body", "body_worn", True),
    (("WatchGuard", "V300"), "watchguard-body", "body_worn", True),
    (("WatchGuard", "4RE"), "watchguard-car", "dash_mounted", True),
    (("Motorola Solutions", "VB400"), "motorola-videobadge", "body_worn", False),
    (("Getac", "BC-03"), "getac-body", "body_worn", True),
    (("Getac", "VR-X20"), "getac-car", "dash_mounted", True),
    (("Reveal Media", "D5"), "reveal-body", "body_worn", True),
    (("WOLFCOM", "Halo"), "wolfcom", "body_worn", True),
    (("Digital Ally", "FirstVu Pro"), "digital-ally-body", "body_worn", True),
    (("Digital Ally", "EVO-HD"), "digital-ally-car", "dash_mounted", True),
    (("Hytera", "VM780"), "hytera-body", "body_worn", True),
    (("Panasonic", "Arbitrator 360"), "arbitrator", "dash_mounted", True),
    (("Transcend", "DrivePro Body 30"), "drivepro-body", "body_worn", False),
    (("Transcend", "DrivePro 230"), "transcend-dash", "dash_mounted", False),
    (("Pittasoft Co., Ltd.", "DR900S-2CH"), "blackvue", "dash_mounted", False),
    (("BLACKVUE DR590X-2CH",), "blackvue", "dash_mounted", False),
    (("VIOFO", "A229 Pro"), "viofo", "dash_mounted", False),
    (("Garmin", "Dash Cam 67W"), "garmin-dash", "dash_mounted", False),
    (("GRMN DC66W",), "garmin-dash", "dash_mounted", False),
    (("NEXTBASE", "622GW"), "nextbase", "dash_mounted", False),
    (("70mai", "A810"), "70mai", "dash_mounted", False),
    (("THINKWARE", "U3000"), "thinkware", "dash_mounted", False),
    (("Meta View",), "meta-glasses", "body_worn", False),
    (("Meta AI", "Ray-Ban Meta Smart Glasses"), "meta-glasses", "body_worn", False),
    (("DJI", "FC3411"), "dji", "other_mobile", False),
    (("drone-dji",), "dji", "other_mobile", False),
    (("Hasselblad", "L1D-20c"), "dji", "other_mobile", False),
    (("Skydio", "X10"), "drone", "other_mobile", False),
    (("GoPro", "HERO11 Black"), "action-camera", "other_mobile", False),
]


@pytest.mark.parametrize(("names", "id", "camera", "is_police"), DEVICES, ids=[" ".join(n) for n, *_ in DEVICES])
def test_make_and_model_give_the_camera(names: tuple[str, ...], id: str, camera: str, is_police: bool) -> None:
    device = recognise(Metadata(names))
    assert device is not None
    assert (device.id, device.camera, device.police_only) == (id, camera, is_police)


@pytest.mark.parametrize(
    "names",
    [
        ("Apple", "iPhone 15 Pro", "17.4"),
        ("NIKON CORPORATION", "NIKON D750"),
        ("Motorola", "moto g(60)"),
        ("motorola", "V3"),
        ("Getac", "F110"),
        ("FUJIFILM", "X-T3", "Digital Camera X-T3 Ver4.00"),
        ("Canon", "Canon EOS R5", "RF100mm"),
        ("Panasonic", "DMC-FZ1000"),
        ("Garmin", "Montana 750i"),
        ("Adobe Photoshop 25.0 (Windows)",),
        ("axonometric body of work",),
        ("Meta", "Quest 3"),
        ("SONY", "DSC-RX100M7"),
    ],
)
def test_other_cameras_and_words_that_resemble_a_name_give_none(names: tuple[str, ...]) -> None:
    assert recognise(Metadata(names)) is None


@pytest.mark.parametrize(
    ("boxes", "id"),
    [
        ({"/ftyp", "moov/gps "}, "novatek-gps"),
        ({"freeGPS "}, "novatek-gps"),
        ({"free/ptnm", "free/gps "}, "blackvue"),
        ({"uuid/9b630f8d637440ec8204bc5ff5091728"}, "garmin-dash"),
        ({"/nbmt"}, "nextbase"),
        ({"/GPS ", "/cust"}, "70mai"),
    ],
)
def test_boxes_give_the_camera_where_no_name_does(boxes: set[str], id: str) -> None:
    device = recognise(Metadata(boxes=frozenset(boxes)))
    assert device is not None
    assert device.id == id


def test_a_name_says_more_than_a_box_of_the_same_chips() -> None:
    device = recognise(Metadata(("Transcend", "Drive Body Camera 70"), boxes=frozenset({"moov/gps "})))
    assert device is not None
    assert device.camera == "body_worn"


@pytest.mark.parametrize(("speed", "camera"), [(6.0, None), (48.0, "other_mobile")])
def test_a_camera_that_moved_fast_is_mobile(speed: float, camera: str | None) -> None:
    device = recognise(Metadata(("Apple", "iPhone 15"), speed_kmh=speed))
    assert (device.camera if device is not None else None) == camera


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("Axon_Body_3_Video_2020-09-29_1829.mp4", "body_worn"),
        ("https://a.example/clips/dashcam-0412.jpg?sig=abc#t", "dash_mounted"),
        ("C:\\evidence\\DJI_0012.JPG", "other_mobile"),
        ("https://viofo.example/holiday.jpg", None),
        ("https://a.example/x.jpg?camera=viofo", None),
        ("holiday.jpg", None),
        ("", None),
    ],
)
def test_the_last_part_of_a_name_gives_the_camera_and_never_the_police(name: str, camera: str | None) -> None:
    device = recognise_name(name)
    assert (device.camera if device is not None else None) == camera
    assert device is None or not device.police_only


def test_each_entry_is_whole_and_its_names_are_found() -> None:
    path = Path(cameras.__file__).parent / "cameras.toml"
    entries: Any = TomlSource.parse(path.name, path.read_bytes()).data["device"]
    assert len({entry["id"] for entry in entries}) == len(entries)
    for entry in entries:
        assert set(entry) <= {"id", "camera", "police_only", "names", "boxes", "overlays"}, entry
        assert entry["camera"] in get_args(Camera)
        assert entry.get("names") or entry.get("boxes")
        for name in entry.get("names", ()):
            assert name == name.lower()
            found = recognise(Metadata((name.replace("#", "7"),)))
            assert found is not None, name
            assert (found.camera, found.police_only) == (entry["camera"], entry.get("police_only", False)), name


def test_the_page_about_pictures_lists_every_device_as_it_is() -> None:
    page = Path(__file__).parents[3] / "docs" / "explanation" / "pictures.md"
    listed = re.findall(
        r"^\| `([\w-]+)`(?: †)? \| `(\w+)` \| (yes|no) \|$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    known = {device.id: device for device in cameras.devices()}
    assert [row[0] for row in listed] == list(known)
    for name, camera, is_police in listed:
        assert (known[name].camera, known[name].police_only) == (camera, is_police == "yes"), name
