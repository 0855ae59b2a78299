"""The networks against formulas written out with loops."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from reference_model.grids import pixel_grid
from reference_model.model import CONTRAST, FREQUENCIES, FourierCode, Lainr, Modulation, attention_bias, build
from reference_model.recipe import ModelConfig, preset

SMALL = preset("smoke").model


def images(count: int, size: int = 32) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def points(*shape: int) -> Tensor:
    return torch.rand(*shape, 2, generator=torch.Generator().manual_seed(2))


def test_attention_bias_is_the_distance_in_two_dimensions() -> None:
    coords, places = points(5), pixel_grid(3)
    bias = attention_bias(coords, places, 100.0)
    for q, (y, x) in enumerate(coords.tolist()):
        for t, (row, column) in enumerate(places.tolist()):
            assert bias[q, t].item() == pytest.approx(-100 * ((y - row) ** 2 + (x - column) ** 2), rel=1e-4, abs=1e-5)


def test_a_token_one_column_away_is_as_near_as_one_a_row_away() -> None:
    """The published raster distance has no horizontal locality."""
    bias = attention_bias(torch.tensor([[0.5, 0.5]]), pixel_grid(3), 1.0)[0].reshape(3, 3)
    assert torch.allclose(bias, bias.T)
    assert bias[1, 1] > bias[0, 1] > bias[0, 0]


def test_fourier_code_against_the_formula() -> None:
    code = FourierCode(128.0)(torch.tensor([0.3, 0.7]))
    omega = [10 * (128 / 10) ** (k / (FREQUENCIES - 1)) for k in range(FREQUENCIES)]
    angles = [math.pi * value * w for value in (0.3, 0.7) for w in omega]
    expected = [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
    assert torch.allclose(code, torch.tensor(expected), atol=1e-4)  # angles up to 281, rounded to float32


@pytest.mark.parametrize("shared", [True, False])
def test_modulation_against_loops(shared: bool) -> None:
    torch.manual_seed(0)
    layer = Modulation(SMALL)
    tokens = torch.randn(2, SMALL.lp_tokens, SMALL.width)
    coords = points(4) if shared else points(2, 4)
    got = layer(tokens, coords)
    width = SMALL.head_width
    for b in range(2):
        for q in range(4):
            place = coords[q] if shared else coords[b, q]
            query = layer.to_q(functional.relu(layer.query(layer.code(place))))
            keys, values = layer.to_kv(tokens[b]).chunk(2, dim=-1)
            for head in range(SMALL.heads):
                part = slice(head * width, (head + 1) * width)
                logits = torch.stack(
                    [
                        query[part] @ keys[t, part] / math.sqrt(width)
                        - SMALL.locality * (place - layer.places[t]).square().sum()
                        for t in range(SMALL.lp_tokens)
                    ]
                )
                expected = logits.softmax(0) @ values[:, part]
                assert torch.allclose(got[b, q, part], expected, atol=1e-5)


def test_decoder_against_the_formula() -> None:
    torch.manual_seed(0)
    decoder = Lainr(SMALL).decoder
    coords, m = points(4), torch.randn(2, 4, SMALL.heads * SMALL.head_width)
    coarse, fine = sorted(SMALL.bands)
    relu = functional.relu
    u = [
        relu(relu(wave(FourierCode(band)(coords))) + modulate(m))
        for band, wave, modulate in zip((coarse, fine), decoder.from_code, decoder.modulate, strict=True)
    ]
    v = relu(decoder.refine[0](u[1] + u[0]))
    expected = decoder.to_colour[0](u[0]) + decoder.to_colour[1](v)
    assert torch.allclose(decoder(coords, m), expected, atol=1e-5)


def test_patches_are_those_of_unfold_centred() -> None:
    torch.manual_seed(0)
    encoder = Lainr(SMALL).encoder
    seen: list[Tensor] = []
    encoder.embed.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    encoder(images(2))
    expected = functional.unfold(images(2), SMALL.patch, stride=SMALL.patch).transpose(1, 2)
    assert torch.equal(seen[0], (expected - 0.5) / CONTRAST)


def test_the_last_encoder_layer_leaves_out_only_what_is_not_used() -> None:
    layer = build(SMALL, 0).encoder.layers[0]
    tokens = torch.randn(2, 9, SMALL.width)
    assert layer(tokens, 4).shape == (2, 4, SMALL.width)
    assert torch.allclose(layer(tokens, 4), layer(tokens)[:, -4:], atol=1e-6)


@pytest.mark.parametrize("shape", [(7,), (3, 7)])
def test_shapes_and_gradients_of_every_parameter(shape: tuple[int, ...]) -> None:
    model = build(SMALL, 0)
    colours = model(images(3), points(*shape))
    assert colours.shape == (3, 7, 3)
    (colours - 0.5).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
        assert float(parameter.grad.abs().max()) > 0, name


def test_coordinates_of_a_sample_affect_only_its_own_output() -> None:
    model = build(SMALL, 0)
    coords = points(3, 5).requires_grad_()
    colours = model(images(3), coords)
    for sample in range(3):
        for query in range(5):
            (gradient,) = torch.autograd.grad(colours[sample, query].sum(), coords, retain_graph=True)
            own = torch.zeros(3, 5, dtype=torch.bool)
            own[sample, query] = True
            assert float(gradient[own].abs().min()) > 0
            assert float(gradient[~own].abs().max()) == 0


def test_shared_coordinates_give_what_expanded_ones_give() -> None:
    model = build(SMALL, 0)
    coords = points(6)
    assert torch.allclose(model(images(3), coords), model(images(3), coords.expand(3, -1, -1)), atol=1e-6)


def test_what_depends_on_coordinates_only_is_computed_once() -> None:
    model = build(SMALL, 0)
    shapes: list[tuple[int, ...]] = []
    for layer in (model.modulation.query, model.modulation.to_q, *model.decoder.from_code):
        layer.register_forward_pre_hook(lambda module, args: shapes.append(tuple(args[0].shape[:-1])))
    model(images(3), points(6))
    assert shapes == [(6,)] * 4


def test_building_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = build(SMALL, 3)
    assert torch.equal(torch.rand(1), expected)
    again, other = build(SMALL, 3), build(SMALL, 4)
    assert torch.equal(first.encoder.lp_tokens, again.encoder.lp_tokens)
    assert not torch.equal(first.encoder.lp_tokens, other.encoder.lp_tokens)


@pytest.mark.parametrize("change", [{"patch": 5}, {"lp_tokens": 10}, {"encoder_heads": 3}])
def test_impossible_configurations_are_refused(change: dict[str, int]) -> None:
    values = {**vars(SMALL), **change}
    with pytest.raises(ValueError, match=r"tile|square|heads"):
        Lainr(ModelConfig(**values))
