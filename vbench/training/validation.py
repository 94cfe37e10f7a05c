"""The same prompts at every checkpoint: clips, scores, the comparison with the one before, and a board of all."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vbench.bench import Bench
from vbench.bench.clips import clip_from_file
from vbench.catalog import find_suite
from vbench.errors import ItemError, OptionError
from vbench.files import VIDEO_SUFFIXES
from vbench.rank.board import Board, leaderboard
from vbench.rank.compare import CompareReport, compare, side_of
from vbench.records import Failure, Prompt, Provenance
from vbench.score import score
from vbench.text import first_line
from vbench.training.trackers import Tracker
from vbench.video import probe, write_clip

Made = Path | NDArray[Any]
"""A video file, or frames: RGB (T, H, W, 3), uint8 or float in 0..1."""
Maker = Callable[[Prompt, int], Made]
"""(prompt, seed) → a clip of the model as it is now."""
_STEP = re.compile(r"(?:.*\D)?(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What was found out at one step."""

    step: int
    tool: str
    """Its label in the bench."""
    n_clips: int
    failures: tuple[str, ...]
    """Clips that could not be made or measured, and why."""
    means: dict[str, float]
    """Metric → mean over prompts."""
    versus: CompareReport | None
    """Against the checkpoint before; None: it is the first, or nothing can be compared."""


class Validation:
    """Validates a model while it trains; a training run is never stopped by what happens here.

    Example:
        >>> validation = Validation("core", bench="validation", every=500)       # doctest: +SKIP
        >>> for step, batch in enumerate(batches):                               # doctest: +SKIP
        ...     train(batch)
        ...     validation.step(step, maker_of(pipeline, num_inference_steps=30), fps=16)

    Args:
        prompts: A suite by name or path, or prompts.
        bench: Folder of the bench that keeps clips and scores; one bench holds the checkpoints of one run.
        every: Steps between validations.
        seeds: One clip of each prompt for each; the same at every checkpoint, so that comparisons are paired.
        preset: Of `vbench.score`; `offline` needs no weights.
        metrics: Instead of a preset.
        trackers: Who is told.
        clips_shown: Clips that trackers get at each checkpoint, the first prompts'.

    Raises:
        OptionError: there is no prompt or seed, or `every` is below 1.
    """

    def __init__(
        self,
        prompts: str | Path | Sequence[Prompt],
        *,
        bench: str | Path = "validation",
        every: int = 500,
        seeds: Sequence[int] = (0,),
        preset: str = "offline",
        metrics: Sequence[str] | None = None,
        trackers: Iterable[Tracker] = (),
        clips_shown: int = 4,
    ) -> None:
        self.prompts = find_suite(prompts).prompts if isinstance(prompts, str | Path) else tuple(prompts)
        if not self.prompts or not seeds or every < 1:
            raise OptionError(
                f"{len(self.prompts)} prompts, {len(seeds)} seeds, every {every} steps: a validation needs one of each"
            )
        self.every, self.seeds, self.clips_shown = every, tuple(seeds), clips_shown
        self.bench = Bench.open(bench)
        self.bench.add_prompts(self.prompts)
        self.trackers = tuple(trackers)
        self.troubles: list[str] = []
        """What went wrong beside the clips: a tracker that is away."""
        self._choices: dict[str, Any] = {"preset": preset} if metrics is None else {"metrics": list(metrics)}

    def is_due(self, step: int) -> bool:
        """Whether a step ends with a validation."""
        return step > 0 and step % self.every == 0 and label_of(step) not in self.bench.models()

    def step(self, step: int, make: Maker, *, fps: float = 24.0) -> Checkpoint | None:
        """Validate where it is time; call it after every training step.

        Args:
            step: Training steps done.
            make: Makes a clip with the model as it is now; see `maker_of`.
            fps: Of clips given as frames.
        """
        return self.at(step, make, fps=fps) if self.is_due(step) else None

    def at(self, step: int, make: Maker, *, fps: float = 24.0) -> Checkpoint:
        """Validate now; a prompt that fails is recorded, and the others go on."""
        failures = []
        for prompt in self.prompts:
            for sample, seed in enumerate(self.seeds):
                try:
                    self._add(step, prompt, sample, seed, make(prompt, seed), fps)
                except Exception as error:  # whatever a pipeline raises fails this clip, not the training
                    reason = first_line(error)
                    failures.append(f"{prompt.id}, seed {seed}: {reason}")
                    subject = f"{label_of(step)}/{prompt.id}-{sample}"
                    self.bench.add_failure(Failure(stage="generate", subject=subject, code="crashed", message=reason))
        return self._finished(step, failures)

    def collect(self, folder: str | Path) -> list[Checkpoint]:
        """Validate the checkpoints of a folder that another process fills, as far as they are not yet.

        Args:
            folder: ``<anything ending in the step>/<prompt-id>-<sample>.mp4``; a checkpoint counts when it has a clip
                for every prompt and seed.
        """
        found = []
        for place in sorted((p for p in Path(folder).iterdir() if p.is_dir()), key=lambda p: _step_of(p) or 0):
            step = _step_of(place)
            if step is None or label_of(step) in self.bench.models():
                continue
            files = {path.stem: path for path in place.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES}
            names = {f"{prompt.id}-{sample}" for prompt in self.prompts for sample in range(len(self.seeds))}
            if names <= files.keys():
                places = {seed: sample for sample, seed in enumerate(self.seeds)}
                found.append(self.at(step, _maker_of_files(files, places)))
        return found

    def board(self, metrics: Sequence[str] | None = None) -> Board:
        """The checkpoints as tools of a leaderboard, each compared with the best."""
        return leaderboard(self.bench, metrics=metrics)

    def close(self) -> None:
        """Let trackers write what is left."""
        for tracker in self.trackers:
            self._tell(tracker, lambda t: t.close())
        self.bench.close()

    def _add(self, step: int, prompt: Prompt, sample: int, seed: int, made: Made, fps: float) -> None:
        label = label_of(step)
        file = self.bench.root / "clips" / label / f"{prompt.id}-{sample}.mp4"
        if isinstance(made, Path):
            source, is_linked = made, True
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_clip(list(made), file, fps=fps)
            source, is_linked = file, False
        how = Provenance(origin="generated", seed=seed, seed_honoured=True, extra={"training_step": step})
        taken = None if is_linked else set[str]()
        self.bench.add_clip(
            clip_from_file(
                source, model=label, prompt=prompt, sample=sample, probe=probe(source), provenance=how, taken=taken
            )
        )

    def _finished(self, step: int, failures: list[str]) -> Checkpoint:
        label = label_of(step)
        clips = self.bench.clips(models=[label])
        report = score(self.bench, **self._choices, clip_ids=[clip.id for clip in clips]) if clips else None
        if report is not None and report.without_score:
            failures.append(report.without_score.strip(", "))
        rows = leaderboard(self.bench, models=[label]).rows if clips else ()
        means = {row.metric: row.mean for row in rows if row.mean is not None}
        before = sorted(other for other in self.bench.models() if (_step_of(Path(other)) or 0) < step)
        versus = None
        if before and clips:
            try:
                versus = compare(side_of(self.bench, label), side_of(self.bench, before[-1]))
            except OptionError as error:
                self.troubles.append(f"step {step}: {error}")
        checkpoint = Checkpoint(
            step=step, tool=label, n_clips=len(clips), failures=tuple(failures), means=means, versus=versus
        )
        shown = [(clip, self.bench.clip_path(clip)) for clip in clips[: self.clips_shown]]
        for tracker in self.trackers:
            self._tell(tracker, lambda t: t.scalars(step, {f"validation/{name}": v for name, v in means.items()}))
            for clip, path in shown:
                self._tell(tracker, partial(_send_clip, step, f"validation/{clip.prompt.id}-{clip.sample}", path))
            self._tell(tracker, lambda t: t.text(step, "validation/report", markdown_of(checkpoint)))
        return checkpoint

    def _tell(self, tracker: Tracker, say: Callable[[Any], None]) -> None:
        try:
            say(tracker)
        except Exception as error:  # a tracker that is away must not stop a training run
            trouble = f"{type(tracker).__name__}: {first_line(error)}"
            if trouble not in self.troubles:
                self.troubles.append(trouble)
                warnings.warn(f"{trouble}; the clips and scores are kept in {self.bench.root}", stacklevel=3)


def _send_clip(step: int, name: str, path: Path, tracker: Tracker) -> None:
    tracker.clip(step, name, path)


def _maker_of_files(files: Mapping[str, Path], places: Mapping[int, int]) -> Maker:
    """Clips that lie there already: name → file, and seed → number of the sample."""

    def make(prompt: Prompt, seed: int) -> Made:
        return files[f"{prompt.id}-{places[seed]}"]

    return make


def label_of(step: int) -> str:
    """The tool that a checkpoint is in its bench; labels sort as steps do."""
    return f"step-{step:08}"


def _step_of(path: Path) -> int | None:
    match = _STEP.fullmatch(path.name)
    return int(match[1]) if match else None


def markdown_of(checkpoint: Checkpoint) -> str:
    """A checkpoint in words: what changed since the last one, and what failed."""
    lines = [f"step {checkpoint.step}: {checkpoint.n_clips} clips"]
    if checkpoint.versus is not None:
        lines += ["", f"against {checkpoint.versus.b}:", "", "| metric | change | p | verdict |", "|---|---|---|---|"]
        lines += [
            f"| {row.metric} | {row.effect:+.4g} | {row.p_value:.3f} | {row.verdict} |"
            for row in checkpoint.versus.rows
        ]
    return "\n".join([*lines, "", *(f"- failed: {reason}" for reason in checkpoint.failures)]) + "\n"


def maker_of(pipeline: Any, **call: Any) -> Maker:
    """Makes clips with a diffusers pipeline; noise is drawn on the CPU, so that every GPU starts from the same.

    Args:
        pipeline: Any text-to-video pipeline.
        call: Its other arguments: num_frames, num_inference_steps, ...
    """
    import torch

    def make(prompt: Prompt, seed: int) -> Made:
        generator = torch.Generator("cpu").manual_seed(seed)
        with torch.inference_mode():
            frames = pipeline(prompt=prompt.text, generator=generator, output_type="np", **call).frames[0]
        made: NDArray[Any] = np.asarray(frames)
        if not np.isfinite(made).all():
            raise ItemError("the pipeline gave frames that are not finite")
        return made

    return make
