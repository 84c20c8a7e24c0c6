"""The manifest of a backfill, in its output folder: the plan, and the results of its parts."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from lake.output import OutputFolder
from lake.plan import Account, PartAccount, Plan, sum_up
from schemas.errors import InputError

__all__ = ["Manifest"]

FOLDER = "_manifest"
PLAN = f"{FOLDER}/plan.json"
PARTS = f"{FOLDER}/parts"
ACCOUNT = f"{FOLDER}/account.json"

Model = TypeVar("Model", bound=BaseModel)


class Manifest:
    """The manifest in an output folder.

    ``_manifest/plan.json`` is written first, ``_manifest/parts/*.json`` with each part that is
    complete, ``_manifest/account.json`` last. None is ever replaced.

    Parameters
    ----------
    out
        The output folder.
    """

    def __init__(self, out: OutputFolder) -> None:
        self._out = out

    def plan(self) -> Plan | None:
        """Return the plan; None if there is none yet.

        Raises
        ------
        InputError
            The folder has a plan of another format, or files but no plan.
        """
        content = self._out.read(PLAN)
        if content is not None:
            return _parsed(Plan, content, f"{self._out.location}/{PLAN}")
        if not self._out.is_unused():
            raise InputError(
                f"{self._out.location} was expected to be empty or missing, or to have the plan of"
                " a backfill, but it has other files: name another folder with --out."
            )
        return None

    def write_plan(self, plan: Plan) -> Plan:
        """Write the plan, unless another process was faster; return the one that counts."""
        if self._out.create(PLAN, _json(plan)):
            return plan
        there = self.plan()
        assert there is not None
        return there

    def done(self) -> set[int]:
        """Return the numbers of the parts that are complete."""
        return {int(name.removesuffix(".json")) for name in self._out.names(PARTS)}

    def part(self, number: int) -> PartAccount | None:
        """Return the account of a part; None if it is not complete."""
        name = f"{PARTS}/{number:05}.json"
        content = self._out.read(name)
        if content is None:
            return None
        return _parsed(PartAccount, content, f"{self._out.location}/{name}")

    def write_part(self, account: PartAccount) -> None:
        """Declare a part complete."""
        self._out.create(f"{PARTS}/{account.part:05}.json", _json(account))

    def account(self, numbers: Collection[int]) -> Account:
        """Return the account of some parts, of those that are complete."""
        found = (self.part(number) for number in sorted({*numbers} & self.done()))
        return sum_up([part for part in found if part is not None])

    def finish(self, plan: Plan) -> Account | None:
        """Write the account of the whole if all parts are complete; else return None."""
        if len(self.done()) < len(plan.parts):
            return None
        account = self.account(range(len(plan.parts)))
        self._out.create(ACCOUNT, _json(account))
        # Also by the next run, where the one that wrote the account was killed before it could.
        self._out.clear_scratch()
        return account


def _json(model: BaseModel) -> bytes:
    return model.model_dump_json(indent=1).encode() + b"\n"


def _parsed(kind: type[Model], content: bytes, name: str) -> Model:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise InputError(
            f"{name} was expected to be a manifest of this version of LeadScore, but it is not"
            f" ({error.error_count()} errors): name another folder with --out."
        ) from None
