"""Compare the models: means over the test photos, and differences photo by photo, with bootstrap intervals."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from degcraft.metrics import METRICS, bootstrap_mean
from degcraft.seeds import stream
from degcraft.storage import write_table

WORDS = dict.fromkeys(["testset", "target", "file", "photo"], str)  # a target may be called NA, or 007
AGAINST = "full"  # the distribution that all others are compared with
Tables = Mapping[tuple[str, int], pd.DataFrame]
"""By distribution and seed, rows as `degcraft.evaluate.evaluate` returns them, with a column ``folder``.

``folder`` is where HR test photos come from: of targets that share it, ``full`` and ``clean`` hold the same images.
"""


def gather(
    evaluation: str | os.PathLike[str],
    models: Iterable[tuple[str, int, Sequence[str]]],
    folders: Mapping[str, str],
) -> Tables:
    """Read the parts in which models were measured, target by target, and write a table for each test set.

    Args:
        evaluation: with ``<distribution>/seed<k>/parts/<target>.csv``; ``<testset>.csv`` is put beside ``parts``.
        models: distribution, seed, and the targets on whose photos it was measured; without any, it is left out.
        folders: of each target's HR test photos.
    """
    tables = {}
    for distribution, seed, targets in models:
        folder = Path(evaluation) / distribution / f"seed{seed}"
        files = [folder / "parts" / f"{target}.csv" for target in targets]
        parts = [pd.read_csv(file, dtype=WORDS, keep_default_na=False) for file in files]
        if not parts:
            continue
        table = pd.concat(parts, ignore_index=True)
        tables[distribution, seed] = table.assign(folder=table["target"].map(folders))
        for name, rows in table.groupby("testset", sort=False):
            write_table(rows.drop(columns="testset"), folder / f"{name}.csv")
    return tables


def summarise(tables: Tables, resamplings: int, seed: int, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Means over photos with bootstrap intervals, for every distribution, seed, test set and metric.

    Several measurements of one photo count as one value, their mean. All rows are resampled alike, so differences of
    intervals on one test set are differences of models.

    Args:
        tables: of all models, and of interpolation.
        resamplings: bootstrap resamplings.
        seed: of the resampling.
        metrics: columns of the tables.

    Returns:
        ``distribution, seed, testset, metric, value, low, high, n``; n counts photos.
    """
    rows = []
    for (distribution, model_seed), table in tables.items():
        for testset, photos in _photos(table, metrics):
            for metric, *numbers in _means(photos, resamplings, seed):
                rows.append((distribution, model_seed, testset, metric, *numbers))
    columns = ["distribution", "seed", "testset", "metric", "value", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns)


def differences(tables: Tables, resamplings: int, seed: int, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Mean differences to the model of the same seed that was trained on `AGAINST`, photo by photo.

    Both models saw the same degraded photos, so the spread of the photos themselves, which is most of what the
    intervals of `summarise` hold, drops out. Interpolation, which has no seed, is compared with every seed.

    Args:
        tables: of all models, and of interpolation.
        resamplings: bootstrap resamplings of the photos.
        seed: of the resampling.
        metrics: columns of the tables.

    Returns:
        ``distribution, against, seed, testset, metric, value, low, high, n``; empty if `AGAINST` was not trained.
    """
    rows = []
    for other_seed in (s for d, s in tables if d == AGAINST):
        others = dict(_photos(tables[AGAINST, other_seed], metrics))
        for (distribution, model_seed), table in tables.items():
            if distribution == AGAINST or (model_seed != other_seed and distribution != "bicubic"):
                continue
            for testset, photos in _photos(table, metrics):
                gained = photos - others[testset].loc[photos.index]
                for metric, *numbers in _means(gained, resamplings, seed):
                    rows.append((distribution, AGAINST, other_seed, testset, metric, *numbers))
    columns = ["distribution", "against", "seed", "testset", "metric", "value", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns)


def _photos(table: pd.DataFrame, metrics: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Test sets, and the metrics of each of their photos, by folder and photo."""
    for testset, images in table.groupby("testset", sort=False):
        yield str(testset), images.groupby(["folder", "photo"])[list(metrics)].mean()


def _means(photos: pd.DataFrame, resamplings: int, seed: int) -> Iterator[tuple[str, float, float, float, int]]:
    """Metric, mean, ends of the interval, number of photos."""
    for metric in photos.columns:
        values = photos[metric].to_numpy()
        yield str(metric), *bootstrap_mean(values, resamplings, stream(seed, "summary")), len(photos)
