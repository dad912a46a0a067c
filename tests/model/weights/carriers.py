"""Small stand-ins for what lies outside: wheels pip can find, an HTTP server, a tiny model file."""

from __future__ import annotations

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from model.weights.manifest import Package, Part, PartFile

TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *"abcdefgh", "ab", "cd", "Ġ"]
LAYERS, HEADS, KV_HEADS, HIDDEN, INNER = 2, 4, 2, 64, 96

Values = dict[str, npt.NDArray[np.float32]]


def make_wheel(folder: Path, name: str, members: Mapping[str, bytes]) -> Path:
    """A wheel `name` 1.0 whose code would leave a trace if anybody ran it."""
    module = name.replace("-", "_")
    trace = f"open({str(folder / 'trace')!r}, 'w').close()\n"
    files = {f"{module}/{member}": content for member, content in members.items()}
    files[f"{module}/__init__.py"] = trace.encode()
    meta = f"{module}-1.0.dist-info"
    files[f"{meta}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
    files[f"{meta}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{meta}/RECORD"] = b""
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    return path


def make_part(content: bytes, carriers: int = 1, *, second: str = "", **more: Any) -> Part:
    """A part `toy` of one file `toy.bin`, spread over wheels `toy-part1` …, `data/N.bin` each."""
    pieces = tuple((f"toy-part{n}", f"toy_part{n}/data/{n}.bin") for n in range(1, carriers + 1))
    packages = tuple(Package(name, "1.0", len(content)) for name, _ in pieces)
    digest = hashlib.sha256(content).hexdigest()
    file = PartFile(more.pop("name", "toy.bin"), len(content), digest, pieces)
    return Part("toy", "a test", ("tests",), "MIT", "", (file,), packages, second, **more)


def make_wheels(folder: Path, content: bytes, carriers: int = 1) -> None:
    """The wheels that `make_part` names."""
    cut = -(-len(content) // carriers)
    for n in range(1, carriers + 1):
        piece = content[(n - 1) * cut : n * cut]
        make_wheel(folder, f"toy-part{n}", {f"data/{n}.bin": piece})


class FileServer(http.server.ThreadingHTTPServer):
    """Serves one content under every path.

    `breaks` answers end after half of what they announced; with `stalls`, an answer stops half
    way until `release` is set.
    """

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.content = content
        self.breaks = 0
        self.stalls = False
        self.missing = False
        self.asked: list[tuple[str, str]] = []
        self.half_sent = threading.Event()
        self.release = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        span = self.headers.get("Range", "")
        self.server.asked.append((self.path, span))
        if self.server.missing:
            self.send_error(404)
            return
        start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
        body = self.server.content[start:]
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        self.server.half_sent.set()
        if self.server.stalls:
            self.server.release.wait(120)
            return
        if self.server.breaks:
            self.server.breaks -= 1
            return
        self.wfile.write(body[half:])

    def log_message(self, format: str, *args: Any) -> None:
        return


@contextmanager
def serving(content: bytes) -> Iterator[FileServer]:
    """A `FileServer` on the loopback for as long as the body runs."""
    with FileServer(content) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.release.set()
            server.shutdown()
            thread.join()


def interleaved(weight: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """Rows as llama.cpp stores a Llama's q and k: the halves of each head interleaved."""
    rows, columns = weight.shape
    halves = weight.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def make_gguf(
    path: Path, family: Literal["llama", "qwen2"], pre: str = "qwen2", architecture: str = ""
) -> Values:
    """A random model; returns its weights under the names and in the order of `transformers`.

    Matrices are Q8_0 on disk; the values returned are what that stores.
    """
    import gguf

    rng = np.random.default_rng(7)
    writer = gguf.GGUFWriter(path, architecture or family)
    writer.add_name("tiny")
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3, 3] + [1] * (len(TOKENS) - 3))
    writer.add_token_merges(["a b", "c d"])
    writer.add_eos_token_id(2)
    values: Values = {}

    def matrix(name: str, new: str, rows: int, columns: int, heads: int = 0) -> None:
        made = (rng.standard_normal((rows, columns)) * 0.1).astype(np.float32)
        kind = gguf.GGMLQuantizationType.Q8_0
        stored = interleaved(made, heads) if heads and family == "llama" else made
        packed = gguf.quantize(stored, kind)
        writer.add_tensor(name, packed, raw_dtype=kind)
        # Blocks of Q8_0 lie within a row, so packing and reordering rows commute.
        values[new] = gguf.dequantize(gguf.quantize(made, kind), kind)

    def vector(name: str, new: str, size: int) -> None:
        values[new] = rng.standard_normal(size).astype(np.float32)
        writer.add_tensor(name, values[new])

    matrix("token_embd.weight", "model.embed_tokens.weight", len(TOKENS), HIDDEN)
    vector("output_norm.weight", "model.norm.weight", HIDDEN)
    key_rows = HIDDEN // HEADS * KV_HEADS
    for n in range(LAYERS):
        old, new = f"blk.{n}", f"model.layers.{n}"
        vector(f"{old}.attn_norm.weight", f"{new}.input_layernorm.weight", HIDDEN)
        vector(f"{old}.ffn_norm.weight", f"{new}.post_attention_layernorm.weight", HIDDEN)
        rows_of = {"q": HIDDEN, "k": key_rows, "v": key_rows}
        for part, rows in rows_of.items():
            heads = {"q": HEADS, "k": KV_HEADS, "v": 0}[part]
            name = f"{new}.self_attn.{part}_proj"
            matrix(f"{old}.attn_{part}.weight", f"{name}.weight", rows, HIDDEN, heads)
            if family == "qwen2":
                vector(f"{old}.attn_{part}.bias", f"{name}.bias", rows)
        matrix(f"{old}.attn_output.weight", f"{new}.self_attn.o_proj.weight", HIDDEN, HIDDEN)
        matrix(f"{old}.ffn_gate.weight", f"{new}.mlp.gate_proj.weight", INNER, HIDDEN)
        matrix(f"{old}.ffn_up.weight", f"{new}.mlp.up_proj.weight", INNER, HIDDEN)
        matrix(f"{old}.ffn_down.weight", f"{new}.mlp.down_proj.weight", HIDDEN, INNER)
    if family == "qwen2":
        matrix("output.weight", "lm_head.weight", len(TOKENS), HIDDEN)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return values
