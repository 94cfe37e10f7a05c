"""`vbench import` and `vbench prompts`: what comes from files on this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbench.cli.options import EXIT_FAILURES, BenchPath, Json, Strict, option, print_json, print_line, takes
from vbench.errors import CatalogError, OptionError, as_typed
from vbench.files import home_expanded

if TYPE_CHECKING:
    from vbench.catalog.suites import Suite
    from vbench.importing import ImportReport
    from vbench.importing.guess_folder import FileGuess


NAMING_OPTIONS = (
    option("prompts", str | None, help="Suite, by name or file.  [default: prompts.* in the folder]"),
    option("pattern", str | None, help="Another layout of the names, as in '{prompt}/{model}_{sample}'."),
    option("manifest", Path | None, help="CSV or JSONL: file, model, prompt or prompt_id, sample, seed, cost, ..."),
    option("model", str, default="", help="Of results: the tool that they are of, where their paths do not say it."),
)
"""What says which file was made for which prompt."""


@takes("naming", NAMING_OPTIONS)
def import_clips(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER | RESULTS",
            help="Folder with clips, usually <model>/<prompt-id>-<sample>.mp4; or VBench's own results of clips that "
            "are there: its *_eval_results.json, or a folder of them.",
        ),
    ],
    naming: dict[str, Any],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what matches, and change nothing.")] = False,
    link: Annotated[bool, typer.Option("--link", help="Reference the files where they lie; copy nothing.")] = False,
    guess: Annotated[
        bool, typer.Option("--guess", help="Guess tool and prompt from names and texts; import what is certain.")
    ] = False,
    bench: BenchPath = None,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Bring clips that were made elsewhere into the workspace."""
    from vbench.bench import Bench
    from vbench.importing import import_folder
    from vbench.importing.results import is_results

    model = naming.pop("model")
    if is_results(folder):
        _import_results(folder, bench, model, dry_run=dry_run, as_json=as_json, strict=strict)
        return
    if model:
        raise OptionError("--model is for VBench's results; of clips, the folders or a manifest say the tool")
    if not home_expanded(folder).is_dir():  # before a workspace is made for a misspelt path
        raise OptionError(f"{folder}: no such folder; pass the folder that holds the tools' folders")
    if guess:
        if given := [name for name, value in naming.items() if value and name != "prompts"]:
            raise OptionError(f"`guess=` and `{given[0]}=` both say what files are; pass one")
        _import_guessed(bench, folder, naming["prompts"], dry_run=dry_run, link=link, as_json=as_json)
        return
    if dry_run and not Bench.exists(bench):
        report = import_folder(None, folder, dry_run=True, link=link, **naming)
    else:
        with Bench.open(bench, create=not dry_run) as opened, _progress() as progress:
            report = import_folder(opened, folder, dry_run=dry_run, link=link, progress=progress, **naming)
    if as_json:
        from vbench.schema import to_json

        items = [to_json(item) | {"reason": as_typed(item.reason)} for item in report.items]
        facts = {"kind": "clips", "counts": report.counts, "n_damaged": report.n_damaged, "marks": report.marks}
        print_json({**facts, **to_json(report), "items": items})
    else:
        _print_report(report, is_dry_run=dry_run)
    if report.is_no_match:
        raise CatalogError(_no_match(report, folder))
    if strict and (not report.is_complete or report.n_damaged):
        raise typer.Exit(EXIT_FAILURES)


def _import_results(path: Path, bench: Path | None, model: str, *, dry_run: bool, as_json: bool, strict: bool) -> None:
    from vbench.bench import Bench
    from vbench.importing.results import import_results

    with Bench.open(bench, create=False) as opened:
        report = import_results(opened, path, model=model, dry_run=dry_run)
    if as_json:
        from vbench.schema import to_json

        unused = [to_json(each) | {"reason": as_typed(each.reason)} for each in report.unused]
        print_json({"kind": "results", **to_json(report), "unused": unused})
    else:
        for each in report.unused:
            print_line(f"not used: {each.clip}: {as_typed(each.reason)}")
        known = f", {report.n_known} were there before" if report.n_known else ""
        said = " (dry run: nothing was changed)" if dry_run else ""
        print_line(f"{report.n_scores} scores published by VBench added to {report.n_clips} clips{known}{said}")
    if strict and not report.is_complete:
        raise typer.Exit(EXIT_FAILURES)


def _import_guessed(
    bench: Path | None, folder: Path, suite: str | None, *, dry_run: bool, link: bool, as_json: bool
) -> None:
    """Print what each file may be, and bring in those whose tool and prompt are certain."""
    from vbench.bench import Bench
    from vbench.catalog import find_suite
    from vbench.catalog.cards import cards
    from vbench.importing.guess_folder import guess_folder, import_certain

    known = cards()
    with Bench.open(bench, create=not dry_run) if not dry_run or Bench.exists(bench) else nullcontext() as opened:
        prompts = [*(find_suite(suite).prompts if suite else ()), *(opened.prompts() if opened else ())]
        models = sorted(opened.models()) if opened else []
        skip = opened.root if opened else None
        guesses = guess_folder(folder, models=models, prompts=prompts, more_models=list(known), skip=skip)
        outcomes = []
        if opened and not dry_run:
            facts = {id: card.model_dump(mode="json") for id, card in known.items()}
            with _progress() as progress:
                outcomes = import_certain(opened, guesses, prompts, cards=facts, link=link, progress=progress)
    if as_json:
        from vbench.schema import to_json

        rows = [guess.to_json() for guess in guesses]
        print_json({"rows": rows, "imported": [to_json(outcome) for outcome in outcomes]})
        return
    for guess in guesses:
        print_line(_guessed_line(guess))
    counts = Counter(outcome.state for outcome in outcomes)
    told = ", ".join(f"{n} {state}" for state, n in counts.items()) or "nothing was imported"
    n_open = sum(not guess.is_certain for guess in guesses)
    print_line(
        f"{told}; {n_open} of {len(guesses)} files need a person: name their prompts on the page or in a manifest"
    )


def _guessed_line(item: FileGuess) -> str:
    guess = item.guess
    if item.problem:
        return f"cannot be read: {item.name}: {item.problem}"
    if item.same_as:
        return f"the same bytes: {item.name} = {item.same_as}"
    tool = guess.model or (f"{' or '.join(guess.models)}?" if guess.models else "no tool")
    prompt = guess.prompt_id or (f"{' or '.join(guess.prompts)}?" if guess.prompts else "")
    words = f"{guess.prompt[:60]!r}" if guess.prompt and not guess.prompt_id else ""
    said = " ".join(part for part in (prompt, words) if part) or "no prompt"
    return f"{'certain' if item.is_certain else 'perhaps'}: {item.name} → {tool}, {said}, sample {item.sample}"


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """A bar that goes away in the end on a terminal; a line per hundred files otherwise."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    file_column = TextColumn("{task.fields[file]}", markup=False)
    bar = Progress(BarColumn(), MofNCompleteColumn(), file_column, console=console, transient=True)
    task = bar.add_task("importing", file="")

    def show(done: int, total: int, file: str) -> None:
        if console.is_terminal:
            bar.update(task, completed=done, total=total, file=file[-90:])
        elif done % 100 == 99:
            console.print(f"{done + 1}/{total} files", highlight=False)

    with bar if console.is_terminal else nullcontext():
        yield show


def _print_report(report: ImportReport, *, is_dry_run: bool) -> None:
    from vbench.marks import MARKS

    for item in report.items:
        if item.reason:
            print_line(f"{item.state}: {item.file}: {as_typed(item.reason)}")
        elif is_dry_run:
            print_line(f"{item.state}: {item.file} → {item.model}, prompt {item.prompt_id}, sample {item.sample}")
        if item.is_damaged:
            print_line(f"damaged: {item.file}: {'; '.join(item.warnings)}")
    if report.others:
        names = ", ".join(Path(name).name for name in report.others[:5])
        print_line(f"no clips: {names}{f' and {len(report.others) - 5} more' if len(report.others) > 5 else ''}")
    if report.prompts_without_clips:
        ids = report.prompts_without_clips
        print_line(f"prompts without a clip: {', '.join(ids[:5])}{f' and {len(ids) - 5} more' if len(ids) > 5 else ''}")
    for note in report.notes:
        print_line(f"note: {note}")
    for mark in MARKS:
        if n := report.marks.get(mark.name):
            print_line(f"{'damage' if mark.is_damage else 'note'}: {n} {mark.about}")
    counts = ", ".join(f"{n} {state}" for state, n in report.counts.items()) or "no clips found"
    if report.n_damaged:
        counts += f"; {report.n_damaged} damaged"
    print_line(f"{counts}{' (dry run: nothing was changed)' if is_dry_run else ''}")


def _no_match(report: ImportReport, folder: Path) -> str:
    """Why nothing came in, and what the files may be meant for."""
    if not report.items:
        return f"{folder}: no clips in it ({len(report.others)} other files); pass the folder of the tools' folders"
    near = [
        f"{Path(file).name} is nearest to {', '.join(repr(prompt_id) for prompt_id in ids)}"
        for file, ids in report.nearest.items()
        if ids
    ]
    hint = f" ({'; '.join(near)})" if near else ""
    return (
        f"{folder}: none of {len(report.items)} clips matches a prompt{hint}; pass the suite that they were made for "
        "with `prompts=`, say with `pattern=` how they are named, or name them in a manifest"
    )


def prompts(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SUITE | lint FILE]", help="A suite to list, by name or file; or `lint` and a file to check."
        ),
    ] = None,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """List suites, list the prompts of one, or check a file."""
    from vbench.catalog import find_suite

    if not words:
        n_broken = _list_suites(as_json=as_json)
        if strict and n_broken:
            raise typer.Exit(EXIT_FAILURES)
    elif words[0] == "lint" and len(words) == 2:
        _print_lint(find_suite(words[1]), as_json=as_json)
    elif len(words) == 1 and words[0] != "lint":
        _print_suite(find_suite(words[0]), as_json=as_json)
    else:
        raise OptionError(f"vbench prompts {' '.join(words)}: expected a suite, or lint and a file; quote spaces")


def _list_suites(*, as_json: bool) -> int:
    """Print every suite, those that cannot be read with their reason; the number of these."""
    from vbench.catalog import suite_files
    from vbench.catalog.suites import load_suite

    rows: list[dict[str, Any]] = []
    for name, path in suite_files().items():
        row: dict[str, Any] = {"name": name, "file": str(path)}
        try:
            rows.append(row | _facts(load_suite(path)))
        except CatalogError as error:
            rows.append(row | {"error": str(error)})
    if as_json:
        print_json({"suites": rows})
    else:
        for row in rows:
            contents = row.get("error") or f"{row['n_prompts']:4d} prompts  {row['about']}"
            print_line(f"{row['name']:<14}{contents}")
    return sum("error" in row for row in rows)


def _facts(suite: Suite) -> dict[str, Any]:
    return {
        "version": suite.version,
        "licence": suite.licence,
        "about": suite.about,
        "n_prompts": len(suite.prompts),
    }


def _print_suite(suite: Suite, *, as_json: bool) -> None:
    if as_json:
        from vbench.schema import to_json

        print_json({"name": suite.name, **_facts(suite), "prompts": [to_json(prompt) for prompt in suite.prompts]})
        return
    for prompt in suite.prompts:
        print_line(f"{prompt.id}\n    {prompt.text}\n    {' '.join(prompt.tags)}".rstrip())


def _check_pictures(suite: Suite) -> int:
    """How many pictures the prompts give; what is drawn or fetched is looked at when it is used.

    Raises:
        OptionError: no tool could take one of them.
    """
    from vbench.catalog.prompt_lines import DRAWN, is_address

    places = [place for prompt in suite.prompts for place in (prompt.image, prompt.last_image, *prompt.references)]
    for place in dict.fromkeys(filter(None, places)):
        if not place.startswith(DRAWN) and not is_address(place):
            from vbench.video.pictures import check_picture

            check_picture(Path(place))
    return sum(bool(place) for place in places)


def _print_lint(suite: Suite, *, as_json: bool) -> None:
    """What is in a file that passed; what is wrong with another has been raised."""
    from collections import Counter

    n_pictures = _check_pictures(suite)
    tags = Counter(tag.partition(":")[0] for prompt in suite.prompts for tag in set(prompt.tags))
    n_expecting = sum(bool(prompt.expects) for prompt in suite.prompts)
    if as_json:
        print_json(
            {
                "name": suite.name,
                **_facts(suite),
                "tags": dict(tags),
                "n_with_expects": n_expecting,
                "n_pictures": n_pictures,
                "notes": suite.notes,
            }
        )
        return
    facets = ", ".join(f"{name} {n}" for name, n in tags.most_common())
    pictures = f", {n_pictures} pictures" if n_pictures else ""
    print_line(
        f"{suite.path}: {len(suite.prompts)} prompts{pictures}, {n_expecting} say what they expect; tags: "
        f"{facets or 'none'}"
    )
    for note in suite.notes:
        print_line(f"note: {note}")
