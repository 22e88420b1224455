"""What everything in the rows of a run has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Record(BaseModel):
    """Base of what the ledger stores: camelCase keys, unknown keys of a newer version are left alone."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class ErrorRecord(Record):
    """A code of the vocabulary and what to do next."""

    code: str
    message: str
