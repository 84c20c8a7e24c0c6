"""A manifest survives JSON."""

from __future__ import annotations

from model.bundle import Artefacts
from model.manifest import Manifest


def test_a_manifest_survives_json(artefacts: Artefacts) -> None:
    manifest = Manifest.of("bank", "1", artefacts.files)
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest
