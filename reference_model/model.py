"""The network that serves many images: `Lainr`, from images and coordinates to colours.

Shapes: B samples, Q query points, T learned position (LP) tokens, D features, C channels. Coordinates are
(Q, 2) for queries shared by the batch or (B, Q, 2), float, order (y, x), cell-centred on [0, 1].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from reference_model.grids import pixel_grid
from reference_model.recipe import ModelConfig

FREQUENCIES = 16  # ω of the positional code, of each axis
LOWEST = 10.0  # the lowest ω: 5 cycles/image


# Attention finds the patches of its place only after it has learned to compare places. Three choices of scale and
# start shorten that plateau from some 1,000 steps to some 150; none changes what the network can express.
CONTRAST = 0.25  # typical standard deviation of pixels: centred and scaled, they do not drown the places
PLACE_GAIN = 3.0  # of the initial weights of the places' code; the LP tokens start at the code of their own place


def attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None, *, fused: bool = True) -> Tensor:
    """softmax(q kᵀ / √W + bias) v: q (B, H, Q, W), k and v (B, H, T, W), bias (B, 1, Q, T) or none -> (B, H, Q, W).

    `fused` is one kernel. Written out it can be batched over networks by `torch.func.vmap`: the fused kernels cannot
    (on a GPU their backward pass stops with "LSE is not correctly aligned", on a CPU they run one after another).
    """
    if fused:
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-2, -1)
    return (scores if bias is None else scores + bias).softmax(-1).to(v.dtype) @ v


def lattice_side(tokens: int) -> int:
    """LP tokens a side of their square lattice; ValueError when their number is not a square."""
    side = math.isqrt(tokens)
    if side * side != tokens:
        raise ValueError(f"LP tokens lie on a square lattice, so their number must be a square, not {tokens}")
    return side


class FourierCode(nn.Module):
    """γ(x): sin and cos of π x ω for 16 log-spaced ω from 10 to `highest`: ω / 2 cycles over the image."""

    features = 4 * FREQUENCIES
    omega: Tensor

    def __init__(self, highest: float) -> None:
        super().__init__()
        exponents = torch.linspace(math.log(LOWEST), math.log(highest), FREQUENCIES)
        self.register_buffer("omega", exponents.exp(), persistent=False)

    def forward(self, coords: Tensor) -> Tensor:
        """(..., 2) -> (..., 64)."""
        angles = (coords.unsqueeze(-1) * (math.pi * self.omega)).flatten(-2)  # (..., 2 * 16)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward layer, each after a normalisation and beside a residual."""

    fused = True  # see `attention`

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.width % config.encoder_heads:
            raise ValueError(f"{config.width} features cannot be divided among {config.encoder_heads} heads")
        self.heads = config.encoder_heads
        self.first_norm, self.second_norm = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.to_qkv = nn.Linear(config.width, 3 * config.width)
        self.from_heads = nn.Linear(config.width, config.width)
        self.widen = nn.Linear(config.width, config.feed_forward)
        self.narrow = nn.Linear(config.feed_forward, config.width)

    def forward(self, tokens: Tensor, kept: int | None = None) -> Tensor:
        """(B, N, D) -> (B, N, D), or the last `kept` tokens of that; they attend to all N of them."""
        kept = kept or tokens.shape[1]
        qkv = self.to_qkv(self.first_norm(tokens)).unflatten(-1, (3, self.heads, -1))  # (B, N, 3, H, D/H)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, N, D/H)
        mixed = attention(q[:, :, -kept:], k, v, fused=self.fused).transpose(1, 2).flatten(-2)
        tokens = tokens[:, -kept:] + self.from_heads(mixed)
        hidden: Tensor = self.narrow(functional.gelu(self.widen(self.second_norm(tokens))))
        return tokens + hidden


class Encoder(nn.Module):
    """Images to LP tokens: patches and LP tokens attend to each other, and the LP outputs are the code."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.size % config.patch:
            raise ValueError(f"patches of {config.patch} px do not tile {config.size} px")
        self.patch = config.patch
        self.embed = nn.Linear(config.channels * config.patch**2, config.width)
        self.place = nn.Linear(FourierCode.features, config.width)
        code = FourierCode(config.query_band)
        self.register_buffer("patch_code", code(pixel_grid(config.size // config.patch)), persistent=False)  # (N, 64)
        with torch.no_grad():
            self.place.weight *= PLACE_GAIN
            start = self.place(code(pixel_grid(lattice_side(config.lp_tokens))))
        self.lp_tokens = nn.Parameter(start + 0.02 * torch.randn_like(start))
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, n, n) -> (B, T, D)."""
        patches = images.unflatten(-1, (-1, self.patch)).unflatten(-3, (-1, self.patch))  # (B, C, h, p, w, p)
        patches = patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)  # (B, h * w, C * p * p)
        tokens = self.embed((patches - 0.5) / CONTRAST) + self.place(self.patch_code)
        tokens = torch.cat([tokens, self.lp_tokens.expand(len(images), -1, -1)], dim=1)
        for layer in self.layers[:-1]:
            tokens = layer(tokens)
        tokens = self.layers[-1](tokens, len(self.lp_tokens))  # the patches' own outputs are not used after it
        code: Tensor = self.norm(tokens)
        return code


def attention_bias(coords: Tensor, places: Tensor, locality: float) -> Tensor:
    """-α |x - p|²: coords (..., Q, 2), places (T, 2) -> (..., Q, T); the true distance in two dimensions."""
    return -locality * (coords.unsqueeze(-2) - places).square().sum(-1)


class Modulation(nn.Module):
    """m(x): cross-attention of a query over the LP tokens, biased towards the near ones."""

    fused = True  # see `attention`
    places: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        side = lattice_side(config.lp_tokens)
        inner = config.heads * config.head_width
        self.heads, self.locality = config.heads, config.locality
        self.code = FourierCode(config.query_band)
        self.query = nn.Linear(FourierCode.features, config.width)
        self.to_q = nn.Linear(config.width, inner)
        self.to_kv = nn.Linear(config.width, 2 * inner)
        self.register_buffer("places", pixel_grid(side), persistent=False)  # (T, 2)

    def forward(self, tokens: Tensor, coords: Tensor) -> Tensor:
        """tokens (B, T, D), coords (Q, 2) or (B, Q, 2) -> (B, Q, heads * head_width)."""
        q = self.to_q(functional.relu(self.query(self.code(coords))))  # once for all samples when shared
        q = q.unflatten(-1, (self.heads, -1)).transpose(-3, -2)  # (H, Q, W) or (B, H, Q, W)
        bias = attention_bias(coords, self.places, self.locality).unsqueeze(-3)  # (1, Q, T) or (B, 1, Q, T)
        kv = self.to_kv(tokens).unflatten(-1, (2, self.heads, -1))  # (B, T, 2, H, W)
        k, v = kv.permute(2, 0, 3, 1, 4)  # each (B, H, T, W)
        q = q.expand(len(tokens), -1, -1, -1)
        bias = bias.to(q.dtype).expand(len(tokens), *[-1] * 3)
        return attention(q, k, v, bias, fused=self.fused).transpose(1, 2).flatten(-2)


class Decoder(nn.Module):
    """Colours from Fourier bands that the modulation switches, coarse to fine."""

    def __init__(self, config: ModelConfig, modulation: int) -> None:
        super().__init__()
        coarse_to_fine = sorted(config.bands)
        self.codes = nn.ModuleList(FourierCode(band) for band in coarse_to_fine)
        self.from_code = nn.ModuleList(nn.Linear(FourierCode.features, config.width) for _ in coarse_to_fine)
        self.modulate = nn.ModuleList(nn.Linear(modulation, config.width, bias=False) for _ in coarse_to_fine)
        self.refine = nn.ModuleList(nn.Linear(config.width, config.width) for _ in coarse_to_fine[1:])
        self.to_colour = nn.ModuleList(nn.Linear(config.width, config.channels) for _ in coarse_to_fine)

    def forward(self, coords: Tensor, modulation: Tensor) -> Tensor:
        """coords (Q, 2) or (B, Q, 2), modulation (B, Q, M) -> colours (B, Q, C), meant for [0, 1], not clamped."""
        hidden = self._band(0, coords, modulation)
        colour: Tensor = self.to_colour[0](hidden)
        for band in range(1, len(self.codes)):
            hidden = functional.relu(self.refine[band - 1](self._band(band, coords, modulation) + hidden))
            colour = colour + self.to_colour[band](hidden)
        return colour

    def _band(self, band: int, coords: Tensor, modulation: Tensor) -> Tensor:
        wave = functional.relu(self.from_code[band](self.codes[band](coords)))  # once when coords are shared
        return functional.relu(wave + self.modulate[band](modulation))


class Lainr(nn.Module):
    """A LAINR-like coordinate network: encode images into LP tokens, decode colours at any coordinates."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.modulation = Modulation(config)
        self.decoder = Decoder(config, config.heads * config.head_width)

    def forward(self, images: Tensor, coords: Tensor) -> Tensor:
        """images (B, C, n, n) in [0, 1], coords (Q, 2) or (B, Q, 2) -> (B, Q, C)."""
        colours: Tensor = self.decoder(coords, self.modulation(self.encoder(images), coords))
        return colours


def build(config: ModelConfig, seed: int) -> Lainr:
    """The network, initialised from `seed` alone: the global random state is neither used nor changed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Lainr(config)
