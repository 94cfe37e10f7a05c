"""What a scoring run will compute: metrics, the features they need, and the parameters every score is stored under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

from vbench.contracts import GIVEN, Combined, DeviceFeature, Family, Feature, Metric, Settings, TextFeature, Weights
from vbench.errors import OptionError, WeightsError
from vbench.extract import decode
from vbench.features import FEATURES
from vbench.metrics import METRICS
from vbench.metrics.presets import families, known_preset
from vbench.records import digest
from vbench.score import profile
from vbench.score.spec import ScoreSpec

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
    """Metric of the preset, or measure of its family → why it is not in the plan."""

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


def family_of(name: str, known: Mapping[str, Family]) -> Family | None:
    """The family of a metric: the one it names, or the known one that has a place for a metric of this name."""
    declared: Family | None = METRICS[name].family
    return declared or next((family for family in known.values() if name in family.not_measured), None)


def presets() -> dict[str, tuple[str, ...]]:
    """Preset → names of its metrics, plug-ins included where they need no weights."""
    known = families()
    owner = {name: family.name for name in METRICS if (family := family_of(name, known)) is not None}
    own = [name for name in METRICS if name not in owner]
    common = {
        "offline": tuple(name for name in own if not _needs_weights(name)),
        "standard": tuple(name for name in own if name not in FULL_ONLY),
        "full": tuple(own),
    }
    return common | {family: tuple(name for name in owner if owner[name] == family) for family in known}


def _needs_weights(name: str) -> bool:
    metric = METRICS[name]
    if isinstance(metric, Combined):
        return not any(part in METRICS and not _needs_weights(part) for part in metric.needs)
    settings = Settings()
    needed = [FEATURES[feature](settings) for feature in metric.inputs if feature not in GIVEN]
    return any(isinstance(feature, DeviceFeature | TextFeature) and not feature.is_free for feature in needed)


def known_settings() -> dict[str, str]:
    """Setting → what it means, of the decoder and of all features there are."""
    known = dict(decode.SETTINGS) | profile.ABOUT
    for name in FEATURES:
        known |= FEATURES[name](Settings()).settings_read()
    return known


def make_plan(spec: ScoreSpec, *, device: str = "cpu") -> ScorePlan:
    """Work out what to compute and check that it can be.

    Args:
        spec: What is asked for.
        device: The one of the spec's devices to plan for: `cpu` or `cuda:N`.

    Raises:
        OptionError: an unknown preset, metric, setting or precision.
        WeightsError: weights are missing; says which, how large, and what can be scored without them.
    """
    family = families().get(known_preset(spec.preset))
    settings = _settings_of(spec, device)
    asked = spec.metrics if spec.metrics is not None else presets()[spec.preset]
    names = list(asked) if spec.metrics is None and family is None else _with_parts(asked)
    _check_decoder(names, settings)
    left_out = _not_at_hand(family, names, settings) if family is not None and spec.metrics is None else {}
    chosen = [METRICS[name] for name in names if name not in left_out]
    plain = [metric for metric in chosen if not isinstance(metric, Combined)]
    needed = dict.fromkeys(name for metric in plain for name in metric.inputs if name not in GIVEN)
    features = {name: FEATURES[name](settings) for name in needed}
    _check_weights(features, plain)
    params: dict[str, Mapping[str, Any]] = {metric.name: _params(metric, features, settings) for metric in plain}
    ordered: list[Metric] = list(plain)
    for metric in _parts_first([metric for metric in chosen if isinstance(metric, Combined)]):
        if missing := [part for part in metric.needs if part not in params]:
            left_out[metric.name] = f"needs {', '.join(missing)}"
            continue
        parts = {part: (METRICS[part].version, params[part]) for part in metric.inputs if part in params}
        weighted, weights = profile.with_profile(metric, settings)
        params[metric.name] = {"parts": sorted(parts), "of": digest(sorted(parts.items())), **weights}
        ordered.append(weighted)
    return ScorePlan(metrics=tuple(ordered), features=features, params=params, settings=settings, left_out=left_out)


def _settings_of(spec: ScoreSpec, device: str) -> Settings:
    if not 0.0 < spec.gpu_memory <= 1.0:
        raise OptionError(f"`gpu_memory=` is {spec.gpu_memory:g}; expected a share above 0 and at most 1")
    if spec.precision not in ("auto", "fp32", "bf16"):
        raise OptionError(f"precision is {spec.precision!r}; expected auto, fp32 or bf16")
    values = dict(spec.settings)
    Settings(values).check(known_settings())
    is_cuda = device.startswith("cuda")
    if spec.preset in ("standard", "full") and spec.metrics is None and is_cuda:
        values.setdefault("flow.backend", "raft")
    in_bf16 = spec.precision == "bf16" or (spec.precision == "auto" and is_cuda)
    return Settings(values, device, "bf16" if in_bf16 else "fp32", spec.compile, spec.gpu_memory)


def _parts_first(combined: Sequence[Combined]) -> list[Combined]:
    """Metrics of metrics, each after those it is made of."""
    by_name = {metric.name: metric for metric in combined}
    order = TopologicalSorter({name: [p for p in metric.inputs if p in by_name] for name, metric in by_name.items()})
    return [by_name[name] for name in order.static_order()]


def _check_decoder(names: Sequence[str], settings: Settings) -> None:
    """Refuse a decoder that is not there, or whose pixels are not those that a metric is defined on."""
    backend = decode.backend_of(settings)
    known = families() if backend != "pyav" else {}
    for name in names if known else ():
        family = family_of(name, known)
        if family is not None and family.pixels_of:
            raise OptionError(
                f"{name} is defined on the pixels that {family.pixels_of} gives, and decode.backend={backend} gives "
                "others; leave decode.backend out"
            )
    decode.check_decoder(settings)


def _params(metric: Metric, features: Mapping[str, Feature], settings: Settings) -> Mapping[str, Any]:
    """What can move the numbers of a metric: the parameters of its features and, where it is not the default, the
    decoder of the frames they are made from."""
    used = {name: features[name] for name in metric.inputs if name not in GIVEN}
    params: dict[str, Any] = {
        name: dict(used_params) for name, feature in used.items() if (used_params := feature.params())
    }
    backend = decode.backend_of(settings)
    if backend != "pyav" and any(feature.from_frames for feature in used.values()):
        params["decoder"] = backend
    return params


def _not_at_hand(family: Family, names: Sequence[str], settings: Settings) -> dict[str, str]:
    """Measures of a family that are not in the plan → why: not built in, or a weight file that is not at hand."""
    left_out = {name: reason for name, reason in family.not_measured.items() if name not in names}
    reasons: dict[str, str] = {}
    for name in names:
        if isinstance(METRICS[name], Combined):
            continue
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
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        metric = METRICS[name]
        if isinstance(metric, Combined):
            for part in metric.inputs:
                if part in offline or part in metrics or part in metric.needs:
                    add(part)
        ordered.setdefault(name)

    for name in metrics:
        add(name)
    return list(ordered)


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
