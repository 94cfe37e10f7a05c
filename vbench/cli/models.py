"""`vbench models`: which tools there are, what can run here now, and what is missing."""

from __future__ import annotations

import json as jsonlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbench.cli.options import EXIT_FAILURES, Json, print_json, print_line
from vbench.cli.output import download_bar
from vbench.errors import AuthError, CatalogError, JobError, OptionError, as_typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vbench.adapters import Adapter
    from vbench.adapters.contract import Missing
    from vbench.catalog.cards import ModelCard

SAMPLE = "A red ball rolls along a wooden table, the camera follows it slowly."
Territory = Annotated[
    str,
    typer.Option(envvar="VBENCH_TERRITORY", help="Where you are (DE, KR, ...): some weights' licences exclude it."),
]


def models(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID...] | check ID... | pull ID... | offers ID", help="Tools; none: all."),
    ] = None,
    territory: Territory = "",
    ready: Annotated[bool, typer.Option("--ready", help="Only tools that can run here now.")] = False,
    rights: Annotated[
        bool, typer.Option("--rights", help="What one may do with the clips, as the makers say.")
    ] = False,
    json: Json = False,
) -> None:
    """List the tools: what can run here, and what is missing. `check ID` does all but spend; `pull ID` gets weights."""
    from vbench.catalog.cards import cards, find_card

    names = list(words or [])
    if names[:1] == ["check"]:
        if not names[1:]:
            raise OptionError("`vbench models check` needs a tool; give an id, as in `vbench models check kling-v3`")
        _check([find_card(name) for name in names[1:]], territory, json)
        return
    if names[:1] == ["pull"]:
        if not names[1:]:
            raise OptionError("`vbench models pull` needs a tool; give an id, as in `vbench models pull wan-2.2-5b`")
        _pull([find_card(name) for name in names[1:]], json)
        return
    if names[:1] == ["offers"]:
        if len(names) != 2:
            raise OptionError("`vbench models offers` needs one tool, as in `vbench models offers openrouter`")
        _offers(find_card(names[1]), json)
        return
    chosen = [find_card(name) for name in names] if names else list(cards().values())
    if rights:
        _rights(chosen, json)
        return
    rows = [row for row in _rows(chosen, territory) if not ready or row["ready"]]
    if json:
        print_json({"tools": rows})
        return
    if names:
        for card, row in zip(chosen, rows, strict=False):
            _describe(card, row)
        return
    _table(rows)


def _rows(chosen: Sequence[ModelCard], territory: str) -> list[dict[str, Any]]:
    """What each tool is and lacks; servers of one's own are knocked at, all at once."""
    from vbench.adapters.readiness import lacking

    return [_row(card, lacks) for card, lacks in zip(chosen, lacking(chosen, territory=territory), strict=True)]


def _row(card: ModelCard, lacks: Sequence[Missing]) -> dict[str, Any]:
    return {
        "id": card.id,
        "name": card.name,
        "vendor": card.vendor.name,
        "adapter": card.adapter,
        "status": card.status,
        "ready": not any(lack.is_certain for lack in lacks),
        "billed": card.is_billable,
        "open_weights": card.open_weights,
        "licence": card.licence.weights,
        "price": _price(card),
        "missing": [
            {"kind": lack.kind, "message": as_typed(lack.message), "certain": lack.is_certain} for lack in lacks
        ],
        "card": str(card.path),
    }


def _price(card: ModelCard) -> str:
    """The card's price in words."""
    if not card.is_billable:
        return "free"
    if card.price is None:
        return "unknown"
    rate = card.price.usd_per_s if card.price.usd_per_s is not None else card.price.usd_per_clip
    unit = "s" if card.price.usd_per_s is not None else "clip"
    if isinstance(rate, dict):
        low, high = min(rate.values()), max(rate.values())
        return f"${low:g} to ${high:g}/{unit}" if low != high else f"${low:g}/{unit}"
    return f"${rate:g}/{unit}"


def _table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        print_line("no tool can run here now; `vbench models` says what each one misses")
        return
    head = {"id": "ID", "name": "NAME", "price": "PRICE"}
    width = {key: max(len(head[key]), *(len(str(row[key])) for row in rows)) for key in head}
    print_line(
        f"    {head['id']:{width['id']}}  {head['name']:{width['name']}}  {head['price']:{width['price']}}  MISSING"
    )
    for row in rows:
        mark = "yes" if row["ready"] else " - "
        lacks = "; ".join(lack["message"] for lack in row["missing"])
        cells = "  ".join(f"{row[key]!s:{width[key]}}" for key in head)
        print_line(f"{mark} {cells}  {lacks}".rstrip())
    n_ready = sum(row["ready"] for row in rows)
    print_line(f"\n{n_ready} of {len(rows)} can run here now; `vbench models check ID` tries one without spending")


def _describe(card: ModelCard, row: dict[str, Any]) -> None:
    licence = card.licence
    lines = {
        "vendor": " ".join(filter(None, [card.vendor.name, card.vendor.country and f"({card.vendor.country})"])),
        "status": card.status + (f", {card.retired_on}" if card.retired_on else ""),
        "price": row["price"] + (f" ({card.price.source}, {card.price.checked_on})" if card.price else ""),
        "licence": licence.weights
        + (f", not in {', '.join(licence.territory_excludes)}" if licence.territory_excludes else ""),
        "can": ", ".join(f"{k}: {v}" for k, v in card.capabilities.model_dump().items()),
        "region": card.region_notes.strip(),
        "notes": card.notes.strip(),
        "sources": "; ".join(f"{source.url} ({source.checked_on})" for source in card.sources),
        "missing": "; ".join(lack["message"] for lack in row["missing"]) or "nothing",
        "card": row["card"],
    }
    print_line(f"{card.id}: {card.name}")
    for name, text in lines.items():
        if text:
            print_line(f"  {name:8} {text}")


def _pull(chosen: list[ModelCard], as_json: bool) -> None:
    """Get the weights of tools of this machine, after it is sure that they fit."""
    from vbench.adapters import adapter_class
    from vbench.adapters.repositories import check_room, get, listing

    wanted = []
    for card in chosen:
        repositories = adapter_class(card.adapter).repositories(card)
        if not repositories:
            raise OptionError(
                f"{card.id} loads no weights that could be got; `vbench models {card.id}` says what it needs"
            )
        wanted += [listing(repository) for repository in repositories]
    n_bytes = check_room(wanted)
    if not as_json:
        for each in wanted:
            size = sum(file.size for file in each.files)
            print_line(f"{each.repository.repo} at {each.commit[:12]}: {len(each.files)} files, {size / 2**30:.2f} GiB")
        print_line(f"{n_bytes / 2**30:.2f} GiB to get" if n_bytes else "all of it is here")
    with download_bar(quiet=as_json) as progress:
        folders = [str(get(each, progress(each.repository.repo))) for each in wanted]
    if as_json:
        print_json(
            {
                "weights": [
                    {"repo": each.repository.repo, "commit": each.commit, "n_files": len(each.files), "folder": folder}
                    for each, folder in zip(wanted, folders, strict=True)
                ]
            }
        )
    elif n_bytes:
        print_line("all of it is here now")


def _rights(chosen: list[ModelCard], as_json: bool) -> None:
    """What the makers of tools say on commercial use and the rest."""
    if as_json:
        print_json({"tools": [{"id": card.id, "name": card.name, "rights": card.rights.as_dict()} for card in chosen]})
        return
    for card in chosen:
        print_line(f"{card.id}: {card.name}")
        for name, right in card.rights.as_dict().items():
            said = f": {right['says']}" if right["says"] else ""
            source = f" ({right['source']}, {right['checked_on']})" if right["source"] else ""
            print_line(f"  {name.replace('_', ' '):16} {right['answer']}{said}{source}")
    print_line("\nNot legal advice: each line says where and when it was read, and `not stated` that nobody found it")


def _offers(card: ModelCard, as_json: bool) -> None:
    """What a gateway's live catalogue holds."""
    from dataclasses import asdict

    from vbench.adapters import adapter_class

    adapter = adapter_class(card.adapter)(card)
    try:
        offers = adapter.offers()
    finally:
        adapter.close()
    if not offers:
        raise OptionError(f"{card.id} is one model and has no catalogue; `vbench models {card.id}` describes it")
    if as_json:
        print_json({"offers": [asdict(offer) for offer in offers]})
        return
    width = max(len(offer.id) for offer in offers)
    for offer in offers:
        facts = [offer.price, offer.seconds, " ".join(offer.resolutions), offer.since and f"since {offer.since}"]
        facts.append(offer.ends and f"ends {offer.ends}")
        print_line(f"{offer.id:{width}}  {'; '.join(filter(None, facts))}")


def _check(chosen: list[ModelCard], territory: str, as_json: bool) -> None:
    """All but spend: what is missing, the body that would be sent, its price, and whether the tool answers."""
    from vbench.adapters import adapter_class
    from vbench.records import Prompt, Request

    reports = []
    for card, row in zip(chosen, _rows(chosen, territory), strict=True):
        kind = adapter_class(card.adapter)
        adapter = kind(card)
        try:
            kind.check_card(card)
            request = Request(prompt=Prompt(id="sample", text=SAMPLE), seed=1)
            plan = adapter.plan(request)
            row |= {"body": dict(plan.body), "warnings": list(plan.warnings), "cost_usd": plan.cost_usd}
            row["answer"] = _answer(adapter, row)
        except (AuthError, JobError, CatalogError) as error:
            row |= {"ready": False, "error": as_typed(str(error))}
        finally:
            adapter.close()
        reports.append(row)
    if as_json:
        print_json({"tools": reports})
    else:
        for row in reports:
            _print_check(row)
    if not all(row["ready"] for row in reports):
        raise typer.Exit(EXIT_FAILURES)


def _answer(adapter: Adapter, row: dict[str, Any]) -> str:
    """What the tool itself says, where it can be asked at no cost."""
    if row["ready"]:
        return adapter.check()
    return "" if adapter.is_local else "not asked: something is missing"


def _print_check(row: dict[str, Any]) -> None:
    print_line(f"{row['id']}: {'can run here now' if row['ready'] else 'cannot run here now'}")
    for lack in row["missing"]:
        print_line(f"  {'missing' if lack['certain'] else 'note':8} {lack['message']}")
    if "error" in row:
        print_line(f"  error    {row['error']}")
    if "body" in row:
        print_line(f"  sends    {jsonlib.dumps(row['body'], ensure_ascii=False)}")
        cost = row["cost_usd"]
        print_line(
            f"  costs    {'unknown: the card has no price for this' if cost is None else f'${cost:g} for one clip'}"
        )
    for warning in row.get("warnings", []):
        print_line(f"  warning  {warning}")
    if row.get("answer"):
        print_line(f"  answer   {row['answer']}")
