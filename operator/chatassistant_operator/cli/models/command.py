"""`kubectl-assistant models`: the gateway's catalogue as a table, and the nearest models to a name."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from chatassistant_operator.api.policy import OPENROUTER
from chatassistant_operator.checks.suggestions import free_replacements, nearest
from chatassistant_operator.cli.failure import CommandError, ExitStatus, told
from chatassistant_operator.cli.models import shown
from chatassistant_operator.cli.models.changes import Remembered, Snapshot, changes, exchange
from chatassistant_operator.cli.options import Format, Output
from chatassistant_operator.cli.output import show
from chatassistant_operator.observed.gateway import Catalogue, Model
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.openrouter.errors import OpenRouterError

_SECONDS: Final = 30.0
_MILLION: Final = Decimal(1_000_000)
_HELP: Final = {"-h", "--help"}

Gateway = Annotated[
    str, typer.Option("--gateway", metavar="URL", help="The gateway whose models these are; no key is sent.")
]
Tokens = Annotated[
    int | None,
    typer.Option(
        "--context",
        metavar="TOKENS",
        min=0,
        help="The least context length, in tokens; no kubeconfig's context, as no cluster is asked.",
    ),
]


class _ListByDefault(TyperGroup):
    """A group whose `list` is meant where no command is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` before what is not a command."""
        if not args or (args[0] not in self.commands and not _HELP & set(args)):
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_ListByDefault, no_args_is_help=False)


@app.callback()
def _models() -> None:
    """Show the models there are: `models [WORD] [--free] [--tools] [--max-price USD] [--context TOKENS]`.

    `models suggest NAME` has the nearest to a name. `models list --help` tells the options; --context is a length in
    tokens here, since no cluster is asked.
    """


@app.command("list")
def list_(  # noqa: PLR0913, PLR0917 (one for each option)
    word: Annotated[
        str | None, typer.Argument(metavar="[WORD]", help="Only models with this in their id or name.")
    ] = None,
    free: Annotated[bool, typer.Option("--free", help="Only models that cost nothing.")] = False,
    tools: Annotated[bool, typer.Option("--tools", help="Only models that can call tools.")] = False,
    max_price: Annotated[
        float | None,
        typer.Option(
            "--max-price", metavar="USD", min=0, help="The most that a million tokens cost, in or out."
        ),
    ] = None,
    context: Tokens = None,
    gateway: Gateway = OPENROUTER,
    output: Output = Format.TABLE,
) -> None:
    """List the models that answer in text, the cheapest first, and what has changed since the last time.

    Exit status: 0 with a list; 1 when no model fits, or the gateway does not answer; 2 for an option that cannot be
    used.
    """
    with told():
        catalogue = asyncio.run(_catalogue(gateway))
        models = [each for each in catalogue.models.values() if each.answers_in_text]
        now = Snapshot(at=datetime.now(UTC), models={each.id: Remembered.of(each) for each in models})
        before = exchange(gateway, now)
        different = changes(before, now) if before else None
        most = None if max_price is None else Decimal(str(max_price)) / _MILLION
        fitting = [
            each
            for each in models
            if (word is None or word.lower() in f"{each.id} {each.name}".lower())
            and (each.free or not free)
            and (each.supports_tools or not tools)
            and (most is None or _costs_at_most(each, most))
            and (each.context_length or 0) >= (context or 0)
        ]
        if not fitting and output is Format.TABLE:
            raise CommandError(f"None of the {len(models)} models of {gateway} is like that: ask for less.")
        fitting.sort(key=_by_price)
        show(shown.data(fitting, different), output, shown.HEADINGS, map(shown.row, fitting))
        if output is Format.TABLE and different:
            typer.echo(shown.told(different))
        if not fitting:
            raise typer.Exit(ExitStatus.NO)


@app.command()
def suggest(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model's name, as far as it is known.")],
    tools: Annotated[bool, typer.Option("--tools", help="Only models that can call tools.")] = False,
    gateway: Gateway = OPENROUTER,
    output: Output = Format.TABLE,
) -> None:
    """Suggest models for a name: itself when it is offered, the nearest ones, and free ones that could replace it.

    Exit status: 0 with suggestions; 1 with none, or when the gateway does not answer.
    """
    with told():
        catalogue = asyncio.run(_catalogue(gateway))
        # What is nearest is told by author and slug; a person may know only one of them.
        wanted = name if "/" in name else f"/{name}"
        near = nearest(catalogue, wanted, tools=tools)
        instead = [each for each in free_replacements(catalogue, wanted) if each not in near]
        offered = catalogue.offers(name)
        kinds = {name: "offered"} if offered else dict[str, str]()
        kinds |= {id_: "nearest" for id_ in near if id_ not in kinds}
        kinds |= {id_: "free" for id_ in instead if id_ not in kinds}
        if not kinds:
            raise CommandError(
                f"{gateway} has nothing like {name!r}: `kubectl-assistant models` lists it all."
            )
        rows = ((kind, *_row(catalogue, id_)) for id_, kind in kinds.items())
        data = {"name": name, "offered": offered, "nearest": list(near), "free": instead}
        show(data, output, ("WHY", *shown.HEADINGS), rows)


def _row(catalogue: Catalogue, name: str) -> Sequence[str]:
    found = catalogue.find(name)
    # Routers stand in no catalogue.
    return shown.row(found) if found else (name, *[""] * (len(shown.HEADINGS) - 1))


async def _catalogue(gateway: str) -> Catalogue:
    async with OpenRouter() as openrouter:
        try:
            return await openrouter.models(gateway, _SECONDS)
        except OpenRouterError as error:
            raise CommandError(f"The list of models could not be read: {error}") from None


def _costs_at_most(model: Model, most: Decimal) -> bool:
    """Whether a token costs so much at most, in USD; not where nobody knows."""
    prices = model.prompt_price, model.completion_price
    return all(price is not None and price <= most for price in prices)


def _by_price(model: Model) -> tuple[bool, Decimal, str]:
    prices = model.prompt_price, model.completion_price
    known = [price for price in prices if price is not None]
    return len(known) < len(prices), sum(known, Decimal(0)), model.id
