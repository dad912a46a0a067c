"""The stimuli: exact labels, disjoint splits, splices nobody can hear, nobody may train on test."""

from __future__ import annotations

import ast
import hashlib
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from tests.bench.stimuli.acoustics import NOISE_MAKERS, in_room, level_to, room_response, vocal_tic
from tests.bench.stimuli.making import MAKERS, make_script
from tests.bench.stimuli.script import RATE, Audio, Script
from tests.bench.stimuli.speech import dips, humans, insert_pause, last_loud, quietest, synthetic
from tests.bench.stimuli.splits import (
    HUMANS,
    NOISES,
    PLACEHOLDER,
    ROOMS,
    SPLITS,
    VOICES,
    Split,
    wording,
)  # fmt: skip
from tests.bench.stimuli.splits import test_seed as seed_of_test

ROOT = Path(__file__).parents[2]
PAIRS = list(itertools.combinations(SPLITS, 2))


class TestSplits:
    @pytest.mark.parametrize(("one", "other"), PAIRS)
    def test_no_voice_is_in_two(self, one: Split, other: Split) -> None:
        assert not {v.person for v in VOICES[one]} & {v.person for v in VOICES[other]}
        assert not {v.option for v in VOICES[one]} & {v.option for v in VOICES[other]}
        assert not set(HUMANS[one]) & set(HUMANS[other])

    @pytest.mark.parametrize(("one", "other"), PAIRS)
    def test_no_noise_is_in_two(self, one: Split, other: Split) -> None:
        assert not set(NOISES[one]) & set(NOISES[other])

    @pytest.mark.parametrize(("one", "other"), PAIRS)
    def test_no_room_is_in_two(self, one: Split, other: Split) -> None:
        low, high = sorted([ROOMS[one].area, ROOMS[other].area])
        assert low[1] < high[0]

    @pytest.mark.parametrize(("one", "other"), PAIRS)
    def test_no_wording_is_in_two(self, one: Split, other: Split) -> None:
        """No sentence, no slot filler, and no four words in a row."""

        def phrases(split: Split) -> set[str]:
            sentences, slots = wording(split)
            found = {filler for fillers in slots.values() for filler in fillers}
            for text in itertools.chain.from_iterable(sentences.values()):
                words = re.findall(r"[a-z']+|\{\w+\}", text.lower())
                found |= {" ".join(words[i : i + 4]) for i in range(max(len(words) - 3, 1))}
            return found

        assert not phrases(one) & phrases(other)

    def test_every_noise_can_be_made(self) -> None:
        assert set(itertools.chain.from_iterable(NOISES.values())) == set(NOISE_MAKERS)

    def test_the_seed_of_test_is_the_checkpoints(self, tmp_path: Path) -> None:
        checkpoint = tmp_path / "core.safetensors"
        checkpoint.write_bytes(b"weights")
        assert seed_of_test(checkpoint) == int(hashlib.sha256(b"weights").hexdigest()[:8], 16)
        assert seed_of_test(None) == seed_of_test(PLACEHOLDER)

    def test_the_model_imports_nothing_of_the_tests(self) -> None:
        """Training and tuning must never see the bench's stimuli."""
        for path in (ROOT / "model").rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names: list[str] = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    names = [node.value] if node.value.startswith("tests.bench") else []
                assert not [n for n in names if n.split(".")[0] == "tests"], path


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    """A few clips of each suite."""
    made = [make_script(suite, "dev", 5, i) for suite in MAKERS for i in range(3)]
    return made + [make_script(suite, "dev", 5, i, "human") for suite in ("turn", "pause")
                   for i in range(3)]  # fmt: skip


class TestScripts:
    def test_the_same_seed_makes_the_same_clip(self) -> None:
        one, again = (make_script("pause", "dev", 9, 2) for _ in range(2))
        assert np.array_equal(one.pieces[0].audio, again.pieces[0].audio)
        assert np.array_equal(one.bed, again.bed)
        assert one.pieces[0].marks == again.pieces[0].marks
        other = make_script("pause", "dev", 10, 2)
        assert not np.array_equal(one.bed, other.bed)

    def test_labels_lie_inside_their_pieces(self, scripts: list[Script]) -> None:
        for script in scripts:
            for piece in script.pieces:
                assert piece.audio.dtype == np.float32
                assert np.abs(piece.audio).max() < 1.5
                for mark in piece.marks:
                    assert 0 <= mark.start <= mark.end <= len(piece.audio), script.clip

    def test_a_turn_ends_with_its_last_voiced_sample(self, scripts: list[Script]) -> None:
        for script in scripts:
            for piece in script.pieces:
                for mark in (m for m in piece.marks if m.kind == "turn"):
                    assert abs(mark.end - piece.voiced[-1][1]) <= 0.25 * RATE

    def test_pauses_are_silent_and_as_long_as_said(self, scripts: list[Script]) -> None:
        found = [
            (script, mark)
            for script in scripts
            for mark in script.pieces[0].marks
            if mark.kind == "pause"
        ]
        assert len(found) >= 6
        for script, mark in found:
            assert 0.28 * RATE <= mark.end - mark.start <= 1.6 * RATE
            assert not [v for v in script.pieces[0].voiced if v[0] < mark.end and v[1] > mark.start]

    def test_a_story_has_opportunities_after_its_sentences(self, scripts: list[Script]) -> None:
        for script in (s for s in scripts if s.suite == "backchannel"):
            marks = script.pieces[0].marks
            assert sum(m.kind == "opportunity" for m in marks) >= 4
            assert sum(m.kind == "monologue" for m in marks) == 1

    def test_human_material_there_is_none_of_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no human material"):
            make_script("stop", "dev", 1, 0, "human")

    def test_the_human_half_has_several_speakers(self) -> None:
        assert len({said.speaker for said in humans("test")}) >= 8
        assert len(humans("test")) >= 50
        assert len({said.speaker for said in humans("dev")}) >= 6


class TestAcoustics:
    def test_a_room_keeps_the_start_and_decays(self) -> None:
        response = room_response(np.random.default_rng(1), ROOMS["test"], (0.4, 0.9))
        assert response[0] == 1.0
        energy = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
        assert energy[RATE // 5] < 0.05 * energy[1]
        click = np.zeros(100, np.float32)
        click[10] = 1.0
        assert np.flatnonzero(np.abs(in_room(click, response)) > 1e-4)[0] == 10

    @pytest.mark.parametrize("kind", ["cough", "laugh", "breath"])
    def test_tics(self, kind: str) -> None:
        sound = vocal_tic(np.random.default_rng(2), kind)
        assert 0.1 * RATE < len(sound) < 2.5 * RATE
        assert np.isfinite(sound).all()
        assert last_loud(sound) > 0


def _features(audio: Audio, at: int) -> list[float]:
    """What a click or a seam would show within 20 ms of a sample."""
    around = audio[at - 320 : at + 320].astype(np.float64)
    steps = np.abs(np.diff(around))
    middle = slice(320 - 24, 320 + 24)
    rest = np.r_[steps[:296], steps[344:]]
    left, right = around[:320], around[320:]
    spectra = [np.abs(np.fft.rfft(part * np.hanning(320))) + 1e-7 for part in (left, right)]
    high = [float(np.log(s[100:].mean())) for s in spectra]
    low = [float(np.log(s[:30].mean())) for s in spectra]
    flux = float(np.abs(np.log(spectra[0]) - np.log(spectra[1])).mean())
    second = np.abs(np.diff(around, 2))
    return [
        float(np.log((steps[middle].max() + 1e-7) / (rest.max() + 1e-7))),
        float(np.log((second[middle].max() + 1e-7) / (np.median(second) + 1e-7))),
        high[0] - high[1], low[0] - low[1], flux,
        float(np.log((left**2).mean() + 1e-9) - np.log((right**2).mean() + 1e-9)),
    ]  # fmt: skip


def _auc(scores: np.ndarray, truth: np.ndarray) -> float:
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    positive = int(truth.sum())
    return float(
        (ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * (len(truth) - positive))
    )


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    weights = np.zeros(x.shape[1])
    for _ in range(300):
        guess = 1 / (1 + np.exp(-x @ weights))
        weights += 0.3 * (x.T @ (y - guess) / len(y) - 0.01 * weights)
    return weights


def _seams_and_silences(split: Split, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features at the two seams of put-in pauses, and inside silences that were always there.

    Both lie in the middle of a silence of the same kind, over the same noise floor. Without a
    room: its tail would tell how long ago somebody spoke, and blur the seam. Silences of 0.12 s
    and more: in shorter ones the next word lies within the probe's 20 ms, in a pause it cannot.
    """
    generator = np.random.default_rng(seed)
    rows: list[list[float]] = []
    truth: list[bool] = []
    sentences, slots = wording(split)
    for i in range(count):
        voice = VOICES[split][i % len(VOICES[split])]
        text = sentences["pauses"][i % len(sentences["pauses"])]
        said = synthetic(voice, text.format(**{k: v[i % len(v)] for k, v in slots.items()}))
        recordings = [s for s in humans(split) if dips(s.audio, 0.12)]
        if recordings and i % 2:
            said = recordings[i // 2 % len(recordings)]
        places = dips(said.audio, 0.12)
        if not places:
            continue
        start, end = places[0]
        paused = insert_pause(generator, said, 1.0)
        assert paused is not None
        seam = quietest(said.audio, start, end)
        maker = NOISE_MAKERS[NOISES[split][0]]
        for audio, where, spliced in (
            (paused.audio, [seam, seam + len(paused.audio) - len(said.audio)], True),
            (said.audio, [seam, seam], False),
        ):
            heard = audio + level_to(maker(generator, len(audio), said.audio), -62.0)
            rows += [_features(heard, at) for at in where]
            truth += [spliced, spliced]
    return np.array(rows), np.array(truth)


@pytest.mark.timeout(90)
def test_a_probe_for_splices_fails() -> None:
    """Trained on clips of two splits, human ones too, tried on clips it has not seen."""
    made = [_seams_and_silences("train", 40, 1), _seams_and_silences("dev", 40, 2)]
    x, y = (np.concatenate(parts) for parts in zip(*made, strict=True))
    # Several draws: with one, chance alone moves the result by .05.
    unseen = [_seams_and_silences("dev", 40, seed) for seed in (3, 4, 5, 6)]
    other_x, other_y = (np.concatenate(parts) for parts in zip(*unseen, strict=True))
    centre, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    weights = _logistic((x - centre) / scale, y.astype(float))
    found = _auc((other_x - centre) / scale @ weights, other_y)
    assert len(other_y) >= 500
    assert max(found, 1 - found) <= 0.6, found


def test_the_probe_finds_a_splice_that_can_be_heard() -> None:
    """The same features see a seam that was cut without care."""
    generator = np.random.default_rng(3)
    rows: list[list[float]] = []
    for _ in range(60):
        tone = (0.1 * np.sin(np.arange(4000) * generator.uniform(0.05, 0.2))).astype(np.float32)
        cut = tone.copy()
        cut[2000:] = 0.0
        noise = level_to(generator.normal(size=4000).astype(np.float32), -62.0)
        rows += [_features(tone + noise, 2000), _features(cut + noise, 2000)]
    truth = np.arange(len(rows)) % 2 == 1
    x = np.array(rows)
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)
    assert _auc(x @ _logistic(x, truth.astype(float)), truth) > 0.95
