"""A video track as pictures: right colours, few, bounded, and none unless somebody looks."""

from __future__ import annotations

import asyncio
import fractions
from collections.abc import Callable
from functools import partial
from typing import Any

import av
import numpy as np
import pytest

from model.messages import Picture
from server.webrtc.camera import MAX_PENDING, Camera
from server.webrtc.frames import EncodedFrame
from server.webrtc.peer import Peer
from server.webrtc.sync import Alignment, SenderClock
from tests.network.scene import Scene
from tests.network.symbols import missing_share, symbol_audio
from tests.waiting import until

from .conftest import paired
from .encoding import assembled, encoded

# What it waits for comes in a moment, or on a busy machine some seconds later.
pytestmark = pytest.mark.timeout(60)

RED, GREEN, BLUE, BLACK = (200, 20, 30), (20, 190, 40), (30, 30, 210), (0, 0, 0)
# Chroma is subsampled and colours are rounded on the way.
NEAR = 12
CODECS = pytest.mark.parametrize("codec", ["VP8", "H264"])


class Ear:
    """Sound that arrives half a second a frame."""

    played_samples = 0

    def sample_of(self, timestamp: int) -> int | None:
        return None


class Watched:
    """A Camera fed by hand."""

    def __init__(self, look: bool = True) -> None:
        self.ear = Ear()
        self.camera = Camera("camera", Alignment(self.ear, SenderClock(48_000)))
        self.pictures: list[Picture] = []
        self.camera.on_picture = self.pictures.append
        self.clock = SenderClock(90_000)
        if look:
            self.camera.look(True)

    async def feed(self, frames: list[EncodedFrame]) -> None:
        """Frames half a second apart, each decoded before the next."""
        for frame in frames:
            self.ear.played_samples += 8_000
            self.camera.push(frame, self.clock)
            await self.settled()

    async def settled(self) -> None:
        """The decoder is done."""
        if self.camera._work is not None:
            await self.camera._work


def near(picture: Picture, colour: tuple[int, int, int]) -> bool:
    """Whether all of the picture has the colour."""
    return bool(np.abs(picture.pixels.astype(int) - colour).max() <= NEAR)


@CODECS
async def test_pictures_have_the_colours_that_were_shown(codec: str) -> None:
    watched = Watched()
    await watched.feed(assembled(encoded(codec, [RED, GREEN, BLUE])))
    shown = zip(watched.pictures, (RED, GREEN, BLUE), strict=True)
    assert all(near(picture, colour) for picture, colour in shown)
    assert [one.at_samples for one in watched.pictures] == [8_000, 16_000, 24_000]
    assert watched.camera.state(asyncio.get_running_loop().time()) == "looking"


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (321, 241), (16, 1200), (240, 320)])
async def test_odd_sizes_are_pictures_too(size: tuple[int, int]) -> None:
    watched = Watched()
    await watched.feed(assembled(encoded("VP8", [RED, GREEN], size=size)))
    shown = zip(watched.pictures, (RED, GREEN), strict=True)
    assert all(near(one, colour) for one, colour in shown)
    for picture in watched.pictures:
        assert picture.width * picture.height <= 320 * 240
        assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.02)


def large_h264(size: tuple[int, int]) -> EncodedFrame:
    """A red key frame; aiortc's encoder takes seconds for one of such a size."""
    codec: Any = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = *size, "yuv420p"
    codec.time_base = fractions.Fraction(1, 30)
    codec.options = {"preset": "ultrafast", "tune": "zerolatency"}
    frame = av.VideoFrame(*size, "yuv420p")
    for plane, level in zip(frame.planes, (79, 104, 206), strict=True):
        plane.update(bytes([level]) * plane.buffer_size)
    data = b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None)))
    return EncodedFrame("H264", data, 0, True, 0.0)


async def test_4k_is_scaled_down() -> None:
    watched = Watched()
    await watched.feed([large_h264((3840, 2160))])
    (picture,) = watched.pictures
    assert near(picture, RED)
    assert (picture.width, picture.height) == pytest.approx((369, 207), abs=1)


@CODECS
async def test_what_is_too_large_is_refused_before_it_is_decoded(codec: str) -> None:
    watched = Watched()
    if codec == "VP8":
        (small,) = assembled(encoded("VP8", [RED]))
        lie = (16_000).to_bytes(2, "little")
        data = small.data[:6] + lie + lie + small.data[10:]
        large = small._replace(data=data, size=(16_000, 16_000))
    else:
        large = large_h264((4400, 2304))
    await watched.feed([large])
    assert watched.pictures == []
    assert watched.camera.wants_key
    assert watched.camera.state(asyncio.get_running_loop().time()) == "unusable"
    # What comes after it in a size that can be is seen.
    await watched.feed(assembled(encoded(codec, [BLUE, BLUE, BLUE], first=60)))
    assert near(watched.pictures[-1], BLUE)


async def test_frames_that_cannot_be_decoded_are_told_and_a_key_frame_is_asked_for() -> None:
    watched = Watched()
    rubbish = EncodedFrame("H264", b"\x00\x00\x00\x01\x65" + bytes(50), 0, True, 0.0)
    await watched.feed([rubbish] * 3)
    assert watched.pictures == []
    assert watched.camera.wants_key
    assert watched.camera.state(asyncio.get_running_loop().time()) == "unusable"


async def test_a_change_of_codec_and_of_size_goes_on() -> None:
    watched = Watched()
    await watched.feed(assembled(encoded("VP8", [RED])))
    await watched.feed(assembled(encoded("H264", [GREEN, BLUE], size=(240, 320), first=1)))
    watched.camera.restart()  # another stream
    await watched.feed(assembled(encoded("VP8", [RED], size=(160, 120))))
    colours = (RED, GREEN, BLUE, RED)
    assert [near(one, c) for one, c in zip(watched.pictures, colours, strict=True)] == [True] * 4
    assert watched.pictures[2].width == 240


async def test_nothing_is_read_unless_somebody_looks() -> None:
    watched = Watched(look=False)
    frames = assembled(encoded("VP8", [RED, GREEN, BLUE, RED], keys=frozenset({3})))
    await watched.feed(frames[:1])
    assert (watched.pictures, watched.camera.decoded_frames) == ([], 0)
    watched.camera.look(True)
    await watched.feed(frames[1:2])
    assert watched.camera.decoded_frames == 0  # the key frame it needs came before
    assert watched.camera.wants_key
    await watched.feed(frames[3:])
    assert len(watched.pictures) == 1
    watched.camera.look(False)
    await watched.feed(frames[:1])
    assert len(watched.pictures) == 1
    assert watched.camera.state(asyncio.get_running_loop().time()) == "off"


async def test_a_frame_in_the_decoder_when_looking_ends_is_not_seen() -> None:
    watched = Watched()
    (frame,) = assembled(encoded("VP8", [RED]))
    watched.camera.push(frame, watched.clock)
    await asyncio.sleep(0)
    watched.camera.look(False)
    await watched.settled()
    assert watched.camera.decoded_frames == 1
    assert watched.pictures == []


async def test_more_than_the_decoder_can_take_is_thrown_away_up_to_a_key_frame() -> None:
    watched = Watched()
    count = 3 * MAX_PENDING
    frames = assembled(encoded("VP8", [RED] * count + [GREEN], keys=frozenset({count})))
    for frame in frames[:-1]:
        watched.camera.push(frame, watched.clock)
        assert len(watched.camera._pending) <= MAX_PENDING
    assert watched.camera.wants_key
    await watched.feed(frames[-1:])
    assert near(watched.pictures[-1], GREEN)


async def test_looking_away_and_back_gives_no_more_to_the_decoder() -> None:
    watched = Watched()
    key = EncodedFrame("VP8", b"", 0, True, 0.0, (4096, 2304))
    for _ in range(8):
        watched.camera.push(key, watched.clock)
        await watched.settled()
        watched.camera.look(False)
        watched.camera.look(True)
    assert watched.camera.decoded_frames < 4, "one, and another every two seconds"
    assert watched.camera._ration.keys_only


async def test_black_and_frozen_pictures_and_their_absence_are_told() -> None:
    watched = Watched()
    now = asyncio.get_running_loop().time
    state: Callable[[float], str] = watched.camera.state
    assert state(now() + 1) == "waiting"
    assert state(now() + 6) == "stalled"
    await watched.feed(assembled(encoded("VP8", [BLACK, BLACK])))
    assert state(now()) == "looking"
    watched.camera._course.dark_since = now() - 2.1
    assert state(now()) == "dark"
    await watched.feed(assembled(encoded("VP8", [GREEN], first=2)))
    assert state(now()) == "looking"
    assert state(now() + 3.1) == "stalled"
    watched.camera._course.same_since = now() - 15.1
    assert state(now()) == "still"
    await watched.feed(assembled(encoded("VP8", [BLUE], first=3)))
    assert state(now()) == "looking"


# ---- over a real connection


@pytest.mark.timeout(40)
@CODECS
async def test_camera_and_screen_are_switched_without_negotiating_again(codec: str) -> None:
    async with paired(videos=2, codec=codec) as (peer, caller):
        seen: dict[str, list[Picture]] = {"camera": [], "screen": []}
        for source, camera in peer.cameras.items():
            camera.on_picture = seen[source].append
        first, second, third = Scene(), Scene((640, 360)), Scene(rate=4)
        first.colour, second.colour, third.colour = RED, GREEN, BLUE
        caller.show(first)
        await asyncio.sleep(0.7)
        assert seen == {"camera": [], "screen": []}
        assert peer.cameras["camera"].decoded_frames == 0
        peer.cameras["camera"].look(True)
        peer.cameras["screen"].look(True)
        caller.show(second, 1)
        await until(lambda: bool(seen["camera"] and seen["screen"]))
        assert near(seen["camera"][-1], RED)
        assert near(seen["screen"][-1], GREEN)
        assert (seen["screen"][-1].width, seen["screen"][-1].height) == (640, 360)
        first.stop()  # the track ends, and is replaced
        caller.show(None)
        await asyncio.sleep(0.3)
        seen["camera"].clear()
        caller.show(third)
        await until(lambda: bool(seen["camera"]) and near(seen["camera"][-1], BLUE))


class FlashAndClick:
    """When something bright was seen and something loud was heard, in samples."""

    def __init__(self) -> None:
        self.clicks: list[int] = []
        self.flashes: list[int] = []
        self._heard = 0

    def on_sound(self, sound: np.ndarray) -> None:
        """Note where a click begins."""
        loud = np.flatnonzero(np.abs(sound) > 0.2)
        if len(loud):
            self._note(self.clicks, self._heard + int(loud[0]))
        self._heard += len(sound)

    def on_picture(self, picture: Picture) -> None:
        """Note where a flash begins."""
        if picture.pixels.mean() > 128:
            self._note(self.flashes, picture.at_samples)

    def apart_ms(self) -> list[float]:
        """For each click that has a flash near it, how much later the flash was."""
        pairs = [(flash - click) / 16 for click in self.clicks for flash in self.flashes]
        return [apart for apart in pairs if abs(apart) < 400]

    @staticmethod
    def _note(where: list[int], at: int) -> None:
        if not where or at - where[-1] > 8_000:
            where.append(at)


def timed(
    ways: list[tuple[float, int]],
    push: Callable[[EncodedFrame, SenderClock], None],
    frame: EncodedFrame,
    clock: SenderClock,
) -> None:
    """Note when a frame came, and its time."""
    ways.append((asyncio.get_running_loop().time(), frame.timestamp))
    push(frame, clock)


@pytest.mark.timeout(60)
async def test_a_flash_and_a_click_of_one_moment_have_one_time() -> None:
    """The clocks of picture and sound are the same to 50 ms."""
    found = FlashAndClick()
    async with paired(videos=1) as (peer, caller):
        flash_at = [float("inf")]
        scene = Scene(rate=20)
        white, black = (np.full((120, 160, 3), level, np.uint8) for level in (250, 16))
        scene.draw = lambda now: white if flash_at[0] <= now < flash_at[0] + 0.2 else black
        peer.microphone.on_sound = found.on_sound
        peer.cameras["camera"].on_picture = found.on_picture
        peer.cameras["camera"].look(True)
        ways: list[tuple[float, int]] = []
        peer.cameras["camera"].push = partial(timed, ways, peer.cameras["camera"].push)  # type: ignore[method-assign]
        # Every frame must be looked at to know when the flash began.
        peer.cameras["camera"]._ration.want(50.0)
        caller.show(scene)
        await asyncio.sleep(1.2)  # both streams have reported
        tone = 0.8 * np.sin(2 * np.pi * 1500 * np.arange(4_800) / 48_000)
        for _ in range(15):
            flash_at[0] = caller.say(tone.astype(np.float32))
            await asyncio.sleep(0.8)
            if len(found.apart_ms()) >= 5:
                break
    apart = found.apart_ms()
    assert len(apart) >= 3, (found.clicks, found.flashes)
    # aiortc's reports tell when a frame was sent, not when it was taken: this client's own delay.
    first = ways[0][1]
    took = [1000 * (at - scene.drawn[0]) - (stamp - first) / 90 for at, stamp in ways]
    # A frame shows the flash up to one frame, 50 ms, after it began: half of that on average.
    assert -50 <= float(np.median(apart)) - 25 - float(np.median(took)) <= 50, (apart, took)


def keep(where: list[np.ndarray], sound: np.ndarray) -> None:
    where.append(sound.copy())


def noise(_: float) -> np.ndarray:
    """Grey, and no two the same."""
    return np.random.default_rng().integers(100, 156, (120, 160, 3), np.uint8)


def lose(peer: Peer, share: float) -> None:
    """So many of the packets that come are lost from now on; such a link connects too rarely."""
    wire: Any = peer._pc.getTransceivers()[0].receiver.transport.transport
    receive = wire._recv
    dice = np.random.default_rng(3)

    async def some() -> bytes:
        while True:
            data: bytes = await receive()
            if not 128 <= data[0] < 192 or dice.random() >= share:
                return data

    wire._recv = some


@pytest.mark.timeout(60)
async def test_under_thirty_percent_loss_pictures_come_and_sound_too() -> None:
    symbols, audio = symbol_audio(150, 48_000)
    pictures: list[Picture] = []
    heard: list[np.ndarray] = []
    async with paired(videos=1) as (peer, caller):
        peer.microphone.on_sound = partial(keep, heard)
        scene = Scene(rate=5)
        scene.draw = noise
        caller.show(scene)
        peer.cameras["camera"].on_picture = pictures.append
        peer.cameras["camera"].look(True)
        lose(peer, 0.3)
        caller.say(audio)
        await asyncio.sleep(4.0)
    # Without video it is as much; by chance seven of eight would be wrong.
    assert missing_share(symbols, np.concatenate(heard), 16_000) < 0.25
    # A frame of noise takes many packets; each is asked for again until it is there.
    assert len(pictures) >= 3
    assert all(abs(float(one.pixels.mean()) - 128) < 12 for one in pictures)
