"""What a scoring run will compute: metrics, the features they need, and the parameters every score is stored under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from vbench.contracts import GIVEN, Combined, DeviceFeature, Feature, Metric, Settings, TextFeature, Weights
from vbench.errors import OptionError, WeightsError
from vbench.extract import decoder_choice
from vbench.features import FEATURES
from vbench.metrics import METRICS
from vbench.records import digest
from vbench.registry import did_you_mean
from vbench.vbench1.metrics import NOT_MEASURED

Preset = Literal["offline", "standard", "full", "vbench"]
PRESETS: dict[str, str] = {
    "offline": "every measure that needs no weights; wrong content cannot be seen without a learned encoder",
    "standard": "offline, and consistency by DINOv2, alignment and technical quality by CLIP",
    "full": "standard, and aesthetics and a video-text model",
    "vbench": "VBench 1.0 dimensions, exactly as its code computes them",
}
FULL_ONLY = ("aesthetic", "video_alignment")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePlan:
    """Metrics in an order in which each comes after its parts, and what they stand on."""

    metrics: tuple[Metric, ...]
    features: Mapping[str, Feature]
    params: Mapping[str, Mapping[str, Any]]
    """Metric → the parameters of its score's key."""
    settings: Settings
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Metric of the preset, or dimension of VBench → why it is not in the plan."""

    @property
    def plain(self) -> tuple[Metric, ...]:
        """Metrics of features."""
        return tuple(metric for metric in self.metrics if not isinstance(metric, Combined))

    @property
    def combined(self) -> tuple[Combined, ...]:
        """Metrics of metrics."""
        return tuple(metric for metric in self.metrics if isinstance(metric, Combined))

    def features_of(self, metric: Metric) -> tuple[str, ...]:
        return () if isinstance(metric, Combined) else tuple(name for name in metric.inputs if name not in GIVEN)


def presets() -> dict[str, tuple[str, ...]]:
    """Preset → names of its metrics, plug-ins included where they need no weights."""
    names = list(METRICS)
    compat = tuple(name for name in names if name.startswith("vbench."))
    own = [name for name in names if name not in compat]
    offline = tuple(name for name in own if not _needs_weights(name))
    return {
        "offline": offline,
        "standard": tuple(name for name in own if name not in FULL_ONLY),
        "full": tuple(own),
        "vbench": compat,
    }


def _needs_weights(name: str) -> bool:
    metric = METRICS[name]
    if isinstance(metric, Combined):
        return not any(part in METRICS and not _needs_weights(part) for part in metric.needs)
    settings = Settings()
    needed = [FEATURES[feature](settings) for feature in metric.inputs if feature not in GIVEN]
    return any(isinstance(feature, DeviceFeature | TextFeature) for feature in needed)


def known_settings() -> dict[str, str]:
    """Setting → what it means, of the decoder and of all features there are."""
    found = dict(decoder_choice.SETTINGS)
    for name in FEATURES:
        found |= FEATURES[name](Settings()).known_settings
    return found


def make_plan(
    preset: str = "standard",
    *,
    metrics: Sequence[str] | None = None,
    settings: Mapping[str, str] | None = None,
    device: str = "cpu",
    precision: str = "auto",
    compile: bool = False,
) -> ScorePlan:
    """Work out what to compute and check that it can be.

    Args:
        preset: A name of `PRESETS`; not used where `metrics` are named.
        metrics: Names of metrics; their parts are added.
        settings: `--set` values.
        device: `cpu` or `cuda:N`.
        precision: `fp32`, `bf16`, or `auto`: bf16 on CUDA, fp32 on the CPU.
        compile: Put backbones through `torch.compile`.

    Raises:
        OptionError: an unknown preset, metric, setting or precision.
        WeightsError: weights are missing; says which, how large, and what can be scored without them.
    """
    if preset not in PRESETS:
        raise OptionError(f"no preset {preset!r}; {did_you_mean(preset, PRESETS)}")
    if precision not in ("auto", "fp32", "bf16"):
        raise OptionError(f"precision is {precision!r}; expected auto, fp32 or bf16")
    values = dict(settings or {})
    Settings(values).check(known_settings())
    is_cuda = device.startswith("cuda")
    if preset in ("standard", "full") and metrics is None and is_cuda:
        values.setdefault("flow.backend", "raft")
    in_bf16 = precision == "bf16" or (precision == "auto" and is_cuda)
    chosen = Settings(values, device, "bf16" if in_bf16 else "fp32", compile)
    names = _with_parts(metrics) if metrics is not None else list(presets()[preset])
    _check_decoder(names, chosen)
    left_out = _not_in_vbench(names, chosen) if preset == "vbench" and metrics is None else {}
    picked = [METRICS[name] for name in names if name not in left_out]
    plain = [metric for metric in picked if not isinstance(metric, Combined)]
    needed = dict.fromkeys(name for metric in plain for name in metric.inputs if name not in GIVEN)
    features = {name: FEATURES[name](chosen) for name in needed}
    _check_weights(features, plain)
    params: dict[str, Mapping[str, Any]] = {metric.name: _params(metric, features, chosen) for metric in plain}
    ordered: list[Metric] = list(plain)
    waiting = [metric for metric in picked if isinstance(metric, Combined)]
    while waiting:
        names_left = {metric.name for metric in waiting}
        metric = next(metric for metric in waiting if not names_left - {metric.name} & set(metric.inputs))
        waiting.remove(metric)
        if missing := [part for part in metric.needs if part not in params]:
            left_out[metric.name] = f"needs {', '.join(missing)}"
            continue
        parts = {part: (METRICS[part].version, params[part]) for part in metric.inputs if part in params}
        params[metric.name] = {"parts": sorted(parts), "of": digest(sorted(parts.items()))}
        ordered.append(metric)
    return ScorePlan(metrics=tuple(ordered), features=features, params=params, settings=chosen, left_out=left_out)


def _check_decoder(names: Sequence[str], settings: Settings) -> None:
    """Refuse a decoder that is not there, or whose pixels are not those that a metric is defined on."""
    backend = decoder_choice.backend_of(settings)
    if backend != "pyav" and (exact := [name for name in names if name.startswith("vbench.")]):
        raise OptionError(
            f"{exact[0]} is defined on the pixels that OpenCV gives, and decode.backend={backend} gives others; "
            "leave decode.backend out"
        )
    decoder_choice.check_decoder(settings)


def _params(metric: Metric, features: Mapping[str, Feature], settings: Settings) -> Mapping[str, Any]:
    """What can move the numbers of a metric: the parameters of its features and, where it is not the default, the
    decoder of the frames they are made from."""
    used = {name: features[name] for name in metric.inputs if name not in GIVEN}
    params: dict[str, Any] = {name: dict(found) for name, feature in used.items() if (found := feature.params())}
    backend = decoder_choice.backend_of(settings)
    if backend != "pyav" and any(feature.from_frames for feature in used.values()):
        params["decoder"] = backend
    return params


def _not_in_vbench(names: Sequence[str], settings: Settings) -> dict[str, str]:
    """Dimensions of VBench that are not measured → why: no permissive port, or a weight file that is not at hand."""
    left_out = {name: reason for name, reason in NOT_MEASURED.items() if name not in names}
    reasons: dict[str, str] = {}
    for name in names:
        for feature in METRICS[name].inputs:
            if feature not in GIVEN and feature not in reasons:
                reasons[feature] = _why_not(FEATURES[feature](settings))
            if reasons.get(feature):
                left_out[name] = reasons[feature]
                break
    return left_out


def _why_not(feature: Feature) -> str:
    """Why optional weights of a feature cannot be had; empty where they can."""
    if all(weights.present or not weights.optional for weights in feature.weights()):
        return ""
    try:
        feature.fetch()
    except WeightsError as error:
        return str(error)
    return ""


def _with_parts(metrics: Sequence[str]) -> list[str]:
    """The named metrics, and for combined ones every offline part, and learned parts only where they are named too."""
    offline = set(presets()["offline"])
    found: dict[str, None] = {}

    def add(name: str) -> None:
        metric = METRICS[name]
        if isinstance(metric, Combined):
            for part in metric.inputs:
                if part in offline or part in metrics or part in metric.needs:
                    add(part)
        found.setdefault(name)

    for name in metrics:
        add(name)
    return list(found)


def _check_weights(features: Mapping[str, Feature], metrics: Sequence[Metric]) -> None:
    """Get what is missing, or refuse the plan."""
    missing: dict[str, Weights] = {}
    reasons: dict[str, None] = {}
    blocked: set[str] = set()
    for name, feature in features.items():
        if all(weights.present for weights in feature.weights()):
            continue
        try:
            if not any(weights.name in missing for weights in feature.weights()):
                feature.fetch()
        except WeightsError as error:
            reasons.setdefault(error.reason.split(";")[0])
        for weights in feature.weights():
            if not weights.present:
                missing[weights.name] = weights
                blocked.add(name)
    if not missing:
        return
    what = "; ".join(
        f"{w.name} (about {w.size_mb} MB, revision {w.revision[:12] or 'not pinned'}; --set {w.setting}=PATH)"
        for w in missing.values()
    )
    free = [metric.name for metric in metrics if not blocked & set(metric.inputs)]
    choice = "--preset offline" if set(free) <= set(presets()["offline"]) else f"--metrics {','.join(free)}"
    without = f"{len(free)} of these {len(metrics)} measures need none ({choice})" if free else "all of them need it"
    raise WeightsError(f"weights are missing: {what}. {'. '.join([*reasons, without])}")
