"""What a model is given: features in the places, the shapes and the types that its inputs have.

Must not: run a model, or change a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from audit.edge.features import Features, convert_feature
from audit.errors import QuestionError, no_such, printable

if TYPE_CHECKING:
    import numpy as np

WHOLE = ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")
TYPES = {
    f"tensor({name})": {"float": "float32", "double": "float64"}.get(name, name)
    for name in ("float", "double", "float16", "bool", *WHOLE)
}
"""Types of inputs that rows of numbers can be given to, by the name of numpy."""
Feed = Mapping[str, "np.ndarray"]
ONE_TABLE = "export it with one input of rows by features, or with an input for each feature, named like it"


def make_feed(model: str, inputs: Sequence[Any], features: Features) -> Feed:
    """Return the inputs of a model for all rows.

    A model with one input gets the features side by side; a model with an input for each feature gets each by its name.

    Parameters
    ----------
    model
        What the model is called in a refusal.
    inputs
        As the engine lists them: each with its name, type and shape.
    features
        What all models see.

    Raises
    ------
    QuestionError
        When the features do not fit the inputs.
    ValuesError
        When a value does not fit the type of an input.
    """
    if not inputs:
        raise QuestionError(f"{model} takes no input, so that it gives every row one answer; {ONE_TABLE}")
    strange = next((i for i in inputs if i.type not in TYPES), None)
    if strange is not None:
        raise QuestionError(
            f"{model}: input '{printable(strange.name)}' is {strange.type}, and only numbers can be fed; export it "
            "with inputs of numbers, such as float32"
        )
    # The engine gives an input of unknown shape no dimensions.
    if len(inputs) == 1 and (len(inputs[0].shape) == 2 or (not inputs[0].shape and _is_unnamed(inputs[0], features))):
        return _feed_side_by_side(model, inputs[0], features)
    return dict(_feed_by_name(model, inputs, features))


def _is_unnamed(given: Any, features: Features) -> bool:
    return given.name not in features.columns


def _feed_side_by_side(model: str, given: Any, features: Features) -> Feed:
    """Return all features as the columns of one input."""
    import numpy as np

    width, named = given.shape[1] if given.shape else None, len(features.columns)
    if isinstance(width, int) and width != named:
        raise QuestionError(f"{model} takes {width} features, and {named} are named; name those it was trained on")
    wanted = TYPES[given.type]
    each = [convert_feature(model, name, column, wanted) for name, column in features.columns.items()]
    return {given.name: np.ascontiguousarray(np.column_stack(each))}


def _feed_by_name(model: str, inputs: Sequence[Any], features: Features) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each input with the feature of its name, as a column where the model wants one."""
    import numpy as np

    for wanted in inputs:
        shape = tuple(wanted.shape)
        if len(shape) > 2 or (len(shape) == 2 and isinstance(shape[1], int) and shape[1] != 1):
            sizes = " × ".join(str(size or "?") for size in shape)
            raise QuestionError(f"{model}: input '{printable(wanted.name)}' is {printable(sizes)}; {ONE_TABLE}")
        if wanted.name not in features.columns:
            missing = no_such("feature", wanted.name, features.columns)
            raise QuestionError(f"{model}: {missing}; name it, or {ONE_TABLE}")
        given = convert_feature(model, wanted.name, features.columns[wanted.name], TYPES[wanted.type])
        column = np.ascontiguousarray(given)
        yield wanted.name, column.reshape(-1, 1) if len(shape) == 2 else column
