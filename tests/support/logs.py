"""Logs of benchmarks as tools write them, made for tests from the benchmarks' own files."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import duckdb

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def to_sample(number: int, doc: dict[str, Any], responses: list[Any], **more: Any) -> dict[str, Any]:
    """Return a line as lm-evaluation-harness writes it; its numbers are text."""
    return {
        "doc_id": number,
        "doc": doc,
        "target": "0",
        "arguments": {},
        "resps": [[response] for response in responses],
        "filtered_resps": responses,
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": f"{number:064x}",
        "prompt_hash": f"{number:064x}",
        "target_hash": f"{number:064x}",
        "acc": 1.0,
        **more,
    }


def likelihoods(*values: float) -> list[list[str]]:
    """Return responses of options with these log-likelihoods."""
    return [[str(value), "False"] for value in values]


def write_samples(path: Path, samples: list[dict[str, Any]]) -> Path:
    """Write a log of the harness."""
    path.write_text("".join(json.dumps(sample) + "\n" for sample in samples), encoding="utf-8")
    return path


def crows_pair(number: int, more: float, less: float, kind: str = "gender") -> dict[str, Any]:
    """Return one logged CrowS pair."""
    doc = {
        "id": number,
        "sent_more": f"more {number}",
        "sent_less": f"less {number}",
        "stereo_antistereo": 0,
        "bias_type": kind,
    }
    return to_sample(number, doc, likelihoods(more, less))


def read_stereoset(system: str) -> list[dict[str, Any]]:
    """Return StereoSet's clusters about race and religion as samples, with the scores of one system as likelihoods."""
    import math

    rows = duckdb.sql(f"""
        SELECT cluster_id, any_value(domain), any_value(target), list(sentence ORDER BY label),
               list(label ORDER BY label), list(agree ORDER BY label), list("score_{system}" ORDER BY label)
        FROM '{DATA}/stereoset/intrasentence_race_religion.parquet' GROUP BY cluster_id ORDER BY cluster_id
    """).fetchall()
    samples = []
    for number, (cluster, domain, target, sentences, labels, agree, scores) in enumerate(rows):
        doc = {
            "id": cluster,
            "target": target,
            "bias_type": domain,
            "sentences": [
                {
                    "sentence": text,
                    "gold_label": label,
                    "labels": [{"label": label}] * votes + [{"label": "related"}] * (5 - votes),
                }
                for text, label, votes in zip(sentences, labels, agree, strict=True)
            ],
        }
        logs = [math.log(score) if score > 0 else -math.inf for score in scores]
        samples.append(to_sample(number, doc, likelihoods(*logs)))
    return samples


def read_bbq(category: str, form: str) -> list[dict[str, Any]]:
    """Return BBQ's items of a category with the answers that UnifiedQA wrote, asked in one form."""
    samples = []
    with gzip.open(DATA / "bbq" / f"preds_{category}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            doc = json.loads(line)
            answers = {name: doc.pop(name) for name in list(doc) if name.startswith("unifiedqa")}
            samples.append(to_sample(number, doc, [answers[f"unifiedqa-t5-11b_pred_{form}"]]))
    return samples


def write_inspect(path: Path, samples: list[dict[str, Any]], **header: Any) -> Path:
    """Write a log of Inspect, as .json or as .eval by the name."""
    about = {"version": 2, "status": "success", "eval": {"task": "t", "task_version": 1}} | header
    about.setdefault("results", {"total_samples": len(samples), "completed_samples": len(samples)})
    if path.suffix == ".json":
        path.write_text(json.dumps(about | {"samples": samples}), encoding="utf-8")
        return path
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(about))
        for sample in samples:
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
    return path
