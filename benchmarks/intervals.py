"""How often intervals cover and comparisons err, by simulation: the tables of docs/statistics.md.

python benchmarks/intervals.py [--runs 2000]
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.rank.shapes import SHAPES
from vbench.rank.comparisons import step_down_p
from vbench.rank.intervals import mean_interval

PROMPTS = (3, 5, 8, 12, 30, 100)


def coverage(n_runs: int) -> None:
    """Share of intervals that hold the true mean, of those that are given."""
    print(f"| shape | {' | '.join(f'{n} prompts' for n in PROMPTS)} |\n|{'---|' * (len(PROMPTS) + 1)}")
    for name, shape in SHAPES.items():
        cells = []
        for n in PROMPTS:
            rng = np.random.default_rng(n)
            intervals = [mean_interval(sample, bounds=shape.bounds) for sample in shape.draw(rng, (n_runs, n))]
            given = [each for each in intervals if each.low is not None and each.high is not None]
            covered = sum(each.low <= shape.mean <= each.high for each in given)  # type: ignore[operator]
            none = f" ({1 - len(given) / n_runs:.0%} none)" if len(given) < n_runs else ""
            cells.append(f"{covered / len(given):.3f}{none}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def pairs_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences of all pairs of tools, shape (pairs, prompts)."""
    first, second = np.triu_indices(len(values), k=1)
    return values[first] - values[second]


def holm(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Paired t-tests over all pairs with Holm's adjustment, which ours has to beat."""
    p_values = stats.ttest_1samp(differences, 0.0, axis=1).pvalue
    order = np.argsort(p_values)
    adjusted = np.empty(len(p_values))
    factors = len(p_values) - np.arange(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * factors))
    return adjusted


def level(n_runs: int) -> None:
    """Share of boards of equal tools on which some pair is told apart."""
    sizes = [(2, 6), (2, 30), (8, 6), (8, 8), (8, 12), (8, 30), (8, 100), (40, 8), (40, 30)]
    print(
        "\n| shape | " + " | ".join(f"{k} tools, {n} prompts" for k, n in sizes) + f" |\n|{'---|' * (len(sizes) + 1)}"
    )
    for name, shape in SHAPES.items():
        cells = []
        for n_tools, n_prompts in sizes:
            rng = np.random.default_rng(n_tools + n_prompts)
            runs = n_runs if n_tools * n_prompts < 100 else n_runs // 4 if n_tools < 40 else n_runs // 20
            boards = shape.draw(rng, (runs, n_tools, n_prompts))
            wrong = sum((step_down_p(pairs_of(values)) <= 0.05).any() for values in boards)
            cells.append(f"{wrong / runs:.3f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def power(n_runs: int) -> None:
    """Share of truly different pairs that are told apart: four of eight tools are worse by one standard deviation."""
    print("\n| prompts | step-down, normal | Holm, normal | step-down, exponential | Holm, exponential |")
    print("|---|---|---|---|---|")
    first, second = np.triu_indices(8, k=1)
    is_true = (first < 4) & (second >= 4)
    for n_prompts in (6, 8, 12, 30, 100):
        cells = []
        for name in ("normal", "exponential"):
            rng = np.random.default_rng(n_prompts)
            ours, holms = [], []
            for values in SHAPES[name].draw(rng, (n_runs // 5, 8, n_prompts)):
                values[4:] -= 1.0
                differences = pairs_of(values)
                ours.append((step_down_p(differences) <= 0.05)[is_true].mean())
                holms.append((holm(differences) <= 0.05)[is_true].mean())
            cells += [f"{np.mean(ours):.2f}", f"{np.mean(holms):.2f}"]
        print(f"| {n_prompts} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    n_runs = parser.parse_args().runs
    coverage(n_runs)
    level(n_runs)
    power(n_runs)


if __name__ == "__main__":
    main()
