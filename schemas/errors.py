"""Errors are verdicts: the class of an error decides what happens next.

``InvalidEventError``
    The lead can't be scored, now or later: it goes to the dead-letter topic.
``FatalError``
    Unrecoverable: stop, and commit nothing that was not written.
``StartupError``
    The environment does not allow a start: exit code 3.
``InputError``
    A file or an option of a command is unusable: exit code 2.

Every message says what was expected, what was found, and what to do.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.urls import mask_url

__all__ = [
    "ErrorCode",
    "FatalError",
    "InputError",
    "InvalidEventError",
    "LeadScoreError",
    "LoadFailure",
    "StartupError",
]


class ErrorCode(StrEnum):
    """Why a lead became a dead letter: a header of the dead letter and a label of its metric."""

    WIRE_FORMAT = "WIRE_FORMAT"
    """The value is empty, or its first byte belongs to no known wire format."""
    SCHEMA = "SCHEMA"
    """The writer's schema is unknown: no schema file has the fingerprint."""
    SCHEMA_ID = "SCHEMA_ID"
    """The schema registry does not have the lead's schema id, or could not be asked within
    LEADSCORE_SCHEMA_REGISTRY_WAIT_SECONDS."""
    INCOMPATIBLE = "INCOMPATIBLE"
    """The schema that the registry has under the lead's id can't be read as a lead: it has no
    ``lead_id`` or ``created_at``, or is not a usable record schema."""
    PROTOBUF = "PROTOBUF"
    """The lead's schema id belongs to a Protobuf schema, which is not read."""
    DECODE = "DECODE"
    """The bytes are not a record of their schema, or not JSON."""
    VALIDATION = "VALIDATION"
    """``lead_id`` or ``created_at`` is missing or invalid, or two names match one field. Of an
    outcome: ``lead_id``, ``outcome`` or ``occurred_at`` is missing or invalid."""
    TYPE = "TYPE"
    """A field that the model reads has a value of the wrong type, or an outcome has a wrong
    ``value`` or ``currency``."""
    TIME = "TIME"
    """``created_at``, ``occurred_at`` of an outcome, or a time that the model reads, is outside
    the plausible range."""
    NOT_FINITE = "NOT_FINITE"
    """A number that the model reads is NaN or infinite."""
    TOO_LARGE = "TOO_LARGE"
    """The event, or its batch, is larger than the limit."""
    FEATURES = "FEATURES"
    """Too few of the model's fields are present, and LEADSCORE_LOW_COVERAGE is `refuse`."""
    OUTPUT_TOO_LARGE = "OUTPUT_TOO_LARGE"
    """The scored event is larger than its topic accepts."""
    UNREADABLE = "UNREADABLE"
    """The Kafka record around the lead is damaged, or a header's name is not UTF-8."""
    ATTEMPTS = "ATTEMPTS"
    """The record was processed too often: outputs of workers come back to the leads topic."""
    SINK_REFUSED = "SINK_REFUSED"
    """The target of a sink refused the record; its dead letter is in the topic of the sinks."""


class LoadFailure(StrEnum):
    """Why a model could not be loaded: a label of its metric. The load is retried in any case."""

    NOT_FOUND = "not_found"
    """The registry has no such model, version or alias."""
    UNAVAILABLE = "unavailable"
    """The registry can't be read now, or the process that tries the model can't be started. The
    model may be good."""
    INCOMPLETE = "incomplete"
    """A file is missing, or does not have the hash in the manifest: half copied, or damaged."""
    REFUSED = "refused"
    """The model is not one of LeadScore's, or its scores for the golden rows differ."""
    CONTRACT = "contract"
    """The model reads fields that the leads' contract does not promise."""
    CRASHED = "crashed"
    """The process that tried the model crashed."""
    OUT_OF_MEMORY = "out_of_memory"
    """The process that tried the model exceeded its memory limit."""
    TIMED_OUT = "timed_out"
    """The process that tried the model exceeded its time limit."""


class LeadScoreError(Exception):
    """Base of all errors that LeadScore raises on purpose.

    Parameters
    ----------
    message
        One sentence for people. The address of a store in it may have a password: that is masked.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(mask_url(message))


class InvalidEventError(LeadScoreError):
    """A lead that can't be scored: a dead letter.

    Parameters
    ----------
    code
        The reason, for the metric and the dead letter.
    message
        One sentence for people: what was expected, what was found, what to do. No field value.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def without_frames(self) -> InvalidEventError:
        """Drop the traceback and the context, and return the error: for one that is kept.

        They refer to the frames that raised it, and so to the batch's values. A frame that holds
        the error itself makes that a cycle, which only the garbage collector frees: seldom, and
        with large leads hundreds of megabytes late.
        """
        self.__context__ = None
        return self.with_traceback(None)


class FatalError(LeadScoreError):
    """Unrecoverable: the worker stops."""


class StartupError(FatalError):
    """The environment does not allow a start (exit code 3)."""


class InputError(LeadScoreError):
    """A file or an option of a command is invalid (exit code 2)."""
