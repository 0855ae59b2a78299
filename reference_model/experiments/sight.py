"""How long a network that serves many images has to train until it sees: the curve of what was tried."""

from dataclasses import replace

from reference_model.recipe import ModelConfig, Recipe

QUESTION = "Which network, optimiser and how many steps, until a network for many images resolves what bilinear does?"
METRICS = ("psnr_clean", "psnr_thumbnail", "psnr_shift_1_4", "ring_8", "ring_12", "final_loss", "loss_change")
COARSE = Recipe(  # what the cpu preset was at first: patches of 4 px, 64 tokens
    images=240, epochs=20, warmup=2, batch=8, learning_rate=3e-3,
    model=ModelConfig(patch=4, width=64, layers=2, feed_forward=256, lp_tokens=64, head_width=32),
)  # fmt: skip


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """Correct jitter: coarse patches, with a faster second moment of Adam, for four times the steps; the preset."""
    right = replace(COARSE if preset == "cpu" else base, schedule="inside")
    fast = replace(right, second_moment=0.99)
    longer = replace(fast, epochs=4 * right.epochs, warmup=4 * right.warmup)
    named = {"Adam 0.999": right, "Adam 0.99": fast, "Adam 0.99 for longer": longer}
    found = {f"{recipe.epochs * recipe.batches} steps, {name}": recipe for name, recipe in named.items()}
    return found | (_fine(base) if preset == "cpu" else {})


def _fine(base: Recipe) -> dict[str, Recipe]:
    """The preset on images that are not those of its claims; before it fewer steps, and Adam for every parameter."""
    right = replace(base, schedule="inside", data="fresh")
    few = replace(right, images=800, epochs=20)
    adam = replace(few, optimizer="adam")
    return {
        f"{recipe.epochs * recipe.batches} steps, 2 px patches, 256 tokens, {recipe.optimizer.capitalize()}": recipe
        for recipe in (replace(adam, images=320), adam, few, right)
    }
