"""Summaries for tests of what is said of them."""

from __future__ import annotations

from pathlib import Path


def write_summary(folder: Path, values: dict[tuple[str, str], float | list[float]]) -> Path:
    """A ``summary.csv`` of PSNR-Y; a list holds one value a seed."""
    lines = ["distribution,seed,testset,metric,value,low,high,n"]
    for (distribution, testset), given in values.items():
        for seed, value in enumerate(given if isinstance(given, list) else [given]):
            lines.append(f"{distribution},{seed},{testset},psnr_y,{value},{value - 1},{value + 1},7")
    path = folder / "summary.csv"
    path.write_text("\n".join(lines) + "\n")
    (folder / "differences.csv").write_text(lines[0] + "\n")
    return path
