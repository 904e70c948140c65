"""How close the crafted distribution of the demo came to the truth that its target was made with.

    python benchmarks/demo_truth.py        (after `make demo`)

For each axis the 1-Wasserstein distance between the crafted and the true marginal, the axis scaled to 0..1, and the
same for the full range.
"""

import sys

import numpy as np
import pandas as pd
import yaml
from command_line import ROOT
from wasserstein import below, below_in, distance


def error(rows: pd.DataFrame, column: str, truth: list[float]) -> float:
    """Distance between a histogram that is uniform inside its bins and a uniform truth."""
    grid = np.linspace(rows["lower"].iloc[0], rows["upper"].iloc[-1], 10_001)
    true = below(grid, *(np.array([value]) for value in (*truth, 1.0)))
    return distance(below_in(rows, grid, column), true)


def main() -> None:
    """Print the table."""
    truth = yaml.safe_load((ROOT / "resources/demo/truth.yaml").read_text())
    file = ROOT / "results/targets/demo/marginals.csv"
    if not file.exists():
        sys.exit(f"{file.relative_to(ROOT)} is not there yet; run make demo first")
    marginals = pd.read_csv(file)
    rows = []
    for axis, values in truth.items():
        if not isinstance(values, str):
            table = marginals[marginals["axis"] == axis]
            rows.append((axis, error(table, "weight", values), error(table, "prior", values)))
    result = pd.DataFrame(rows, columns=["axis", "crafted", "full range"]).set_index("axis")
    result.loc["mean"] = result.mean()
    print(result.round(3).to_string())


if __name__ == "__main__":
    main()
