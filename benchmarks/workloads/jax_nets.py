"""The networks for JAX: parameters, and the forward pass as a function of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy

from .rows import RESNET9, Gpt, LanguageModel, Mlp

Net = tuple[Any, Callable[[Any, Any], Any]]


class Draw:
    """Small random arrays, and the pairs (weight, bias) of layers."""

    def __init__(self) -> None:
        self.rng = numpy.random.default_rng(0)

    def normal(self, *shape: int) -> Any:
        return jnp.asarray(self.rng.standard_normal(shape) / numpy.sqrt(numpy.prod(shape[:-1])), jnp.float32)

    def layer(self, *shape: int) -> Any:
        return self.normal(*shape), jnp.zeros(shape[-1])

    def scale(self, n: int) -> Any:
        return jnp.ones(n), jnp.zeros(n)


def linear(layer: Any, x: Any) -> Any:
    return x @ layer[0] + layer[1]


def conv(layer: Any, x: Any, stride: int, padding: int) -> Any:
    y = jax.lax.conv_general_dilated(
        x, layer[0], (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return y + layer[1]


def max_pool(x: Any) -> Any:
    """2x2, by reshaping, which is quicker here than ``reduce_window`` and its gradient."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))


def normalise(scale: Any, x: Any, axes: Any) -> Any:
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale[0] + scale[1]


def mlp(row: Mlp) -> Net:
    draw = Draw()

    def forward(params: Any, x: Any) -> Any:
        for layer in params[:-1]:
            x = jax.nn.relu(linear(layer, x))
        return linear(params[-1], x)

    return [draw.layer(a, b) for a, b in itertools.pairwise(row.sizes)], forward


def cnn() -> Net:
    draw = Draw()
    params = [draw.layer(3, 3, 1, 32), draw.layer(3, 3, 32, 64), draw.layer(3136, 128), draw.layer(128, 10)]

    def forward(params: Any, x: Any) -> Any:
        for layer in params[:2]:
            x = max_pool(jax.nn.relu(conv(layer, x, 1, 1)))
        return linear(params[3], jax.nn.relu(linear(params[2], x.reshape(len(x), -1))))

    return params, forward


def resnet9() -> Net:
    draw = Draw()
    blocks = [(draw.layer(k, k, a, b), draw.scale(b)) for a, b, k, _ in RESNET9]
    params = {"blocks": blocks, "hidden": draw.layer(128, 128), "head": draw.layer(128, 10)}

    def block(params: Any, i: int, x: Any) -> Any:
        (layer, scale), (_, _, kernel, stride) = params["blocks"][i], RESNET9[i]
        return jax.nn.relu(normalise(scale, conv(layer, x, stride, kernel // 2), (0, 1, 2)))

    def forward(params: Any, x: Any) -> Any:
        for first in (0, 4):
            x = block(params, first + 1, block(params, first, x))
            x = x + block(params, first + 3, block(params, first + 2, x))
        return linear(params["head"], jax.nn.relu(linear(params["hidden"], x.reshape(len(x), -1))))

    return params, forward


def language_model(row: LanguageModel) -> Net:
    draw = Draw()
    sizes = [row.embedding] + [row.hidden] * row.layers
    params = {
        "embedding": draw.normal(row.vocabulary, row.embedding),
        "layers": [(draw.layer(a, 4 * b), draw.normal(b, 4 * b)) for a, b in itertools.pairwise(sizes)],
        "head": draw.layer(row.hidden, row.vocabulary),
    }

    def lstm(projection: Any, recurrent: Any, x: Any) -> Any:
        start = jnp.zeros((x.shape[1], row.hidden))

        def cell(state: Any, gates: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(gates + h @ recurrent, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        return jax.lax.scan(cell, (start, start), linear(projection, x))[1]

    def forward(params: Any, tokens: Any) -> Any:
        x = params["embedding"][tokens]
        for projection, recurrent in params["layers"]:
            x = lstm(projection, recurrent, x)
        return linear(params["head"], x).reshape(-1, row.vocabulary)

    return params, forward


def gpt(row: Gpt) -> Net:
    draw, width = Draw(), row.width
    params = {
        "tokens": draw.normal(row.vocabulary, width),
        "positions": draw.normal(row.context, width),
        "blocks": [
            {
                "norm1": draw.scale(width),
                "qkv": draw.layer(width, 3 * width),
                "out": draw.layer(width, width),
                "norm2": draw.scale(width),
                "expand": draw.layer(width, 4 * width),
                "contract": draw.layer(4 * width, width),
            }
            for _ in range(row.layers)
        ],
        "norm": draw.scale(width),
        "head": draw.normal(width, row.vocabulary),
    }

    def block(p: Any, x: Any) -> Any:
        qkv = linear(p["qkv"], normalise(p["norm1"], x, -1)).reshape(*x.shape[:2], 3, row.heads, width // row.heads)
        seen = jax.nn.dot_product_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2], is_causal=True)
        x = x + linear(p["out"], seen.reshape(x.shape))
        wide = jax.nn.gelu(linear(p["expand"], normalise(p["norm2"], x, -1)), approximate=False)
        return x + linear(p["contract"], wide)

    def forward(params: Any, tokens: Any) -> Any:
        x = params["tokens"][tokens] + params["positions"]
        for p in params["blocks"]:
            x = block(p, x)
        return (normalise(params["norm"], x, -1) @ params["head"]).reshape(-1, row.vocabulary)

    return params, forward
