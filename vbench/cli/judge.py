"""`vbench judge` and `vbench sheet`: whether clips show what their prompts ask, and who says so."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vbench.cli.options import (
    EXIT_FAILURES,
    SET_HELP,
    BenchPath,
    Json,
    Strict,
    names,
    option,
    print_json,
    print_line,
    settings_of,
    takes,
)
from vbench.errors import OptionError

if TYPE_CHECKING:
    from vbench.catalog.suites import Suite
    from vbench.judge.roster import JudgeChoices
    from vbench.judge.run import JudgeReport

CHOICE_OPTIONS = (
    option("with_", str | None, "--with", help="Detectors, readers, judges, with commas.  [default: those ready here]"),
    option("without", str | None, help="Leave out: names, or signal, detector, reader, judge; with commas."),
    option("kinds", str | None, help="Only questions of these kinds, with commas: presence,count,colour,action,..."),
    option("max_cost", float | None, min=0, help="Dollars that each judge may cost in this bench in all."),
    option("allow_unpriced", bool, "--allow-unpriced", default=False, help="Ask a judge whose card has no price."),
    option("retry", str | None, help="Ask failed answers of these codes again: bad_answer,outcome_unknown."),
    option("suite", str | None, help="Take the questions of these suites as they stand now; with commas."),
    option("set_", list[str] | None, "--set", help=SET_HELP),
    option("device", str, default="cpu", help="For detectors, readers and local judges: cpu or cuda:N."),
    option("dry_run", bool, "--dry-run", default=False, help="Say how many requests, and what they cost at most."),
)


def choices_of(values: Mapping[str, Any]) -> JudgeChoices:
    """The fields of a `JudgeSpec` that the options give."""
    return {
        "with_": None if values["with_"] is None else names(values["with_"]),
        "without": names(values["without"] or ""),
        "kinds": None if values["kinds"] is None else names(values["kinds"]),
        "retry": names(values["retry"] or ""),
        "suites": names(values["suite"] or ""),
        "max_cost": values["max_cost"],
        "allow_unpriced": values["allow_unpriced"],
        "settings": settings_of(values["set_"]),
        "device": values["device"],
        "dry_run": values["dry_run"],
    }


@takes("choices", CHOICE_OPTIONS, choices_of)
def judge(
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[list | card JUDGE | pairs | defects]",
            help="The judges there are; how far one may be trusted; pairs; faults. Nothing: judge the bench.",
        ),
    ] = None,
    bench: BenchPath = None,
    choices: JudgeChoices,
    json: Json = False,
    strict: Strict = False,
) -> None:
    """Answer what each prompt asks of its clips: signals first, then detectors and readers, then judges."""
    if words == ["list"]:
        _list(as_json=json)
        return
    if words and words[0] == "card" and len(words) == 2:
        _card(words[1], bench, choices, as_json=json, strict=strict)
        return
    if words == ["pairs"]:
        _pairs(bench, choices, as_json=json)
        return
    if words == ["defects"]:
        _defects(bench, choices, as_json=json)
        return
    if words:
        raise OptionError(f"vbench judge {' '.join(words)}: expected nothing, list, card JUDGE, pairs or defects")
    from vbench.bench import Bench
    from vbench.judge import judge as run

    with Bench.open(bench, create=False) as workspace:
        report = run(workspace, progress=None if json else _told, **choices)
    if json:
        from dataclasses import asdict

        print_json({**asdict(report)})
    else:
        _print_report(report, is_dry_run=bool(choices.get("dry_run")))
    if strict and (report.failures or report.stopped):
        raise typer.Exit(EXIT_FAILURES)


def _told(done: int, total: int, text: str) -> None:
    if text or done == total or done % 25 == 0:
        print(text or f"judged {done} of {total} clips", file=sys.stderr, flush=True)


NOTHING_ASKED = (
    "no question is asked of these clips: their prompts expect nothing. Write under `expects` or `questions` of the "
    "suite what a clip should show, then run vbench judge --suite FILE"
)


def _print_report(report: JudgeReport, *, is_dry_run: bool) -> None:
    from vbench.errors import as_typed

    print_line(f"{report.n_clips} clips, {report.n_questions} questions; {report.seconds:.1f} s")
    if not report.n_questions:
        print_line(NOTHING_ASKED)
    for answerer, verdicts in report.answered.items():
        counts = ", ".join(f"{n} {verdict.replace('_', ' ')}" for verdict, n in sorted(verdicts.items()))
        print_line(f"{answerer}: {counts}")
    for name, why in report.left_out.items():
        print_line(f"left out: {name} ({as_typed(why)})")
    for name, why in report.stopped.items():
        print_line(f"stopped: {name}: {as_typed(why)}")
    if report.failures:
        print_line("failed: " + ", ".join(f"{code} {n}" for code, n in sorted(report.failures.items())))
    if is_dry_run:
        print_line(f"at most {report.n_requests} requests, ${report.cost_usd:.2f}; nothing was asked")
        return
    if report.n_requests:
        print_line(f"{report.n_requests} requests, ${report.cost_usd:.4f}")
    if report.left:
        left = ", ".join(f"{kind} {n}" for kind, n in report.left.items())
        print_line(f"without a certain answer: {left}; a judge may know (--with NAME, see vbench judge list)")


def _card(name: str, bench: Path | None, choices: JudgeChoices, *, as_json: bool, strict: bool) -> None:
    """Try a judge on drawn clips and print its report card."""
    from vbench.bench import Bench
    from vbench.judge.card import find_judge
    from vbench.judge.report_card import report_card

    options: dict[str, Any] = {name: choices[name] for name in ("max_cost", "allow_unpriced", "device")}
    with Bench.open(bench) as workspace:
        card = report_card(workspace, find_judge(name), **options)
    if as_json:
        print_json(card)
    else:
        print_line(f"{card['judge']}: {card['verdict']}")
        for reason in card["reasons"]:
            print_line(f"  {reason}")
        for rate, value in card.items():
            if isinstance(value, float):
                print_line(f"  {rate:<24}{value:.3f}")
        for kind, share in card["planted_by_kind"].items():
            print_line(f"  found: {kind:<17}{share:.2f}")
        for with_, facts in card["agreement"].items():
            share = "none to compare" if facts["share"] is None else f"{facts['share']:.2f} of {facts['n']}"
            print_line(f"  agreement with {with_:<9}{share}")
    if strict and card["verdict"] != "passed":
        raise typer.Exit(EXIT_FAILURES)


def _pairs(bench: Path | None, choices: JudgeChoices, *, as_json: bool) -> None:
    """Judge pairs of takes in both orders, and print the judge's own ratings."""
    from dataclasses import asdict

    from vbench.bench import Bench
    from vbench.judge.card import find_judge
    from vbench.judge.pairs import agreement_with_votes, judge_pairs
    from vbench.rank.ratings import judge_ratings

    named = choices["with_"] or []
    if len(named) != 1:
        raise OptionError("vbench judge pairs needs one judge; say --with NAME (see vbench judge list)")
    options: dict[str, Any] = {name: choices[name] for name in ("max_cost", "allow_unpriced", "device")}
    with Bench.open(bench, create=False) as workspace:
        card = find_judge(named[0])
        report = judge_pairs(workspace, card, **options)
        ratings = judge_ratings(workspace, card.id, card.version)
        agreement = agreement_with_votes(workspace, card.id)
    if as_json:
        rows = [asdict(rating) for rating in ratings]
        print_json({**asdict(report), "ratings": rows, "agreement_with_votes": agreement})
        return
    print_line(
        f"{report.n_pairs} pairs judged by {report.judge}, {report.n_new} of them now; "
        f"{report.n_flipped} flipped with the order (counted as ties), {report.n_failed} failed; ${report.cost_usd:.4f}"
    )
    if report.stopped:
        print_line(f"stopped: {report.stopped}")
    print_line(f"ratings by this judge alone, not mixed with people's votes ({agreement['n']} pairs in common):")
    for rating in ratings:
        ends = "" if rating.low is None or rating.high is None else f"  {rating.low:.0f} to {rating.high:.0f}"
        print_line(f"  {rating.tool:<28}{rating.rating:6.0f}{ends}")
    if agreement["share"] is not None:
        print_line(f"people prefer the same in {agreement['share']:.0%} of {agreement['n']}")


def _defects(bench: Path | None, choices: JudgeChoices, *, as_json: bool) -> None:
    """Look the clips over for located defects."""
    from dataclasses import asdict

    from vbench.bench import Bench
    from vbench.judge.defects import find_defects

    options: dict[str, Any] = {name: choices[name] for name in ("max_cost", "allow_unpriced", "device")}
    with Bench.open(bench, create=False) as workspace:
        report = find_defects(workspace, with_=choices["with_"] or (), **options)
        defects = [asdict(defect) for defect in workspace.defects()]
    if as_json:
        print_json({**asdict(report), "defects": defects})
        return
    found = ", ".join(f"{kind} {n}" for kind, n in report.found.items()) or "none"
    print_line(f"{report.n_clips} clips; defects: {found}; {report.n_retracted} retracted; ${report.cost_usd:.4f}")
    for name, why in report.stopped.items():
        print_line(f"stopped: {name}: {why}")
    if report.failures:
        print_line("failed: " + ", ".join(f"{code} {n}" for code, n in sorted(report.failures.items())))
    print_line("vbench board -m defects_per_min ranks the tools by them; the player shows each at its time")


def _list(*, as_json: bool) -> None:
    from vbench.contracts import Settings
    from vbench.judge.answerers import ANSWERERS
    from vbench.judge.card import judges

    rows: list[dict[str, Any]] = []
    for name in ANSWERERS:
        made = ANSWERERS[name](Settings())
        why = made.missing()
        rows.append({"id": name, "kind": made.by, "name": name, "licence": made.licence, "tried": "", "lacks": why})
    for card in judges().values():
        lacks = "" if card.status == "active" else f"{card.status}: {card.notes}"
        licence = card.licence.weights
        facts = {"name": card.name, "licence": licence, "tried": card.tried, "lacks": lacks}
        rows.append({"id": card.id, "kind": "judge", **facts})
    if as_json:
        print_json({"answerers": rows})
        return
    for row in rows:
        tried = f"tried: {row['tried']}" if row["tried"] else "never tried with a real model" * (row["kind"] == "judge")
        print_line(f"{row['id']:<24}{row['kind']:<10}{row['name']:<44}{row['lacks'] or tried}")


def sheet(
    bench: BenchPath = None,
    prompt: Annotated[str, typer.Option(help="Only this prompt, by its id.")] = "",
    model: Annotated[list[str] | None, typer.Option(help="Only this tool; repeatable.")] = None,
    kinds: Annotated[str | None, typer.Option(help="Only questions of these kinds, with commas.")] = None,
    format: Annotated[Literal["table", "json", "csv", "html"], typer.Option(help="How to write it.")] = "table",
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Only a line for each tool.")] = False,
) -> None:
    """Print the shot sheet: what each prompt asks, and whether each take shows it, by whom."""
    from vbench.bench import Bench
    from vbench.judge.sheet import shares
    from vbench.judge.sheet import sheet as made
    from vbench.report.sheet import sheet_text, summary_lines

    with Bench.open(bench, create=False) as workspace:
        table = made(workspace, prompt=prompt, models=model, kinds=None if kinds is None else names(kinds))
    if not table.cells:
        print(NOTHING_ASKED, file=sys.stderr)
    width = shutil.get_terminal_size().columns if out is None and sys.stdout.isatty() else None
    text = "\n".join(summary_lines(shares(table.cells))) + "\n" if summary else sheet_text(table, format, width=width)
    if out is not None:
        from vbench.files import write_text

        write_text(out, text)
        print(f"{out}", file=sys.stderr)
    else:
        sys.stdout.write(text)


def print_questions(suite: Suite, *, as_json: bool) -> None:
    """What each prompt of a suite asks, and who answers it."""
    from vbench.judge.questions import questions_of

    if as_json:
        rows = [
            {
                "prompt_id": prompt.id,
                "question": q.id,
                "kind": q.kind,
                "text": q.text,
                "by": list(q.by),
                "digest": q.digest,
            }
            for prompt in suite.prompts
            for q in questions_of(prompt)
        ]
        print_json({"suite": suite.name, "questions": rows})
        return
    for prompt in suite.prompts:
        print_line(prompt.id)
        for q in questions_of(prompt):
            print_line(f"  {q.kind:<10}{'/'.join(q.by):<16}{q.text}")


def propose_questions(
    suite: Suite, judge: str, *, bench: Path | None, max_cost: float | None, write: bool, as_json: bool
) -> None:
    """Let a judge propose questions from the texts of a suite, and write them into its file where that is asked for."""
    from vbench.bench import Bench
    from vbench.files import write_text
    from vbench.judge.ask import Asker
    from vbench.judge.backend import backend_of
    from vbench.judge.card import find_judge
    from vbench.judge.proposals import propose, with_questions

    if write and suite.path.suffix not in (".yaml", ".yml"):
        raise OptionError(
            f"{suite.path}: questions are written into YAML suites only; leave --write out, and copy them"
        )
    card = find_judge(judge)
    with Bench.open(bench) as workspace:
        asker = Asker(workspace, card, backend_of(card), max_cost=max_cost)
        try:
            proposed = propose(asker, suite.prompts)
        finally:
            asker.close()
    if write and proposed.lines:
        write_text(suite.path, with_questions(suite.path.read_text(encoding="utf-8"), proposed.lines))
    if as_json:
        rows = {
            name: [line.model_dump(include={"kind", "text"}) for line in some] for name, some in proposed.lines.items()
        }
        print_json({"suite": suite.name, "proposed": rows, "failed": dict(proposed.failed)})
        return
    for name, lines in proposed.lines.items():
        print_line(name)
        for line in lines:
            print_line(f"  {line.kind:<10}{line.text}")
    for name, why in proposed.failed.items():
        print_line(f"nothing for {name}: {why}")
    done = f"written into {suite.path}: read them, and change what is not meant" if write else "--write puts them there"
    print_line(f"{sum(map(len, proposed.lines.values()))} questions for {len(proposed.lines)} prompts; {done}")
