"""The rows of the fits: one JSON line for each network, written as soon as it is measured."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reference_model.fitted.arms import SIGMA, Fit, dose
from reference_model.fitted.images import picture, stacked
from reference_model.fitted.measure import Predict, measure, samples, thumbnail
from reference_model.fitted.training import SIZE, Fitted, train
from reference_model.grids import pixel_grid
from reference_model.oracle import MODES, interpolate, nadaraya_watson
from reference_model.store import StoreError, commit, hardware, rounded, versions

AT_ONCE = 8  # networks in one batched product: more do not fit a core's cache
CLAIMS = Path(__file__).parents[1] / "claims.toml"
SHOWN = tuple(  # fits whose enlargements are kept
    dose(image, 0, draws) for image in ("analytic-0", "chelsea") for draws in (0, 1, 20, "all")
)
Row = dict[str, Any]


def claims_hash() -> str:
    """SHA-256 of the frozen claims, 12 digits: what a row was measured for."""
    return hashlib.sha256(CLAIMS.read_bytes()).hexdigest()[:12]


def read(path: Path) -> list[Row]:
    """All whole rows of the file; none when it does not exist. A half-written last line is left out.

    StoreError for lines that are no rows.
    """
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True), 1):
        if not line.endswith("\n"):
            break
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            raise StoreError(f"{path}:{number} is not JSON; move the file away to start again") from None
        if not isinstance(row, dict) or not {"key", "kind", "arm", "image", "metrics"} <= set(row):
            raise StoreError(f"{path}:{number} is not a row of fits; move the file away to start again")
        found.append(row)
    return found


def run(fits: Sequence[Fit], folder: Path, workers: int) -> Iterator[Row]:
    """Train and measure the fits that have no row in `folder`/fitted.jsonl; yields each row when it is on the disk."""
    path = folder / "fitted.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    _cut_torn_line(path)
    done = {row["key"] for row in read(path)}
    for row in references(fits):
        if row["key"] not in done:
            yield _append(row, path)
    missing = [fit for fit in fits if fit.key() not in done]
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for rows in pool.imap(_work, [(chunk, folder) for chunk in chunks(missing)]):
            for row in rows:
                yield _append(row, path)


def chunks(fits: Sequence[Fit]) -> Iterator[list[Fit]]:
    """Groups of up to AT_ONCE fits that can be trained together, in the given order."""
    for _, group in groupby(fits, key=lambda fit: (fit.bands, fit.width, fit.steps, fit.learning_rate)):
        members = list(group)
        yield from (members[start : start + AT_ONCE] for start in range(0, len(members), AT_ONCE))


def _work(task: tuple[list[Fit], Path]) -> list[Row]:
    fits, folder = task
    trained = train(fits, stacked([fit.image for fit in fits]))
    return [_row(fit, trained, place, folder) for place, fit in enumerate(fits)]


def _row(fit: Fit, trained: Fitted, place: int, folder: Path) -> Row:
    predict = _prediction(trained, place)
    tenth = max(1, fit.steps // 10)
    loss = trained.losses[place].double()
    last, before = float(loss[-tenth:].mean()), float(loss[-2 * tenth : -tenth].mean())
    if fit in SHOWN:
        _keep_picture(predict, folder, fit.key())
    return {
        "key": fit.key(), "kind": "network", "arm": fit.arm, **asdict(fit), "draws": fit.draws,
        "pixels_a_step": SIZE**2, "threads": 1, "seconds": trained.seconds,
        "final_loss": last, "final_psnr": _decibels(last), "loss_change": 1 - last / before,
        "metrics": measure(predict, fit.image, fit.sigma), "samples": samples(predict),
    }  # fmt: skip


def _prediction(trained: Fitted, place: int) -> Predict:
    networks, count = trained.networks, len(trained.losses)

    def predict(coords: Tensor) -> Tensor:
        parts = [networks(networks.encode(part.expand(count, -1, -1)))[place] for part in coords.split(1024)]
        return torch.cat(parts)[None]

    return predict


def _decibels(loss: float) -> float:
    return float(-10 * torch.tensor(loss, dtype=torch.float64).log10())


def references(fits: Sequence[Fit]) -> Iterator[Row]:
    """Interpolation, thumbnail and the oracle of each σ, on each image: rows of kind "reference"."""
    sigmas = sorted({fit.sigma for fit in fits})
    for image in dict.fromkeys(fit.image for fit in fits):
        methods = [(mode, SIGMA, _interpolation(image, mode)) for mode in MODES]
        methods += [("thumbnail 8", SIGMA, thumbnail(image, 8))]
        methods += [(f"oracle {sigma:g} px", sigma, _oracle(image, sigma)) for sigma in sigmas]
        for label, sigma, predict in methods:
            identity: Row = {"key": f"{image} {label}", "kind": "reference", "arm": label, "image": image}
            yield {**identity, "seed": None, "sigma": sigma, "metrics": measure(predict, image, sigma)}


def _interpolation(image: str, mode: str) -> Predict:
    return lambda coords: interpolate(picture(image).pixels, coords, mode)


def _oracle(image: str, sigma: float) -> Predict:
    return lambda coords: nadaraya_watson(picture(image).pixels, coords, sigma)


def _keep_picture(predict: Predict, folder: Path, name: str) -> None:
    """The 128 px enlargement as `pictures/NAME.png`."""
    from matplotlib import image

    with torch.no_grad():
        colours = predict(pixel_grid(128)).clamp(0, 1)[0].reshape(128, 128, 3)
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    image.imsave(folder / "pictures" / f"{name}.png", colours.numpy(), metadata={"Software": ""})


def _append(row: Row, path: Path) -> Row:
    """Write a row with the hash of the claims, versions, hardware and commit."""
    stamped = {**row, "claims": claims_hash(), "commit": commit(), "versions": versions(), "hardware": hardware()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(rounded(stamped)) + "\n")
    return stamped


def _cut_torn_line(path: Path) -> None:
    if path.exists() and not (contents := path.read_bytes()).endswith(b"\n"):
        path.write_bytes(contents[: contents.rfind(b"\n") + 1])
