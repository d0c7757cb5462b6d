"""A traced step as lines of code in one dialect: torch, numba or triton."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from neurograph.expr.ops import OPS
from neurograph.expr.value import Value, live


def _normal(x: float) -> bool:
    return x == 0.0 or 2.0**-126 <= abs(x) < 2.0**128


_CONSTANT: dict[str, Callable[[str], str]] = {
    # Numba types a bare literal as float64, which would lift a float32 step: pin it
    "numba": lambda text: f"F({text})",
    # a bare literal is a float32 there, unless no normal float32 is near it: pin those
    "triton": lambda text: text if _normal(float(text)) else f'tl.full((), float("{text}"), tl.float32)',
    # torch constants are 0-d tensors of the dtype: a Python scalar divides by multiplication on CUDA
    "torch": lambda text: f"const({text})",
}
_INF = {"numba": "F(np.inf)", "triton": 'float("inf")', "torch": 'const(float("inf"))'}


def lines(
    results: Mapping[str, Value],
    dialect: str,
    names: Mapping[str, str],
    *,
    with_gradient_rules: bool = False,
    held: Mapping[int, str] | None = None,
) -> tuple[list[str], dict[str, str]]:
    """Statements computing `results`, and the expression that holds each result.

    `names` gives the text of each leaf, `held` of values that are known already (by index). A constant is
    written where it is used.
    """
    known = held or {}
    text: dict[int, str] = dict(known)
    out: list[str] = []
    for value in live(results.values(), with_gradient_rules=with_gradient_rules, held=known):
        if value.index in known:
            continue
        if value.op == "leaf":
            text[value.index] = names[str(value.attr)]
        elif value.op == "const":
            raw = str(value.attr)
            text[value.index] = _INF[dialect] if raw == "inf" else _CONSTANT[dialect](raw)
        elif value.op == "custom" and not with_gradient_rules:
            text[value.index] = text[value.args[0].index]
        else:
            arguments = [text[a.index] for a in value.args]
            if value.op == "custom":
                expression = f"custom_gradient({', '.join(arguments)})"
            elif not OPS[value.op].in_dialect(dialect):  # a composite, computed by the dialect's runtime
                expression = f"{value.op}({', '.join(arguments)})"
            else:
                expression = OPS[value.op].in_dialect(dialect).format(*arguments)
            name = f"t{value.index}"
            out.append(f"{name} = {expression}")
            text[value.index] = name
    return out, {name: text[value.index] for name, value in results.items()}
