"""`vbench review`: links by which guests see chosen takes on the page, made, listed and taken back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbench.cli.options import BenchPath, Json, names, print_json, print_line
from vbench.cli.selects import states_of
from vbench.cli.ui import DEFAULT_PORT
from vbench.errors import OptionError

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.records import Review

app = typer.Typer(no_args_is_help=True, help="Let guests watch chosen takes, write notes on them and approve them.")
Page = Annotated[str, typer.Option(help="Address of the page, as guests reach it.")]
HERE = f"http://localhost:{DEFAULT_PORT}"


@app.command()
def create(
    *,
    bench: BenchPath = None,
    state: Annotated[
        str, typer.Option(help="Takes in these states, with commas: maybe, selected, approved, open.")
    ] = "selected,approved",
    clips: Annotated[str | None, typer.Option(help="Instead: ids of takes, with commas.")] = None,
    title: Annotated[str, typer.Option(help="What guests read above the takes.  [default: name of the bench]")] = "",
    blind: Annotated[bool, typer.Option("--blind", help="No names of tools, and pictures of one height.")] = False,
    days: Annotated[float, typer.Option(help="After which the link opens nothing.")] = 14,
    page: Page = HERE,
    as_json: Json = False,
) -> None:
    """Make a link for guests; its password, $VBENCH_REVIEW_PASSWORD or a new one, is printed once."""
    from vbench.bench import Bench
    from vbench.web.guests import new_review

    with Bench.open(bench, create=False) as opened:
        ids = [opened.clip(id).id for id in names(clips)] if clips is not None else _in_states(opened, state)
        password = os.environ.get("VBENCH_REVIEW_PASSWORD", "")
        review, told = new_review(opened, ids, title=title, password=password, is_blind=blind, days=days)
        row = _row(opened, review, page)
    if as_json:
        print_json({"review": row | {"password": told}})
        return
    print_line(f"{row['url']}\npassword: {told}")
    print_line(f"{len(ids)} takes{', blind' if blind else ''}, open until {review.expires}; the page has to be running")


def _in_states(bench: Bench, text: str) -> list[str]:
    states = states_of(text) or set()
    if "reject" in states:
        raise OptionError("`state=` has reject; rejected takes are not shown to guests, leave it out")
    choices = bench.last_selects()
    ids = [clip.id for clip in bench.clips() if (choices[clip.id].state if clip.id in choices else "") in states]
    if not ids:
        raise OptionError("no take is in these states; select some on the page, or name takes with `clips=`")
    return ids


@app.command("list")
def list_reviews(*, bench: BenchPath = None, page: Page = HERE, as_json: Json = False) -> None:
    """List the links of a bench, with what guests said."""
    from vbench.bench import Bench

    with Bench.open(bench, create=False) as opened:
        rows = [_row(opened, review, page) for review in opened.reviews()]
    if as_json:
        print_json({"rows": rows})
        return
    for row in rows:
        said = f"{row['n_notes']} notes, {row['n_approved']} approved, {row['n_changes']} to change"
        print_line(f"{row['state']:<8}  {row['title']}  {len(row['clips'])} takes  {said}  {row['url']}")
    if not rows:
        print_line("no review link yet; vbench review create makes one of the selected takes")


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Address of the link, or what follows the last / of it.")],
    *,
    bench: BenchPath = None,
) -> None:
    """Take a link back, at once; what guests said stays."""
    from vbench.bench import Bench

    token = token.rstrip("/").rpartition("/")[2]
    with Bench.open(bench, create=False) as opened:
        if not opened.revoke_review(token):
            raise OptionError(f"no open review link {token!r} in {opened.root}; see vbench review list")
    print_line("taken back; whoever opens it reads so")


def _row(bench: Bench, review: Review, page: str) -> dict[str, Any]:
    from vbench.web.guests import review_row

    row = review_row(bench, review)
    return row | {"url": page.rstrip("/") + row["path"]}
