"""Attention, as products of running means and a softmax between them; and the table that a sequence starts from."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import layers as kl

from ....graph.nodes import Function, Lookup
from ..builder import Builder, to_numpy
from ..registry import handles
from .functions import product
from .shape import broadcast, reshape

_HIDDEN = -1e9  # added to a score that a mask hides: its exponential is 0


@handles(kl.MultiHeadAttention, as_called=True)
def multi_head_attention(
    layer: Any, build: Builder, query: str, value: str, key: str | None = None, **arguments: Any
) -> str:
    _check(build, arguments)
    q, k, v = _projections(layer, build, query, value, key)
    scores = product(build, layer._dot_product_equation, k, _shrunk(build, q, layer._inverse_sqrt_key_dim), "scores")
    n_axes = len(layer._attention_axes)
    y = _attended(layer, build, scores, v, layer._combine_equation, n_axes, **arguments)
    return build.inside(layer._output_dense, "output", build.sent(_gated(layer, build, y, query)))


@handles(kl.GroupQueryAttention, as_called=True)
def group_query_attention(
    layer: Any, build: Builder, query: str, value: str, key: str | None = None, **arguments: Any
) -> str:
    _check(build, arguments)
    q, k, v = _projections(layer, build, query, value, key)
    k, v = (
        broadcast(build, build.mean(x), (build.shape(x)[0], layer.num_query_heads, build.shape(x)[2]), f"all_{name}")
        for name, x in (("keys", k), ("values", v))
    )
    q = _shrunk(build, q, layer._inverse_sqrt_head_dim)
    scores = product(build, layer._dot_product_equation, q, k, "scores")
    y = _attended(layer, build, scores, v, layer._combine_equation, 1, **arguments)
    return build.inside(layer._output_dense, "output", build.sent(_gated(layer, build, y, query)))


@handles(kl.Attention, as_called=True)
def attention(layer: Any, build: Builder, inputs: Any, **arguments: Any) -> str:
    _check(build, arguments)
    query, value, key = (*inputs, inputs[1])[:3]
    if layer.score_mode == "concat":
        scores = _sums_of_tanh(build, query, key, 1.0 if layer.scale is None else layer.scale, 1.0)
        scores = build.affine(scores, to_numpy(layer.concat_score_weight), suffix="weighted")
    else:
        scores = product(build, "nij,nkj->nik", query, key, "scores")
        if layer.scale is not None:
            scores = build.affine(scores, to_numpy(layer.scale), suffix="scaled")
    return build.sent(_attended(layer, build, scores, value, "nik,nkj->nij", 1, **arguments))


@handles(kl.AdditiveAttention, as_called=True)
def additive_attention(layer: Any, build: Builder, inputs: Any, **arguments: Any) -> str:
    _check(build, arguments)
    query, value, key = (*inputs, inputs[1])[:3]
    weights = 1.0 if layer.scale is None else to_numpy(layer.scale)
    scores = _sums_of_tanh(build, query, key, 1.0, weights)
    return build.sent(_attended(layer, build, scores, value, "nik,nkj->nij", 1, **arguments))


@handles(kl.Embedding)
def embedding(layer: Any, build: Builder, x: str) -> str:
    if build.carries_spikes(x):
        raise build.error("looks up what spikes carry. It converts where the numbers come from an input.")
    table = build.weights(table=layer.embeddings)
    shape = (*build.shape(x), table["table"].shape[-1])
    return build.add(Lookup, "rows", (x,), shape, **table, trained=table)


def _check(build: Builder, arguments: dict[str, Any]) -> None:
    if arguments.get("return_attention_scores"):
        raise build.error("returns its scores beside its output. Leave return_attention_scores out.")
    for name in ("query_mask", "value_mask", "key_mask", "mask"):
        if any(mask is not None for mask in np.atleast_1d(np.asarray(arguments.get(name), object))):
            raise build.error(f"has the {name} of a layer before it. Pass one attention_mask (samples, queries, keys).")


def _projections(layer: Any, build: Builder, query: str, value: str, key: str | None) -> tuple[str, str, str]:
    """Queries, keys and values of the heads."""
    return (
        build.inside(layer._query_dense, "query", query),
        build.inside(layer._key_dense, "key", value if key is None else key),
        build.inside(layer._value_dense, "value", value),
    )


def _shrunk(build: Builder, q: str, factor: float) -> str:
    """Queries times a factor, which folds into the kernel before them."""
    return build.affine(q, float(factor), suffix="shrunk")


def _gated(layer: Any, build: Builder, x: str, query: str) -> str:
    """The sum of values times a sigmoid of the query, where the layer has one."""
    if getattr(layer, "_gate_dense", None) is None:
        return x
    gate = build.inside(layer._gate_dense, "gate", query)
    return build.function("multiply", x, gate, suffix="gated")


def _attended(
    layer: Any,
    build: Builder,
    scores: str,
    values: str,
    equation: str,
    n_axes: int,
    attention_mask: Any = None,
    use_causal_mask: bool = False,
    **arguments: Any,
) -> str:
    """The values' means, weighted by the softmax of scores over their last `n_axes` axes."""
    *_, n_queries, n_keys = shape = build.shape(scores)
    apart = np.arange(n_queries)[:, None] - np.arange(n_keys)
    hidden = (apart < 0) if use_causal_mask else np.zeros(apart.shape, bool)
    window = getattr(layer, "sliding_window", None) or getattr(layer, "_sliding_window", None)
    if window is not None:
        hidden = hidden | (abs(apart) >= window)
    if attention_mask is not None and not isinstance(attention_mask, str):
        shown = to_numpy(attention_mask).astype(bool)
        if shown.ndim == 3 and len(shown) == 1:
            shown = shown[0]
        if shown.shape != apart.shape:
            raise build.error(f"has a constant attention_mask of shape {shown.shape}, not {(1, *apart.shape)}.")
        hidden, attention_mask = hidden | ~shown, None
    if (hidden.any() or attention_mask is not None) and n_axes > 1:
        raise build.error(f"has a mask and attends over {n_axes} axes. A mask converts with one axis of attention.")
    if hidden.any():
        scores = build.affine(scores, 1.0, np.where(hidden, _HIDDEN, 0.0), "seen")
    if attention_mask is not None:
        mask = reshape(build, attention_mask, (*(1,) * (len(shape) - 2), *build.shape(attention_mask)[-2:]), "mask")
        scores = build.function("masked", scores, mask)
    axes = tuple(range(len(shape) - n_axes, len(shape)))
    weights = build.function("softmax", scores, axis=axes)
    return product(build, equation, weights, values, "attended")


def _sums_of_tanh(build: Builder, query: str, key: str, inner: Any, outer: Any) -> str:
    """``sum of outer · tanh(inner · (q + k))`` for each query q and key k."""
    (n_queries, n), (n_keys, _) = build.shape(query), build.shape(key)
    shape = (n_queries, n_keys, n)
    q = build.affine(reshape(build, build.mean(query), (n_queries, 1, n), "each_query"), inner, suffix="queries")
    k = build.affine(reshape(build, build.mean(key), (1, n_keys, n), "each_key"), inner, suffix="keys")
    pairs = build.add(Function, "pairs", (q, k), shape, function="tanh_of_sum")
    return reshape(build, build.dense(pairs, np.broadcast_to(outer, (n,))[:, None]), shape[:2], "scores")
