"""Attention: products of queries, keys and values, for each sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from neurograph.io.torch_import import arithmetic
from neurograph.io.torch_import.call import MASKED, Call
from neurograph.io.torch_import.flow import Flow
from neurograph.io.torch_import.trace import Held
from neurograph.projections.arrange import Permute, Reshape
from neurograph.projections.softmax import Softmax


def scaled_dot_product(
    call: Call, query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Flow:  # fmt: skip
    if dropout_p or enable_gqa:
        call.fail(
            f"dropout_p={dropout_p}, enable_gqa={enable_gqa}", "Give dropout_p=0.0 in evaluation and enable_gqa=False"
        )
    q, k, v = call.flow(query, "the query"), call.flow(key, "the key"), call.flow(value, "the value")
    tokens, width = q.shape[-2:]
    mask = attn_mask
    if is_causal:
        mask = Held(torch.ones(tokens, k.shape[-2], dtype=torch.bool).tril())
    if isinstance(mask, Held) and mask.value.dtype == torch.bool:
        mask = Held(torch.zeros(mask.value.shape, dtype=torch.float64).masked_fill(~mask.value, MASKED))
    return attended(call, q, k, v, mask, 1.0 / math.sqrt(width) if scale is None else float(scale))


def attended(call: Call, q: Flow, k: Flow, v: Flow, mask: Any, scale: float) -> Flow:
    """softmax(scale q k^T + mask) v over the last two axes."""
    k = call.rearranged(k, Permute(*range(len(k.shape) - 2), len(k.shape) - 1, len(k.shape) - 2))
    scores = arithmetic.matrices(call.within("scores"), call.scaled(q, scale), k)
    if mask is not None:
        added = call.array(mask, scores.shape)
        scores = call.shifted(scores, np.broadcast_to(added, scores.shape))
    weights = call.within("softmax").then(scores, Softmax())
    return arithmetic.matrices(call.within("attended"), weights, v)


def multihead(
    call: Call, m: Any, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
    attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
) -> tuple[Flow | None, ...]:  # fmt: skip
    """nn.MultiheadAttention; its second result, the weights, is not imported."""
    if not m.batch_first:
        call.fail("its batch is the second axis", "Give batch_first=True")
    if m.bias_k is not None or m.add_zero_attn or key_padding_mask is not None:
        call.fail("add_bias_kv, add_zero_attn or a key_padding_mask", "Leave these out")
    same = m.in_proj_weight is not None
    weights = m.in_proj_weight.chunk(3) if same else (m.q_proj_weight, m.k_proj_weight, m.v_proj_weight)
    biases = (None,) * 3 if m.in_proj_bias is None else m.in_proj_bias.chunk(3)
    flows: dict[int, Flow] = {}
    made = []
    for x, weight, bias, part in zip((query, key, value), weights, biases, ("q", "k", "v"), strict=True):
        if id(x) not in flows:
            flows[id(x)] = call.settled(call.flow(x))
        y = arithmetic.linear(call.within(part), flows[id(x)], weight, bias)
        tokens, width = y.shape
        heads = call.rearranged(y, Reshape((tokens, m.num_heads, width // m.num_heads)))
        made.append(call.rearranged(heads, Permute(1, 0, 2)))
    mask = attn_mask
    if isinstance(mask, Held):
        if mask.value.dim() == 3:
            call.fail("its mask is one per sample and head", "Give a mask of two axes")
        if mask.value.dtype == torch.bool:  # here True closes
            mask = Held(torch.zeros(mask.value.shape, dtype=torch.float64).masked_fill(mask.value, MASKED))
    elif mask is not None:
        call.fail("its mask depends on the input", "Only constant masks are imported")
    y = attended(call, made[0], made[1], made[2], mask, 1.0 / math.sqrt(m.head_dim))
    y = call.rearranged(call.rearranged(y, Permute(1, 0, 2)), Reshape((y.shape[1], m.embed_dim)))
    return arithmetic.linear(call.within("out_proj"), y, m.out_proj.weight, m.out_proj.bias), None
