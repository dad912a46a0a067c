"""Voice activity: equal to the reference, and rows that do not know of each other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from model.interaction.onnx_tensors import read_tensors
from model.interaction.voice_activity import (
    FRAME_SAMPLES,
    FRAMES,
    VoiceActivity,
    VoiceActivityState,
)
from model.messages import Audio
from model.timebase import HEARING_BLOCK_SAMPLES
from model.weights import store
from tests.speech.recordings import long_reading

ROWS = 4


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """As in the engine: work this small is slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder() -> Path:
    return store.folder("voice-activity")


@pytest.fixture(scope="module")
def activity(folder: Path) -> VoiceActivity:
    return VoiceActivity.load(folder)


@pytest.fixture(scope="module")
def speech() -> Audio:
    """Eight seconds of a human voice."""
    return long_reading().audio[: 80 * HEARING_BLOCK_SAMPLES]


def _blocks(audio: Audio) -> Tensor:
    return torch.from_numpy(audio).view(-1, HEARING_BLOCK_SAMPLES)


def _reference(folder: Path, audio: Audio) -> list[float]:
    """The probabilities that the ONNX file itself gives, frame by frame."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "silero_vad.onnx"), options)
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32)
    found = []
    for start in range(0, len(audio) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        frame = np.concatenate([context, audio[None, start : start + FRAME_SAMPLES]], axis=1)
        given = {"input": frame, "state": state, "sr": np.array(16_000)}
        output, state = session.run(None, given)
        found.append(float(output[0, 0]))
        context = frame[:, -64:]
    return found


def _only(row: int) -> Tensor:
    mask = torch.zeros(ROWS, dtype=torch.bool)
    mask[row] = True
    return mask


def _row(state: VoiceActivityState, row: int) -> list[Tensor]:
    return [
        state.waiting[row],
        state.waiting_samples[row],
        state.hidden[:, row],
        state.last[row],
    ]


def test_a_whole_recording_equals_the_reference(
    activity: VoiceActivity, folder: Path, speech: Audio
) -> None:
    found = activity.whole(torch.from_numpy(speech))
    reference = _reference(folder, speech)
    assert len(found) == len(reference) == len(speech) // FRAME_SAMPLES
    assert np.abs(found.numpy() - np.array(reference)).max() <= 1e-4
    assert 0.3 < float((found > 0.5).float().mean()) < 1.0


def test_micro_turns_equal_the_whole(activity: VoiceActivity, speech: Audio) -> None:
    """Every complete frame comes out once, in order; the rest waits in the state."""
    whole = activity.whole(torch.from_numpy(speech)).numpy()
    state = activity.new_state(ROWS)
    found: list[float] = []
    last = 0.0
    for block in _blocks(speech):
        complete = (int(state.waiting_samples[2]) + HEARING_BLOCK_SAMPLES) // FRAME_SAMPLES
        given, state = activity.step(block.expand(ROWS, -1), state, torch.ones(ROWS).bool())
        assert given.shape == (ROWS, FRAMES)
        if complete < FRAMES:
            assert float(given[2, 0]) == last
        last = float(given[2, -1])
        found += given[2, FRAMES - complete :].tolist()
    assert np.abs(np.array(found) - whole[: len(found)]).max() <= 1e-4
    assert len(found) == len(whole)


def test_rows_do_not_know_of_each_other(activity: VoiceActivity, speech: Audio) -> None:
    """Bitwise: whatever the neighbours hear, and whenever they began."""
    torch.manual_seed(0)
    alone, among = activity.new_state(ROWS), activity.new_state(ROWS)
    for turn, block in enumerate(_blocks(speech)[:25]):
        quiet = torch.zeros(ROWS, HEARING_BLOCK_SAMPLES)
        noisy = torch.randn(ROWS, HEARING_BLOCK_SAMPLES)
        noisy[3] = float("nan") if turn == 7 else 1e30
        quiet[1], noisy[1] = block, block
        one, alone = activity.step(quiet, alone, _only(1))
        mask = torch.tensor([turn % 3 == 0, True, turn > 5, True])
        two, among = activity.step(noisy, among, mask)
        assert torch.equal(one[1], two[1])
    for left, right in zip(_row(alone, 1), _row(among, 1), strict=True):
        assert torch.equal(left, right)


def test_rows_outside_the_mask_stay_bit_by_bit(activity: VoiceActivity, speech: Audio) -> None:
    state = activity.new_state(ROWS)
    for block in _blocks(speech)[:5]:
        _, state = activity.step(block.expand(ROWS, -1), state, torch.ones(ROWS).bool())
    before = [tensor.clone() for row in (0, 2, 3) for tensor in _row(state, row)]
    poison = torch.full((ROWS, HEARING_BLOCK_SAMPLES), float("nan"))
    given, after = activity.step(poison, state, _only(1))
    for left, right in zip(before, [t for r in (0, 2, 3) for t in _row(after, r)], strict=True):
        assert torch.equal(left, right)
    assert torch.equal(given[[0, 2, 3]], torch.zeros(3, FRAMES))
    assert torch.isfinite(given).all()


def test_a_reset_row_is_as_new(activity: VoiceActivity, speech: Audio) -> None:
    state = activity.new_state(ROWS)
    loud = torch.full((ROWS, HEARING_BLOCK_SAMPLES), 1e30)
    _, state = activity.step(loud, state, torch.ones(ROWS).bool())
    kept = [tensor.clone() for tensor in _row(state, 0)]
    state = activity.reset(state, 2)
    for left, right in zip(_row(state, 2), _row(activity.new_state(ROWS), 2), strict=True):
        assert torch.equal(left, right)
    for left, right in zip(kept, _row(state, 0), strict=True):
        assert torch.equal(left, right)


def test_the_state_that_went_in_is_not_changed(activity: VoiceActivity, speech: Audio) -> None:
    state = activity.new_state(ROWS)
    every = torch.ones(ROWS).bool()
    one, _ = activity.step(_blocks(speech)[:ROWS], state, every)
    two, _ = activity.step(_blocks(speech)[:ROWS], state, every)
    assert torch.equal(one, two)


def test_speech_and_silence_are_told_apart(activity: VoiceActivity, speech: Audio) -> None:
    noise = np.random.default_rng(0).standard_normal(len(speech)).astype(np.float32) * 0.003
    assert float(activity.whole(torch.from_numpy(noise)).max()) < 0.5
    assert float(activity.whole(torch.from_numpy(speech)).mean()) > 0.3


def test_a_wrong_shape_is_refused(activity: VoiceActivity) -> None:
    with pytest.raises(ValueError, match=r"\[4, 1600\]"):
        activity.step(torch.zeros(ROWS, 512), activity.new_state(ROWS), torch.ones(ROWS).bool())


def test_a_missing_or_strange_file_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(RuntimeError, match="make setup"):
        VoiceActivity.load(tmp_path)
    damaged = tmp_path / "silero_vad.onnx"
    damaged.write_bytes((folder / "silero_vad.onnx").read_bytes()[:100_000])
    with pytest.raises(ValueError, match="damaged"):
        read_tensors(damaged)
    damaged.write_bytes(b"")
    with pytest.raises(RuntimeError, match="not the voice activity model"):
        VoiceActivity.load(tmp_path)


@pytest.mark.bench
def test_speed(activity: VoiceActivity, speech: Audio) -> None:
    """Time of one micro-turn of four rows on one thread; 4 ms is what the tick has for it."""
    spent = []
    state = activity.new_state(ROWS)
    for block in _blocks(speech):
        began = time.perf_counter()
        _, state = activity.step(block.expand(ROWS, -1), state, torch.ones(ROWS).bool())
        spent.append(time.perf_counter() - began)
    print(f"median {np.median(spent) * 1e3:.2f} ms, p99 {np.percentile(spent, 99) * 1e3:.2f} ms")
    assert np.median(spent) < 0.004
