"""Small data files in the official layouts, and a local web server."""

from __future__ import annotations

import gzip
import re
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the user's data folder, cache or proxy."""
    monkeypatch.delenv("NEUROGRAPH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def idx_bytes(values: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(np.uint8).tobytes()


@pytest.fixture
def write_idx() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Writes both splits of an MNIST-like set; returns the training images and labels."""

    def write(folder: Path, packed: bool = True, count: int = 20) -> tuple[np.ndarray, np.ndarray]:
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(1)
        first: tuple[np.ndarray, np.ndarray] | None = None
        for stem in ("train", "t10k"):
            images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
            labels = rng.integers(0, 10, count, dtype=np.uint8)
            first = first or (images, labels)
            for part, values in (("images-idx3", images), ("labels-idx1", labels)):
                data = idx_bytes(values)
                name = f"{stem}-{part}-ubyte" + (".gz" if packed else "")
                (folder / name).write_bytes(gzip.compress(data, 1) if packed else data)
        assert first is not None
        return first

    return write


@pytest.fixture
def write_cifar() -> Callable[[Path], np.ndarray]:
    """Writes the six binary files with 4 records each; returns the records of all, in order."""

    def write(folder: Path) -> np.ndarray:
        folder.mkdir(parents=True, exist_ok=True)
        records = np.random.default_rng(2).integers(0, 256, (6, 4, 3073), dtype=np.uint8)
        records[:, :, 0] %= 10
        names = [f"data_batch_{n}.bin" for n in range(1, 6)] + ["test_batch.bin"]
        for name, part in zip(names, records, strict=True):
            (folder / name).write_bytes(part.tobytes())
        return records

    return write


class Site:
    """What the local server serves, how it misbehaves, and what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut_at: int | None = None
        self.ranges = True
        self.asked: list[tuple[str, str | None]] = []
        self.url = ""


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append((self.path, wanted))
            content = state.files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            match = re.fullmatch(r"bytes=(\d+)-", wanted or "")
            start = int(match.group(1)) if match and state.ranges else 0
            if start and start >= len(content):
                self.send_error(416)
                return
            body = content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if state.cut_at is None else body[: state.cut_at])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()
