"""Published results as rows of one table, each of which is one training run here: `neurograph bench images`."""

from __future__ import annotations
