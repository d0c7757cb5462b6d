"""From a graph to a tape that can run: validate, infer, fuse, schedule, plan. Each is a pure function."""

from neurograph.passes.build import build
from neurograph.passes.fuse import fuse
from neurograph.passes.infer import infer
from neurograph.passes.plan import plan
from neurograph.passes.schedule import schedule
from neurograph.passes.validate import validate

PASSES = ("validate", "infer", "fuse", "schedule", "plan")

__all__ = ["PASSES", "build", "fuse", "infer", "plan", "schedule", "validate"]
