"""Encoders of torch's transformer, whose forward cannot be traced: their parts by name."""

from __future__ import annotations

from typing import Any

from neurograph.io.torch_import import arithmetic, attention, layers
from neurograph.io.torch_import.call import Call
from neurograph.io.torch_import.flow import Flow


def encoder(
    call: Call, m: Any, src: Flow, mask: Any = None, src_key_padding_mask: Any = None, is_causal: Any = None
) -> Flow:
    if src_key_padding_mask is not None or (is_causal and mask is None):
        call.fail("src_key_padding_mask, or is_causal without a mask", "Give a constant mask=")
    for k, layer in enumerate(m.layers):
        src = encoder_layer(call.within(f"layers.{k}"), layer, src, mask)
    return src if m.norm is None else _norm(call.within("norm"), m.norm, src)


def encoder_layer(
    call: Call, m: Any, src: Flow, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
) -> Flow:
    """x + attention(x), then x + feed-forward(x), normalised before (norm_first) or after."""
    if src_key_padding_mask is not None or (is_causal and src_mask is None):
        call.fail("src_key_padding_mask, or is_causal without a mask", "Give a constant src_mask=")
    x = src
    for norm, part in ((m.norm1, "norm1"), (m.norm2, "norm2")):
        x = call.within(part).settled(x)
        y = _norm(call.within(part), norm, x) if m.norm_first else x
        if part == "norm1":
            y = call.within("self_attn").settled(y)
            attended = attention.multihead(call.within("self_attn"), m.self_attn, y, y, y, attn_mask=src_mask)[0]
            y = call.flow(attended)
        else:
            y = _feed_forward(call, m, y)
        x = Flow((*x.parts, *y.parts), x.shape)
        x = x if m.norm_first else _norm(call.within(part), norm, x)
    return x


def _norm(call: Call, m: Any, x: Flow) -> Flow:
    return layers.layer_norm(call, x, m.normalized_shape, m.weight, m.bias, m.eps)


def _feed_forward(call: Call, m: Any, x: Flow) -> Flow:
    name = getattr(m.activation, "__name__", type(m.activation).__name__.lower())
    handler = layers.FUNCTIONS.get(name)
    if handler is None or name not in ("relu", "gelu", "silu", "relu6", "sigmoid", "tanh"):
        call.fail(f"its activation {name}", "Use relu or gelu")
    hidden = arithmetic.linear(call.within("linear1"), x, m.linear1.weight, m.linear1.bias)
    return arithmetic.linear(
        call.within("linear2"), handler(call.within(name), hidden), m.linear2.weight, m.linear2.bias
    )
