"""How far two sets of clips are apart: Fréchet and kernel distance of their embeddings, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vbench.bench import Bench
from vbench.contracts import Embeddings, Feature, Settings
from vbench.errors import OptionError
from vbench.extract.extraction import Wanted, extract
from vbench.features import FEATURES
from vbench.files import VIDEO_SUFFIXES, home_expanded
from vbench.records import Prompt
from vbench.registry import did_you_mean
from vbench.score.spec import cores, devices

Floats = NDArray[np.float64]
SETS = {"appearance": "appearance", "dino": "dino", "clip": "clip_frames", "x-clip": "xclip_video"}
"""Name on the command line → feature. Any other feature that gives `Embeddings` goes by its own name."""
SEED = 20240817
N_SHUFFLES, N_SHUFFLES_FRECHET = 499, 20
MIN_CLIPS = 4
MIN_PROMPTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDistance:
    """What two sets of clips differ by."""

    a: str
    b: str
    features: str
    frechet: float
    """Squared Fréchet distance of two Gaussians, as in FID and FVD; at least 0, biased upwards in small sets."""
    frechet_of_equals: float
    """Its mean where clips are dealt to the two sides by chance: what sets of this size give with no difference."""
    kernel: float
    """Unbiased squared kernel distance (polynomial of degree 3), as KID has it; around 0, below too, for equal sets."""
    p_value: float
    """Share of such random deals with a kernel distance at least as large."""
    n_a: int
    n_b: int
    dims: int
    """Numbers in one embedding."""
    is_by_prompt: bool
    """The deals swap the two tools within each prompt; else they shuffle clips."""
    notes: tuple[str, ...] = ()


def distance(
    bench: Bench | None,
    a: str,
    b: str,
    *,
    features: str = "dino",
    settings: Mapping[str, str] | None = None,
    device: str = "auto",
    workers: int | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> SetDistance:
    """Compare two tools, or a tool and a folder of real footage.

    A clip is one row: the mean of its unit embeddings over time.

    Args:
        bench: Where the tools' clips are; None where both sides are folders.
        a: A tool of the bench, or a folder of video files.
        b: The same.
        features: A name of `SETS`, or of any feature that gives `Embeddings`.
        settings: As `--set` gives them.
        device: `auto`, `cpu`, `cuda`, `cuda:N`.
        workers: Decode processes; None: one per core.
        note: Told of clips that are left out.

    Raises:
        OptionError: no such tool, folder or feature, or fewer than 4 clips on a side.
        WeightsError: weights are missing.
    """
    name = SETS.get(features, features)
    if name not in FEATURES:
        raise OptionError(f"no features {features!r}; {did_you_mean(features, [*SETS, *FEATURES])}")
    feature: Feature = FEATURES[name](Settings(dict(settings or {}), devices(device)[0], "fp32"))
    feature.settings.check(feature.settings_read())
    sides = [clips_of(bench, side) for side in (a, b)]
    rows: list[Floats] = []
    prompts: list[list[str]] = []
    notes: list[str] = []
    for side, wanted in zip((a, b), sides, strict=True):
        embedded, lost = embed(wanted, feature, workers=workers or cores())
        if lost:
            notes.append(
                f"{len(lost)} of {len(wanted)} clips of {side} are left out; the first: {next(iter(lost.values()))}"
            )
            note(notes[-1])
        if len(embedded) < MIN_CLIPS:
            raise OptionError(f"{side}: {len(embedded)} clips could be embedded, at least {MIN_CLIPS} are needed")
        rows.append(np.stack(list(embedded.values())))
        prompts.append([wanted[number].prompt.key if wanted[number].prompt.id else "" for number in embedded])
    return compare(a, b, features, rows[0], rows[1], prompts[0], prompts[1], notes=notes)


def clips_of(bench: Bench | None, name: str) -> list[Wanted]:
    """Clips of a tool of the bench, or of a folder.

    Raises:
        OptionError: neither.
    """
    folder = home_expanded(name)
    if bench is not None and (clips := bench.clips(models=[name])):
        return [Wanted(path=bench.clip_path(clip), probe=clip.probe, prompt=clip.prompt) for clip in clips]
    if not folder.is_dir():
        known = sorted({clip.model for clip in bench.clips()}) if bench is not None else []
        raise OptionError(f"{name!r} is no tool with clips in the bench and no folder; {did_you_mean(name, known)}")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    if not files:
        raise OptionError(f"{folder}: no video files; expected {', '.join(VIDEO_SUFFIXES)}")
    return [Wanted(path=path, probe=None, prompt=Prompt(id="", text="")) for path in files]


def embed(wanted: Sequence[Wanted], feature: Feature, *, workers: int) -> tuple[dict[int, Floats], dict[int, str]]:
    """One row per clip by its position, shape (D,), and why the others have none.

    Raises:
        OptionError: the feature gives no embeddings.
    """
    rows: dict[int, Floats] = {}
    lost: dict[int, str] = {}
    for extracted in extract(wanted, [feature], workers=workers):
        number, value = extracted.number, extracted.values.get(feature.name)
        if extracted.failure is not None:
            lost[number] = extracted.failure.message
        elif isinstance(value, Exception):
            lost[number] = f"{wanted[number].path}: {value}"
        elif isinstance(value, Embeddings):
            rows[number] = value.rows[value.on_grid if value.on_grid.any() else slice(None)].mean(0, np.float64)
        else:
            raise OptionError(f"the feature {feature.name} gives {type(value).__name__}, not embeddings; take another")
    return dict(sorted(rows.items())), lost


def compare(
    a: str,
    b: str,
    features: str,
    rows_a: Floats,
    rows_b: Floats,
    prompts_a: Sequence[str] = (),
    prompts_b: Sequence[str] = (),
    *,
    notes: Sequence[str] = (),
) -> SetDistance:
    """Distances between two sets of rows, and what chance alone would give.

    Args:
        a: Name of the first set.
        b: Name of the second.
        features: Name of what the rows are.
        rows_a: Shape (N, D).
        rows_b: Shape (M, D).
        prompts_a: Prompt of each row; where both sets have the same prompts, deals swap whole prompts.
        prompts_b: The same.
        notes: To pass on.
    """
    n_a, n_b, dims = len(rows_a), len(rows_b), rows_a.shape[1]
    both = np.concatenate([rows_a, rows_b])
    is_a = np.arange(len(both)) < n_a
    prompt = np.array([*prompts_a, *prompts_b]) if prompts_a and prompts_b else np.array([""] * len(both))
    is_by_prompt = "" not in prompt and set(prompts_a) == set(prompts_b)
    rng = np.random.default_rng(SEED)

    def dealt() -> NDArray[np.bool_]:
        if not is_by_prompt:
            return rng.permutation(is_a)
        names, inverse = np.unique(prompt, return_inverse=True)
        return np.asarray(is_a ^ rng.integers(0, 2, len(names)).astype(bool)[inverse])

    gram = kernel_matrix(both)
    kernel = kernel_distance(gram, is_a)
    by_chance = [kernel_distance(gram, dealt()) for _ in range(N_SHUFFLES)]
    flat = spanned(both)
    deals = [dealt() for _ in range(N_SHUFFLES_FRECHET)]
    return SetDistance(
        a=a,
        b=b,
        features=features,
        frechet=frechet_distance(flat[is_a], flat[~is_a]),
        frechet_of_equals=float(np.mean([frechet_distance(flat[deal], flat[~deal]) for deal in deals])),
        kernel=kernel,
        p_value=(1 + sum(chance >= kernel for chance in by_chance)) / (1 + N_SHUFFLES),
        n_a=n_a,
        n_b=n_b,
        dims=dims,
        is_by_prompt=is_by_prompt,
        notes=(*notes, *warnings_of(n_a, n_b, dims, len(set(prompts_a)) if is_by_prompt else None)),
    )


def warnings_of(n_a: int, n_b: int, dims: int, n_prompts: int | None) -> tuple[str, ...]:
    """What the sizes of the sets do to the numbers; `n_prompts` where deals swap prompts."""
    n = min(n_a, n_b)
    sentences = []
    if n_prompts is not None and n_prompts < MIN_PROMPTS:
        least = 2 / 2**n_prompts  # swapping all of them changes nothing
        sentences.append(f"{n_prompts} prompts can be swapped in so few ways that p is never below about {least:.2g}")
    if n <= dims:
        sentences.append(
            f"{n} clips span at most {n - 1} of {dims} dimensions: the Fréchet distance stands on a covariance without "
            "full rank; trust the kernel distance"
        )
    sentences.append(
        f"the Fréchet distance is biased upwards at {n_a} and {n_b} clips; compare it only with distances of sets of "
        "the same size"
    )
    return tuple(sentences)


def spanned(rows: Floats) -> Floats:
    """The same points in coordinates of the space they span, shape (N, R): distances and covariances are unchanged."""
    centred = rows - rows.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    kept = size > size.max(initial=0.0) * 1e-9
    return np.asarray(left[:, kept] * size[kept])


def frechet_distance(rows_a: Floats, rows_b: Floats) -> float:
    r"""Squared Fréchet distance of Gaussians fitted to two sets, through torchmetrics.

    .. math:: |\mu_a - \mu_b|^2 + \mathrm{tr}(\Sigma_a + \Sigma_b - 2 (\Sigma_a \Sigma_b)^{1/2})

    Args:
        rows_a: Shape (N, D), N at least 2.
        rows_b: Shape (M, D).

    Returns:
        At least 0; lower is closer.

    Source:
        Heusel et al. 2017, arXiv:1706.08500.
    """
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance

    as_they_are = torch.nn.Identity()
    as_they_are.num_features = rows_a.shape[1]
    metric = FrechetInceptionDistance(feature=as_they_are)
    metric.update(torch.from_numpy(rows_a), real=True)
    metric.update(torch.from_numpy(rows_b), real=False)
    return max(0.0, float(metric.compute()))


def kernel_matrix(rows: Floats) -> Floats:
    """(x · y + 1)³ for all pairs of rows, by torchmetrics, shape (N, N).

    KID divides the product by D, since its features have a length of about the root of D; these have at most 1.
    """
    import torch
    from torchmetrics.image.kid import poly_kernel

    points = torch.from_numpy(rows)
    gram: Floats = poly_kernel(points, points, gamma=1.0).numpy()
    return gram


def kernel_distance(gram: Floats, is_a: NDArray[np.bool_]) -> float:
    """Unbiased squared maximum mean discrepancy, for sets of unequal size too.

    Args:
        gram: Kernel of all pairs, shape (N, N).
        is_a: Which of them are in the first set, shape (N,).

    Source:
        Gretton et al. 2012, JMLR 13, equation 3; with this kernel Bińkowski et al. 2018, arXiv:1801.01401.
    """
    within = []
    for side in (is_a, ~is_a):
        block = gram[np.ix_(side, side)]
        n = len(block)
        within.append((block.sum() - np.trace(block)) / (n * (n - 1)))
    return float(sum(within) - 2 * gram[np.ix_(is_a, ~is_a)].mean())
