"""The command `vbench ui`: opens the page over a workspace."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from vbench.cli.options import BenchPath, option, print_line, takes
from vbench.errors import OptionError

DEFAULT_PORT = 7860


ORIGINS = (
    option(
        "trusted_origin",
        list[str] | None,
        help="Address under which a proxy shows the page, as https://name; may be given again.",
    ),
    option(
        "framed_by",
        list[str] | None,
        help="Page that may show it in a frame, such as a notebook's; may be given again.",
    ),
)


@takes("origins", ORIGINS)
def ui(
    origins: Mapping[str, Any],
    bench: BenchPath = None,
    host: Annotated[str, typer.Option(help="Address to bind to; others can reach any but 127.0.0.1.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = DEFAULT_PORT,
    auth: Annotated[
        Path | None, typer.Option(help="File of accounts, name:HASH a line; make one with --hash-password.")
    ] = None,
    unsafe_public: Annotated[
        bool, typer.Option("--unsafe-public", help="No accounts: anyone may look and vote, nobody may do more.")
    ] = False,
    hash_password: Annotated[
        bool, typer.Option("--hash-password", help="Ask for a password, print its line for --auth, and end.")
    ] = False,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")] = False,
) -> None:
    """Open the page: compare takes, note, vote, choose, export, generate."""
    if hash_password:
        _print_hash()
        return
    if auth is not None and unsafe_public:
        raise OptionError("--auth and --unsafe-public say opposite things; give one")
    from vbench.bench import Bench
    from vbench.web.serve import bind, serve
    from vbench.web.server import build

    bound = bind(host, port)
    with bound, Bench.open(bench) as opened:
        app = build(
            opened,
            host=host,
            auth=auth,
            public=unsafe_public,
            trusted_origins=origins["trusted_origin"] or (),
            framed_by=origins["framed_by"] or (),
        )
        name = "localhost" if host in ("127.0.0.1", "::1") else host
        address = f"http://{name}:{bound.getsockname()[1]}/"
        print_line(f"vbench shows {opened.root} at {address}   (Ctrl-C stops it)")
        sys.stdout.flush()
        if open_browser:
            import webbrowser

            webbrowser.open(address)
        serve(app, bound)


def _print_hash() -> None:
    from vbench.web.security.auth import hash_password

    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise OptionError("the two differ; try again")
    else:
        password = sys.stdin.readline().rstrip("\n")
    print_line(hash_password(password))
