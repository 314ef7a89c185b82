"""Athena: saved queries, views, tables whose partitions are computed, and Trino's words that DuckDB spells otherwise.

ministack reads tables of JSON by guessing their columns from the objects, knows no partition that is not a folder
``key=value``, and no view. Here all three are what the Glue catalog says.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ministack.services import athena, glue
from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
_VIEW: Final = re.compile(r"/\* Presto View: (\S+) \*/")
_DEEPEST: Final = 8  # views upon views
_NESTED: Final = re.compile(r"(array|struct|map)<(.*)>", re.DOTALL)
# What Trino and DuckDB call by other names: an array of rows that becomes columns, and the format of a date.
_UNNEST: Final = re.compile(r"\bUNNEST\(([^()]+)\) AS (\w+) \(", re.IGNORECASE)
_DATE_FORMAT: Final = re.compile(r"\bdate_format\(", re.IGNORECASE)


def install() -> None:
    """Register saved queries with CloudFormation, and have tables and views read as the catalog describes them."""
    provisioners._RESOURCE_HANDLERS["AWS::Athena::NamedQuery"] = {
        "create": _create_query,
        "update": _update_query,
        "delete": _delete_query,
    }
    rewrite = athena._rewrite_data_paths

    async def with_views(query: str, database: str, catalog: str | None = None) -> tuple[Any, ...]:
        workdirs: list[str] = []
        expanded = _expand(query, database, workdirs)
        text, buckets, more = await rewrite(expanded, database, catalog)
        return text, buckets, [*workdirs, *more]

    athena._rewrite_data_paths = with_views


# --- saved queries ----------------------------------------------------------------------------------------------------


def _create_query(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, dict[str, Any]]:
    status, _, body = athena._create_named_query(
        {
            key: properties[key]
            for key in ("Name", "Description", "Database", "QueryString", "WorkGroup")
            if key in properties
        }
    )
    if status >= 300:
        raise ValueError(str(body))
    query = str(json.loads(body)["NamedQueryId"])
    return query, {"NamedQueryId": query}


def _update_query(
    physical_id: str, old: Properties, new: Properties, stack: str, *_: Any, **__: Any
) -> tuple[str, dict[str, Any]]:
    created = _create_query("", new, stack)  # every change of a saved query replaces it
    _delete_query(physical_id, old)
    return created


def _delete_query(physical_id: str, _properties: Properties) -> None:
    athena._delete_named_query({"NamedQueryId": physical_id})


# --- tables and views -------------------------------------------------------------------------------------------------


def _expand(query: str, database: str, workdirs: list[str], depth: int = 0) -> str:
    """Return a query of DuckDB in which every view and every table of JSON with computed partitions is a relation."""
    if depth > _DEEPEST:
        raise ValueError("views are nested too deeply")
    edits = []
    for reference in athena._table_references(query):
        home = reference.database or database or "default"
        table = glue._tables.get(f"{home}/{reference.table}")
        if not table:
            continue
        relation = _relation(table, home, workdirs, depth)
        if relation is not None:
            alias = "" if reference.aliased else f' AS "{reference.table}"'
            edits.append((reference.start, reference.end, f"({relation}){alias}"))
    for start, end, text in sorted(edits, reverse=True):
        query = query[:start] + text + query[end:]
    query = _UNNEST.sub(r"LATERAL (SELECT unnest(\1, recursive := true)) AS \2 (", query)
    return _DATE_FORMAT.sub("strftime(", query)


def _relation(table: Mapping[str, Any], database: str, workdirs: list[str], depth: int) -> str | None:
    view = _VIEW.fullmatch(table.get("ViewOriginalText") or "")
    if view:
        described = json.loads(base64.b64decode(view[1]))
        return _expand(described["originalSql"], described.get("schema") or database, workdirs, depth + 1)
    if (table.get("Parameters") or {}).get("projection.enabled") == "true" and athena._data_format(table) == "json":
        return _projected(table, workdirs)
    return None


def _projected(table: Mapping[str, Any], workdirs: list[str]) -> str:
    """Return a table of JSON lines, its partition columns taken from where each object lies."""
    storage, parameters = table["StorageDescriptor"], table["Parameters"]
    location = storage["Location"].rstrip("/") + "/"
    columns = {column["Name"]: duck_type(column["Type"]) for column in storage["Columns"]}
    partitions = [column["Name"] for column in table["PartitionKeys"]]
    files = athena._materialize_table_files(location, workdirs)
    if not files:
        empty = [f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in columns.items()]
        return f"SELECT {', '.join([*empty, *(f'CAST(NULL AS VARCHAR) AS {name}' for name in partitions)])} WHERE false"
    template = parameters["storage.location.template"].removeprefix(location)
    pattern = "/" + _pattern(template, partitions, parameters) + "[^/]*$"
    found = ", ".join(
        f"regexp_extract(filename, '{pattern}', {number}) AS \"{name}\"" for number, name in enumerate(partitions, 1)
    )
    described = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    lenient = ((storage.get("SerdeInfo") or {}).get("Parameters") or {}).get("ignore.malformed.json") == "true"
    return (
        f"SELECT * EXCLUDE (filename), {found} FROM read_json({athena._sql_list(files)}, "  # noqa: S608 - from the catalog
        f"format = 'newline_delimited', ignore_errors = {str(lenient).lower()}, filename = true, "
        f"columns = {{{described}}}) WHERE regexp_matches(filename, '{pattern}')"
    )


def _pattern(template: str, partitions: list[str], parameters: Mapping[str, str]) -> str:
    """Return the expression for where objects of the computed partitions lie, one group for each partition."""
    pattern = re.escape(template)
    for name in partitions:
        if parameters[f"projection.{name}.type"] == "date":
            values = re.sub(r"[A-Za-z]", r"\\d", parameters[f"projection.{name}.format"])
        else:
            values = parameters[f"projection.{name}.values"].replace(",", "|")
        pattern = pattern.replace(re.escape(f"${{{name}}}"), f"({values})")
    return pattern


def duck_type(hive: str) -> str:
    """Return DuckDB's type for one of Hive's: ``array<struct<a:string>>`` is ``STRUCT("a" VARCHAR)[]``."""
    nested = _NESTED.fullmatch(hive.strip())
    if nested is None:
        return str(athena._DUCKDB_TYPE_BY_ATHENA.get(hive.strip().lower(), "VARCHAR"))
    kind, inner = nested.groups()
    if kind == "array":
        return f"{duck_type(inner)}[]"
    if kind == "map":
        key, value = _split(inner)
        return f"MAP({duck_type(key)}, {duck_type(value)})"
    fields = (field.split(":", 1) for field in _split(inner))
    return "STRUCT(" + ", ".join(f'"{name.strip()}" {duck_type(of)}' for name, of in fields) + ")"


def _split(text: str) -> list[str]:
    """Return what commas separate outside angle brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
