"""Settings: the models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stream.settings.base import Count, Seconds, SettingsGroup

__all__ = ["ModelSettings"]


class ModelSettings(SettingsGroup):
    """Models: the registry, and the model that scores."""

    registry: Annotated[str, Field(min_length=1)] = "models"
    """Location of the models: a folder, or a URL that fsspec supports."""

    model: Annotated[str, Field(min_length=1)] = "leads"
    """The model that scores: `name@alias`, `name/version`, or `name`, which means its production
    alias if one is set, else its newest version that is not archived."""

    pinned_model: Literal["follow", "ignore"] = "follow"
    """Model for records that an earlier worker may have scored: `follow`, the one that the group's
    commits name; or `ignore`, the current one, if the pinned model makes workers crash."""

    engine: Literal["auto", "compiled", "onnxruntime"] = "auto"
    """Engine of ONNX models. `auto`: compiled trees for models where they give the bits of ONNX
    Runtime and were measured to be faster, else ONNX Runtime. `compiled`: only compiled trees;
    other models are refused. `onnxruntime`: only ONNX Runtime."""

    model_poll_seconds: Seconds = 2.0
    """Interval at which the model's alias is checked."""

    operator: Annotated[str, Field(max_length=100)] = ""
    """Name under which `leadscore models` records changes of aliases in the registry's history;
    default: the user of the operating system."""

    model_threads: Count = 1
    """Number of threads that a model uses for one batch."""
