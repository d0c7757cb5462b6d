"""What an export cannot say in NIR: gathered from the whole graph, then told at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from neurograph.errors import FormatError


class NotRepresentable(FormatError):
    """A graph that NIR cannot say in full. `losses` can be left out with lossy=True, `impossible` cannot."""

    def __init__(self, message: str, losses: tuple[str, ...], impossible: tuple[str, ...]):
        super().__init__(message)
        self.losses, self.impossible = losses, impossible


@dataclass
class Losses:
    """Losses, and what has no counterpart at all, in the order in which they are found."""

    losses: list[str] = field(default_factory=list)
    impossible: list[str] = field(default_factory=list)

    def lose(self, element: str, what: str) -> None:
        self._add(self.losses, f"{element}: {what}")

    def refuse(self, element: str, what: str) -> None:
        self._add(self.impossible, f"{element}: {what}")

    def _add(self, to: list[str], text: str) -> None:
        if text not in to:
            to.append(text)

    def check(self, graph: str, lossy: bool) -> None:
        """Raise NotRepresentable unless all of it may be left out."""
        if not self.impossible and (lossy or not self.losses):
            return
        parts = []
        if self.impossible:
            parts.append("NIR has nothing that computes")
            parts += [f"  {t}" for t in self.impossible]
        if self.losses and not lossy:
            parts.append("NIR would lose" if not self.impossible else "and would lose")
            parts += [f"  {t}" for t in self.losses]
            parts.append("Change these, or write without them: lossy=True, which lists them in the file's metadata")
        raise NotRepresentable(f"graph {graph!r}: " + "\n".join(parts), tuple(self.losses), tuple(self.impossible))
