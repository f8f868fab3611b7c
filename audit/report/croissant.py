"""The data in Croissant, with what its vocabulary for responsible AI (RAI) has a word for.

Made of the document alone. What the audit does not know (how the data were collected and labelled) has no field
here, because a made-up one would be believed. mlcroissant accepts a description without a name, so the fields that a
reader needs are asked for by `find_missing_fields`.

Must not: read a private count, open a table, or fill a field by guessing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from audit.errors import QuestionError
from audit.estimate import figure_text
from audit.record.result import AuditResult, Check, Part
from audit.report.card.accounts import make_part_view
from audit.report.card.shapes import EstimateIndex
from audit.report.card.words import LEFT_OUT, clean_text, name_group, name_grouping

CROISSANT = "http://mlcommons.org/croissant/1.0"
RAI = "http://mlcommons.org/croissant/RAI/1.0"
PARTS = ("train", "test")
KINDS = {
    "text": "sc:Text",
    "integer": "sc:Integer",
    "float": "sc:Float",
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "time": "sc:DateTime",
}
FORMATS = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".tab": "text/tab-separated-values",
    ".parquet": "application/x-parquet",
    ".pq": "application/x-parquet",
    ".jsonl": "application/jsonlines",
    ".ndjson": "application/jsonlines",
    ".gz": "application/gzip",
    ".arrow": "application/vnd.apache.arrow.file",
    ".arrows": "application/vnd.apache.arrow.stream",
    ".feather": "application/vnd.apache.arrow.file",
    ".ipc": "application/vnd.apache.arrow.file",
}
UNKNOWN = {
    "license": "The licence of the data is not in this record ([dataset] licence).",
    "url": "The address of the data is not in this record ([dataset] url).",
}
"""Why a field that a reader looks for is not there."""
UNSEEN = "How the data were collected, labelled and cleaned is not known to this audit, and nothing is said of it."
SPOKEN_OF = {"warn", "fail", "error", "insufficient", "undefined", "withheld"}
MOST_GROUPS = 30
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context of the specification, word for word: mlcroissant warns of any other."""


def is_describable(result: AuditResult) -> bool:
    """Return whether the data lay in files of known bytes."""
    parts = _list_parts(result)
    return bool(parts) and all(p.digest is not None and p.columns for p in parts)


def view(result: AuditResult, k: int) -> str:
    """Return JSON-LD of a result that `disclosure.publishable` has gone over.

    Raises
    ------
    QuestionError
        When the result does not tell what a description must have.
    """
    del k
    if not _list_parts(result):
        raise QuestionError(
            "format croissant needs training data, and this run has none; audit it with audit data TABLE"
        )
    document = _describe_data(result)
    missing = find_missing_fields(document)
    if missing:
        raise QuestionError(
            f"format croissant needs {missing[0]}, which this run does not have (data in memory); audit the "
            "files themselves (audit data TABLE)"
        )
    return json.dumps(document, indent=1, allow_nan=False)


def _describe_data(result: AuditResult) -> dict[str, Any]:
    """Return the description as plain dicts and lists."""
    told = _collect_owner_fields(result)
    fields = {
        "name": _name_data(result),
        "description": _describe_table(result, told),
        "conformsTo": [CROISSANT, RAI],
        "datePublished": result.run.finished.partition("T")[0],
        **told,
        "distribution": [_describe_file(part) for part in _list_parts(result)],
        "recordSet": [_describe_records(part) for part in _list_parts(result)],
    }
    return {"@context": dict(CONTEXT), "@type": "sc:Dataset", **fields, **_collect_rai_fields(result)}


def find_missing_fields(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields that a description must have and does not; mlcroissant asks for fewer."""
    missing = [key for key in ("name", "description", "datePublished") if not document.get(key)]
    said = str(document.get("description", ""))
    missing += [key for key, reason in UNKNOWN.items() if not document.get(key) and reason not in said]
    missing += [f"conformsTo {of}" for of in (CROISSANT, RAI) if of not in (document.get("conformsTo") or ())]
    for key in ("distribution", "recordSet"):
        missing += [] if document.get(key) else [key]
    for file in document.get("distribution") or ():
        missing += [f"the {key} of {file.get('@id')}" for key in _list_file_keys(file) if not file.get(key)]
    for records in document.get("recordSet") or ():
        missing += [] if records.get("field") else [f"the fields of {records.get('@id')}"]
        missing += [f"the dataType of {f.get('@id')}" for f in records.get("field") or () if not f.get("dataType")]
    return tuple(missing)


def _list_file_keys(file: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a file must say; a set of files has no digest in Croissant, its description has that of all bytes."""
    if file.get("@type") == "cr:FileSet":
        return ("includes", "encodingFormat", "description")
    return ("contentUrl", "encodingFormat", "sha256")


def _list_parts(result: AuditResult) -> list[Part]:
    parts = [p for p in result.data if _find_split(p) in PARTS]
    return sorted(parts, key=lambda part: PARTS.index(_find_split(part)))


def _find_split(part: Part) -> str:
    """Return train, test or predictions: the first word of the name of a part."""
    return part.part.partition(" ")[0]


def _collect_owner_fields(result: AuditResult) -> dict[str, str]:
    """Return what only the owner knows of the data, as far as it was told."""
    dataset = result.question.config.get("dataset") or {}
    named = {"license": dataset.get("licence"), "url": dataset.get("url")}
    return {key: clean_text(value) for key, value in named.items() if value}


def _name_data(result: AuditResult) -> str:
    """Return what the owner calls the data, or the name of its file."""
    named = (result.question.config.get("dataset") or {}).get("name")
    return clean_text(named or PurePosixPath(_list_parts(result)[0].source).name.partition(".")[0] or "table")


def _describe_table(result: AuditResult, told: Mapping[str, str]) -> str:
    rows = "; ".join(f"{p.rows_read:,} rows in {clean_text(p.part)}" for p in _list_parts(result))
    reasons = [reason for key, reason in UNKNOWN.items() if key not in told]
    made = f"Described by evenhand {clean_text(result.run.version)} from its audit {clean_text(result.run.id)}."
    return " ".join([f"Table, audited before training: {rows}.", made, *reasons])


def _describe_file(part: Part) -> dict[str, Any]:
    """Return the file of a part, or its files where a pattern named several."""
    name = PurePosixPath(part.source)
    # Croissant's field is called sha256, so its value has no prefix.
    digest = (part.digest or "").removeprefix("sha256:")
    ending = FORMATS.get(name.suffix.lower(), "application/octet-stream")
    known = {"@id": f"{part.part}-file", "name": f"{part.part}-file", "encodingFormat": ending}
    if any(c in part.source for c in "*?["):
        said = ""
        if digest:
            said = f"sha256 of all files' bytes in sorted order: {digest}"
        return {"@type": "cr:FileSet", **known, "description": said, "includes": part.source}
    return {"@type": "cr:FileObject", **known, "contentUrl": part.source, "sha256": digest}


def _describe_records(part: Part) -> dict[str, Any]:
    source = "fileObject"
    if _describe_file(part)["@type"] == "cr:FileSet":
        source = "fileSet"
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{part.part}/{i}",
            "name": column.name,
            "dataType": KINDS.get(column.kind),
            "source": {source: {"@id": f"{part.part}-file"}, "extract": {"column": column.name}},
        }
        for i, column in enumerate(part.columns)
    ]
    return {"@type": "cr:RecordSet", "@id": part.part, "name": part.part, "field": fields}


def _collect_rai_fields(result: AuditResult) -> dict[str, Any]:
    """Return the RAI fields for which something is known."""
    config = result.question.config
    model = {**(config.get("model") or {}), **(config.get("dataset") or {})}
    missing = [v.missing for p in _list_parts(result) if (v := make_part_view(p)).missing]
    found = {
        "rai:dataBiases": [*_describe_shares(result), *_describe_gates(result), *_describe_findings(result, "DB")],
        "rai:dataLimitations": [*_describe_limits(result, model), UNSEEN],
        "rai:personalSensitiveInformation": list(_describe_personal_data(result)),
        "rai:dataUseCases": [clean_text(model["intended_use"])] if model.get("intended_use") else [],
        "rai:dataCollection": clean_text(model["collected"]) if model.get("collected") else "",
        "rai:dataCollectionTimeframe": [clean_text(model["period"])] if model.get("period") else [],
        "rai:dataCollectionMissingData": " ".join(missing),
    }
    return {key: value for key, value in found.items() if value}


def _describe_shares(result: AuditResult) -> Iterator[str]:
    """Yield how large groups are and how labels differ, a sentence for each column of groups."""
    found = EstimateIndex(result, "data")
    for by in found.groupings():
        groups = found.groups(by)
        if len(by) != 1 or len(groups) > MOST_GROUPS:
            continue
        for metric, what in (("representation", "Share of rows"), ("base_rate", "Share of positive labels")):
            each = [(g, e) for g in groups if (e := found.index.get((metric, None, by, g))) is not None]
            named = ", ".join(
                f"{name_group(by, g)} {LEFT_OUT if e.value is None else figure_text(e.value, 'share')}" for g, e in each
            )
            if each:
                yield f"{what} by {name_grouping(by)}: {named}."


def _describe_gates(result: AuditResult) -> Iterator[str]:
    for gate in result.gates:
        if gate.name.startswith("data.") and gate.verdict in {"fail", "insufficient", "known", "waived"}:
            yield f"Limit on the data ({gate.verdict}): {clean_text(gate.sentence, 1200)}"


def _describe_findings(result: AuditResult, *families: str) -> Iterator[str]:
    """Yield what checks of some families found."""
    for check in result.checks:
        if check.code.startswith(families) and check.outcome in SPOKEN_OF:
            yield _describe_check(check)


def _describe_check(check: Check) -> str:
    detail = f": {clean_text(check.detail, 1200)}" if check.detail else ""
    mend = f". What to do: {clean_text(check.mend)}" if check.mend else ""
    return f"{clean_text(check.code)}, {check.outcome}: {clean_text(check.title)}{detail}{mend}"


def _describe_limits(result: AuditResult, model: Mapping[str, Any]) -> Iterator[str]:
    for part in _list_parts(result):
        if part.rows_excluded:
            yield make_part_view(part).sentence
    yield from _describe_findings(result, "DV", "DL")
    if model.get("out_of_scope"):
        yield f"Out of scope: {clean_text(model['out_of_scope'])}"


def _describe_personal_data(result: AuditResult) -> Iterator[str]:
    """Yield declared groups of persons, and every check of privacy that could be answered."""
    groups = (result.question.config.get("data") or {}).get("groups") or ()
    if groups:
        yield f"Columns declared as groups of persons: {', '.join(map(clean_text, groups))}."
    for check in result.checks:
        if check.code.startswith("DP") and check.outcome != "not applicable":
            yield _describe_check(check)
