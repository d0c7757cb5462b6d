"""A graph as plain data: what the formats write, and what graphs are hashed and compared by."""

from __future__ import annotations

from neurograph.io.document.document import Digests, canonical, document, graph_of, hash_of, hash_of_document, left_out

__all__ = ["Digests", "canonical", "document", "graph_of", "hash_of", "hash_of_document", "left_out"]
