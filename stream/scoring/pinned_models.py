"""The models that commits name: loaded when a partition starts whose records they have scored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from model.registry import ModelNotFoundError
from stream.kafka.commit_metadata import ModelPin
from stream.process.backoff import MODEL_LOAD_PAUSE
from stream.scoring.model_changes import ModelChanges
from stream.scoring.serving_model import Serving

__all__ = ["PinnedModels"]

log = logging.getLogger(__name__)

LOAD_ATTEMPTS = 3
"""Attempts to load a model that the registry has: it may be slow to answer."""


class PinnedModels:
    """Loads the models that commits name.

    Parameters
    ----------
    changes
        The worker's models.
    load
        Loads the models of a pin; may block.
    on_missing
        Called when a model can't be loaded.
    ignores_pins
        Whether the current model scores everything, whatever commits say.
    """

    def __init__(
        self,
        changes: ModelChanges,
        load: Callable[[ModelPin], Serving],
        on_missing: Callable[[], None],
        *,
        ignores_pins: bool = False,
    ) -> None:
        self._changes = changes
        self._load = load
        self._on_missing = on_missing
        self._ignores_pins = ignores_pins
        self._loading = asyncio.Lock()

    async def available(self, pin: ModelPin, offset: int) -> ModelPin:
        """Return the pin if its model is loaded, else that of the current model from an offset on.

        Parameters
        ----------
        pin
            As a commit names it.
        offset
            The offset of the commit.
        """
        if not self._ignores_pins and await self._is_loaded(pin):
            return pin
        current = self._changes.current
        assert current is not None
        return current.pin(offset)

    async def _is_loaded(self, pin: ModelPin) -> bool:
        async with self._loading:  # all partitions start at once, mostly with the same model
            if self._changes.has(pin):
                return True
            error: Exception | None = None
            for _ in range(LOAD_ATTEMPTS):
                try:
                    serving = await asyncio.to_thread(self._load, pin)
                except ModelNotFoundError as found:
                    error = found
                    break
                except Exception as found:  # any error: the current model can score instead
                    error = found
                    await asyncio.sleep(MODEL_LOAD_PAUSE)
                else:
                    self._changes.keep(serving)
                    return True
            log.error(
                "model %s/%s%s, by which records were scored that may be scored again, can't be "
                "loaded: they are scored by the current model, with other event ids: %s",
                pin.model.id,
                pin.model.version,
                "" if pin.canary is None else f", or its canary {pin.canary.model.version}",
                error,
            )
            self._on_missing()
            return False
