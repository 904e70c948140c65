"""How close the crafted distribution of the demo came to the truth that its target was made with.

    python benchmarks/demo_truth.py        (after `make demo`)

For each axis the 1-Wasserstein distance between the crafted and the true marginal, the axis scaled to 0..1, and the
same for the full range.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).parent.parent


def wasserstein(rows: pd.DataFrame, column: str, truth: list[float]) -> float:
    """Distance between a histogram that is uniform inside its bins and a uniform truth; both on one scaled axis."""
    edges = np.append(rows["lower"], rows["upper"].iloc[-1])
    grid = np.linspace(edges[0], edges[-1], 10_001)
    crafted = np.interp(grid, edges, np.append(0.0, rows[column].cumsum()))
    true = np.clip((grid - truth[0]) / (truth[1] - truth[0]), 0.0, 1.0)
    return float(np.abs(crafted - true).mean())


def main() -> None:
    """Print the table."""
    truth = yaml.safe_load((ROOT / "resources/demo/truth.yaml").read_text())
    marginals = pd.read_csv(ROOT / "results/targets/demo/marginals.csv")
    rows = []
    for axis, values in truth.items():
        if not isinstance(values, str):
            table = marginals[marginals["axis"] == axis]
            rows.append((axis, wasserstein(table, "weight", values), wasserstein(table, "prior", values)))
    result = pd.DataFrame(rows, columns=["axis", "crafted", "full range"]).set_index("axis")
    result.loc["mean"] = result.mean()
    print(result.round(3).to_string())


if __name__ == "__main__":
    main()
