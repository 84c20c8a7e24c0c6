"""The model without reasons: the same trees, but only the margin as output.

LeadScore's own model also sums the contribution of every field in the same pass over the trees. A
program without reasons would not need that, so the contenders get this model.
"""

from __future__ import annotations

from typing import Any

import onnx
from onnx import helper

__all__ = ["without_contributions"]

PER_LEAF = ("target_treeids", "target_nodeids", "target_ids", "target_weights")


def without_contributions(content: bytes) -> bytes:
    """Remove the reasons from a model.

    Parameters
    ----------
    content
        The bytes of LeadScore's ``model.onnx``.

    Returns
    -------
    bytes
        A model of the same input, with the output ``probability`` float32 (n, 1) alone; the
        metadata are the same.
    """
    model = onnx.load_model_from_string(content)
    [trees] = [node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor"]
    kept_nodes = [node for node in model.graph.node if node.output[0] in (*INPUT, *CALIBRATION)]
    attributes = {a.name: helper.get_attribute_value(a) for a in trees.attribute}
    margin = attributes["n_targets"] - 1
    at = [i for i, target in enumerate(attributes["target_ids"]) if target == margin]
    kept: dict[str, Any] = {name: [attributes[name][i] for i in at] for name in PER_LEAF}
    kept |= {"n_targets": 1, "target_ids": [0] * len(at)}
    constants = {c.name: c for c in model.graph.initializer}
    graph = helper.make_graph(
        [
            *kept_nodes[: len(INPUT)],
            helper.make_node(
                "TreeEnsembleRegressor",
                list(trees.input),
                ["margin"],
                domain=trees.domain,
                **{**attributes, **kept},
            ),
            # Only the steps from the margin to the probability, unchanged.
            *kept_nodes[len(INPUT) :],
        ],
        "lead_score_alone",
        list(model.graph.input),
        [output for output in model.graph.output if output.name == "probability"],
        initializer=[
            constant
            for name, constant in constants.items()
            if any(name in node.input for node in kept_nodes)
        ],
    )
    plain = helper.make_model(
        graph, opset_imports=list(model.opset_import), ir_version=model.ir_version
    )
    plain.metadata_props.extend(model.metadata_props)
    onnx.checker.check_model(plain)
    return bytes(plain.SerializeToString(deterministic=True))


INPUT = ("is_missing", "low", "twice")
"""The values between the features and the trees in the graph of ``model.training.export``."""
CALIBRATION = (
    *("margin_64", "scaled", "logit", "padded_logit"),
    *("padded_probability", "probability_64", "probability"),
)
"""The values between the margin and the score in the graph of ``model.training.export``."""
