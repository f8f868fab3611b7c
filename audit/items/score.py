"""Log-likelihoods of texts by any causal language model on this disk: for whoever has no log of a benchmark.

A text is scored as the sum of the log-probabilities of its tokens after the start token, in 32-bit floats on the CPU,
padded on the right. The result is a log as lm-evaluation-harness writes it, and is read as one.

Must not: touch the network, run code that comes with a model, or decide what a score means.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from audit.errors import MissingExtraError, QuestionError, SourceError, no_such, printable
from audit.items.item import shown_name

OPTIONS = {
    "crows_pairs": ("sent_more", "sent_less"),
    "winobias": ("pro_stereotyped", "anti_stereotyped"),
}
"""Columns with the two texts, of benchmarks that are known by them."""
BATCH = 16
MOST_TOKENS = 4_096
GGUF = ".gguf"


class CausalModel(NamedTuple):
    """A model and its tokenizer, ready to score."""

    model: Any
    tokenizer: Any
    start: int
    """Token that stands before every text."""


def load_model(path: Path) -> CausalModel:
    """Load a causal language model from a folder, or from a GGUF file.

    Raises
    ------
    SourceError
        When there is no such folder or file, or it holds no causal language model.
    MissingExtraError
        When transformers, or what reads GGUF, is not installed.
    """
    if not path.exists():
        raise SourceError(
            f"{shown_name(path)} does not exist; a model is a folder with config.json and weights, or a .gguf file "
            "(nothing is downloaded)"
        )
    # Before the import: a file that is missing would otherwise be looked for on the network, for minutes.
    with _offline():
        return _load(path)


@contextmanager
def _offline() -> Iterator[None]:
    """Keep the hub's client from the network, and leave the environment as it was."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = before


def _load(path: Path) -> CausalModel:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtraError("transformers", "transformers", error) from error
    folder, named = (path, {}) if path.is_dir() else (path.parent, {"gguf_file": path.name})
    common: dict[str, Any] = {**named, "local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **common)
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **common).eval()
    except ImportError as error:
        raise MissingExtraError("gguf" if named else "transformers", "transformers", error) from error
    except (OSError, ValueError, KeyError) as error:
        raise SourceError(
            f"{shown_name(path)} holds no causal language model that transformers can load ({printable(error, 160)})"
        ) from error
    return CausalModel(model, tokenizer, _find_start(tokenizer, path))


def _find_start(tokenizer: Any, path: Path) -> int:
    """Return the token that begins a text; that which ends one where the model has no other, as GPT-2."""
    for token in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if isinstance(token, int):
            return token
    raise SourceError(f"{shown_name(path)}: the tokenizer has no start token, without which a first word has no score")


def score_texts(texts: Sequence[str], model: CausalModel, batch: int = BATCH) -> list[float]:
    """Return the log-likelihood of each text: natural log, summed over its tokens after the start token.

    Parameters
    ----------
    texts
        In any order; those of about one length are scored together.
    model
        From `load_model`.
    batch
        How many at once; more take more memory and give the same to about 1e-4.

    Raises
    ------
    SourceError
        When a text has no token, or more than the model takes.
    """
    ids = [_tokenize(text, model) for text in texts]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    found = [0.0] * len(ids)
    for at in range(0, len(order), batch):
        chosen = order[at : at + batch]
        for i, score in zip(chosen, _score_batch([ids[i] for i in chosen], model), strict=True):
            found[i] = score
    return found


def _tokenize(text: str, model: CausalModel) -> list[int]:
    ids: list[int] = [model.start, *model.tokenizer(text, add_special_tokens=False)["input_ids"]]
    most = min(getattr(model.model.config, "max_position_embeddings", MOST_TOKENS), MOST_TOKENS)
    if len(ids) < 2:
        raise SourceError(f"'{printable(text, 40)}' has no token of this model")
    if len(ids) > most:
        raise SourceError(
            f"'{printable(text, 40)}' has {len(ids):,} tokens, more than the {most:,} that the model takes"
        )
    return ids


def _score_batch(ids: Sequence[Sequence[int]], model: CausalModel) -> list[float]:
    """Return the log-likelihoods of texts of about one length."""
    import torch

    longest = max(map(len, ids))
    tokens = torch.full((len(ids), longest), model.start, dtype=torch.long)
    mask = torch.zeros((len(ids), longest), dtype=torch.long)
    for i, each in enumerate(ids):
        tokens[i, : len(each)] = torch.tensor(each)
        mask[i, : len(each)] = 1
    with torch.inference_mode():
        logits = model.model(input_ids=tokens, attention_mask=mask).logits
    shares = torch.log_softmax(logits[:, :-1].float(), dim=-1)
    # Rounding may leave the logarithm of a share near 1 just above 0.
    each = shares.gather(-1, tokens[:, 1:, None])[..., 0].double().clamp(max=0.0)
    # What stands after a text is never multiplied: its log-probability may be minus infinity, and 0 times that is NaN.
    kept = torch.where(mask[:, 1:] == 1, each, torch.zeros_like(each))
    return [float(total) for total in kept.sum(dim=1)]


def score_table(table: Path, model: Path, into: Path, options: Sequence[str] = (), rows: int | None = None) -> int:
    """Write a log with the log-likelihoods of two or more texts of each row; return how many rows.

    Parameters
    ----------
    table
        With a column for each text.
    model
        Folder or GGUF file.
    into
        Log to write, a .jsonl that does not exist.
    options
        Columns of the texts; those of a benchmark that is known where none are named.
    rows
        How many rows from the top; all where none is given.

    Raises
    ------
    QuestionError
        When the columns are not named, or the log exists.
    SourceError
        When the table or the model cannot be read.
    """
    from audit.items.formats.plain import read_rows
    from audit.system.atomic import write_text

    if into.suffix != ".jsonl":
        raise QuestionError(f"--into {shown_name(into)}: a log is JSON Lines; give a name that ends in .jsonl")
    if into.exists():
        raise QuestionError(f"'{shown_name(into)}' exists and is not overwritten; choose another name")
    docs = list(islice(read_rows(table), rows))
    if not docs:
        raise SourceError(f"{shown_name(table)} has no rows")
    columns = _choose_options(docs[0], options, table)
    texts = [_read_text(doc, name, at, table) for at, doc in enumerate(docs) for name in columns]
    scores = score_texts(texts, load_model(model))
    width = len(columns)
    lines = [_to_line(at, doc, scores[at * width : (at + 1) * width]) for at, doc in enumerate(docs)]
    write_text(into, "".join(lines))
    return len(docs)


def _choose_options(doc: Mapping[str, Any], options: Sequence[str], table: Path) -> Sequence[str]:
    if options:
        strange = next((name for name in options if name not in doc), None)
        if strange is not None:
            raise QuestionError(f"--options: {no_such('column', strange, doc)}")
        if len(options) < 2:
            raise QuestionError("--options names one column; name the columns of at least two texts")
        return options
    for columns in OPTIONS.values():
        if set(columns) <= set(doc):
            return columns
    raise QuestionError(f"{shown_name(table)} is no benchmark that is known; name the columns of the texts (--options)")


def _read_text(doc: Mapping[str, Any], name: str, at: int, table: Path) -> str:
    text = doc[name]
    if isinstance(text, str) and text:
        return text
    raise SourceError(f"{shown_name(table)}: row {at + 1} has no text in '{printable(name)}'")


def _to_line(at: int, doc: Mapping[str, Any], scores: Sequence[float]) -> str:
    """Return a line of the log, named by the hash of what is scored as the harness names its items."""
    written = json.dumps(doc, indent=2, ensure_ascii=False, default=str)
    name = hashlib.sha256(written.encode()).hexdigest()
    responses = [[repr(score), "False"] for score in scores]
    line = {"doc_id": at, "doc": doc, "target": "", "filtered_resps": responses, "filter": "none", "doc_hash": name}
    return json.dumps(line, ensure_ascii=False, default=str) + "\n"
