"""As much of the FlatBuffers layout as AEDAT 4 needs: the fields of a root table, each checked to lie inside."""

from __future__ import annotations

import struct

from neurograph.errors import DataError

__all__ = ["Table"]


class Table:
    """The root table of a size-prefixed buffer: uint32 size, uint32 offset of the root, 4 letters, then the data.

    A table begins with the distance back to its vtable, which holds (uint16) its own size, the table's, and the place of
    each field in the table, 0 where it is left out. All little endian. Raises DataError where anything lies outside.
    """

    def __init__(self, data: bytes, letters: bytes) -> None:
        self.data = data
        if len(data) < 12 or self._get("<I", 0) != len(data) - 4:
            said = self._get("<I", 0) if len(data) >= 4 else 0
            raise DataError(f"a buffer of {len(data)} bytes says that {said} follow its first 4")
        if data[8:12] != letters:
            raise DataError(f"a buffer of type {data[8:12]!r}, where {letters!r} belongs")
        self.root = 4 + self._get("<I", 4)
        self.vtable = self.root - self._get("<i", self.root)
        self.fields = (self._get("<H", self.vtable) - 4) // 2

    def _get(self, form: str, at: int) -> int:
        if at < 0 or at + struct.calcsize(form) > len(self.data):
            raise DataError(f"a buffer of {len(self.data)} bytes points to its byte {at}")
        return int(struct.unpack_from(form, self.data, at)[0])

    def _place(self, field: int) -> int:
        """Where a field lies, 0 where it is left out."""
        offset = self._get("<H", self.vtable + 4 + 2 * field) if field < self.fields else 0
        return self.root + offset if offset else 0

    def number(self, field: int, form: str, default: int) -> int:
        """A field that is a whole number."""
        at = self._place(field)
        return self._get(form, at) if at else default

    def vector(self, field: int, size: int) -> tuple[int, int]:
        """First byte and number of the elements of a field, each of so many bytes."""
        at = self._place(field)
        if not at:
            return 0, 0
        at += self._get("<I", at)
        count = self._get("<I", at)
        if at + 4 + count * size > len(self.data):
            raise DataError(
                f"a buffer of {len(self.data)} bytes has {count} elements of {size} bytes at its byte {at + 4}"
            )
        return at + 4, count
