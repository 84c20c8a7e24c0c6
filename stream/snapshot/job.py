"""One snapshot, in the process that `leadscore snapshot` starts for it."""

from __future__ import annotations

import asyncio

import click

from stream.process.exit_codes import exit_codes
from stream.process.priority import give_way
from stream.settings import load_settings
from stream.snapshot.request import Order
from stream.snapshot.take import take_snapshot

__all__ = ["main"]


@click.command()
@click.argument("order")
def main(order: str) -> None:
    """Write the snapshot that ORDER (JSON) describes, and print its summary as JSON."""
    give_way()
    with exit_codes():
        wanted = Order.model_validate_json(order)
        summary = asyncio.run(take_snapshot(load_settings(), wanted))
    click.echo(summary.model_dump_json())


if __name__ == "__main__":
    main()
