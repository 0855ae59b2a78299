"""How long a network that serves many images has to train until it sees: the curve of what was tried."""

from dataclasses import replace

from reference_model.recipe import Recipe

QUESTION = "How many steps, and which optimiser, until a network for many images resolves what interpolation resolves?"
METRICS = ("psnr_clean", "psnr_thumbnail", "psnr_shift_1_4", "ring_8", "ring_12", "final_loss", "loss_change")


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """Correct jitter: the base recipe, a faster second moment of Adam, and that for four times the steps."""
    right = replace(base, schedule="inside")
    fast = replace(right, second_moment=0.99)
    longer = replace(fast, epochs=4 * base.epochs, warmup=4 * base.warmup)
    arms = {"Adam 0.999": right, "Adam 0.99": fast, "Adam 0.99 for longer": longer}
    return {f"{recipe.epochs * recipe.batches} steps, {name}": recipe for name, recipe in arms.items()}
