"""Generated kernels on disk: readable source, and next to it the machine code Numba keeps."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType


def folder() -> Path:
    """Where generated kernels live: <user cache>/neurograph/kernels (XDG_CACHE_HOME is honoured)."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = Path(root) / "neurograph" / "kernels"
    try:
        path.mkdir(parents=True, exist_ok=True)
        if os.access(path, os.W_OK):
            return path
    except OSError:
        pass  # a read-only home: a folder of this process instead
    return _temporary()


@cache
def _temporary() -> Path:
    # code is loaded from there, so not a name that somebody else could have made first
    return Path(tempfile.mkdtemp(prefix="neurograph-"))


def path_of(name: str, source: str) -> Path:
    """The file of a kernel: its name and a hash of its text, so an old kernel is never mistaken for a new one."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    return folder() / f"neurograph_{name}_{digest}.py"


@cache
def load(name: str, source: str) -> ModuleType:
    """Import a generated module, writing it first where it is not on disk yet."""
    path = path_of(name, source)
    if not path.exists() or path.read_text() != source:
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w") as file:
            file.write(source)
        os.replace(temporary, path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Numba looks a kernel's module up by name when it loads machine code from disk
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
