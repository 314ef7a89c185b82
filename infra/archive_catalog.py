"""The archive as tables: the Glue catalog, with partitions that are computed and never added, and an Athena workgroup
whose queries end at a limit, with the questions that people ask saved in it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from infra import arns
from infra.archive_queries import saved_queries
from infra.nag import acknowledge
from ses_feedback import naming
from ses_feedback.config.model import Config
from ses_feedback.domain.archive_columns import (
    ARRIVAL_NAMES,
    DECISION_COLUMNS,
    EVENT_COLUMNS,
    EVENT_NAMES,
    FLAG,
    KEY,
    LINE_COLUMNS,
    NUMBER,
    PARTITIONS,
)

# No archive is older than this software. Only a query without a day looks at all the days since.
FIRST_DAY: Final = "2026/01/01"
_HIVE: Final = {FLAG: "boolean", NUMBER: "int"}
_PRESTO: Final = {FLAG: "boolean", NUMBER: "integer"}
_JSON_SERDE: Final = "org.openx.data.jsonserde.JsonSerDe"

Columns = Sequence[tuple[str, str]]


class ArchiveCatalog(Construct):
    """A database of the archive's lines, its views of recipients and decisions, the workgroup and its saved queries."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        deployment, region = config.deployment.name, config.deployment.region
        self._database = naming.archive_database(deployment)
        bucket = arns.sub(naming.archive_bucket_name(deployment, "${AWS::AccountId}", region))
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=cdk.Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self._database, description=f"{deployment}: the archive of SES feedback"
            ),
        )
        lines = self._table("Lines", _lines(bucket))
        lines.add_resource_dependency(database)
        arrivals = self._view("Arrivals", naming.ARCHIVE_ARRIVALS, _arrivals_sql(), _arrival_columns())
        events = self._view("Events", naming.ARCHIVE_EVENTS, _events_sql(), _arrival_columns())
        decisions = self._view(
            "Decisions", naming.ARCHIVE_DECISIONS, _decisions_sql(), (*DECISION_COLUMNS, *_partition_columns())
        )
        for view, base in ((arrivals, lines), (events, arrivals), (decisions, lines)):
            view.add_resource_dependency(base)
        workgroup = self._workgroup(deployment, bucket)
        for name, (description, query) in saved_queries(config).items():
            saved = athena.CfnNamedQuery(
                self,
                f"Ask{naming.camel(name)}",
                database=self._database,
                query_string=query,
                name=name,
                description=description,
                work_group=naming.archive_workgroup(deployment),
            )
            saved.add_resource_dependency(workgroup)
            saved.add_resource_dependency(database)

    def _table(self, construct_id: str, table: glue.CfnTable.TableInputProperty) -> glue.CfnTable:
        return glue.CfnTable(
            self, construct_id, catalog_id=cdk.Aws.ACCOUNT_ID, database_name=self._database, table_input=table
        )

    def _view(self, construct_id: str, name: str, sql: str, columns: Columns) -> glue.CfnTable:
        """Make a view as Athena itself would: its text in base64, with the columns in Trino's types."""
        presto = {
            "originalSql": sql,
            "catalog": "awsdatacatalog",
            "schema": self._database,
            "columns": [{"name": column, "type": _PRESTO.get(kind, "varchar")} for column, kind in columns],
        }
        text = base64.b64encode(json.dumps(presto).encode()).decode()
        return self._table(
            construct_id,
            glue.CfnTable.TableInputProperty(
                name=name,
                table_type="VIRTUAL_VIEW",
                parameters={"presto_view": "true", "comment": "Presto View"},
                view_original_text=f"/* Presto View: {text} */",
                view_expanded_text="/* Presto View */",
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=_hive(columns), serde_info=glue.CfnTable.SerdeInfoProperty()
                ),
            ),
        )

    def _workgroup(self, deployment: str, bucket: str) -> athena.CfnWorkGroup:
        workgroup = athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=naming.archive_workgroup(deployment),
            description=f"{deployment}: questions to the archive of SES feedback",
            recursive_delete_option=True,  # its saved queries come back with it
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=False,
                bytes_scanned_cutoff_per_query=naming.ARCHIVE_SCAN_LIMIT,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{bucket}/{naming.ARCHIVE_ANSWERS}/"
                ),
            ),
        )
        acknowledge(
            workgroup,
            "ATH1",
            "Answers lie in the archive's bucket, which encrypts all with the deployment's key.",
        )
        return workgroup


def _lines(bucket: str) -> glue.CfnTable.TableInputProperty:
    """Return the table over Firehose's objects. Its partitions are computed from the names of days and hours."""
    root = f"s3://{bucket}/{naming.ARCHIVE_FEEDBACK}/"
    day, hour = PARTITIONS
    columns = [
        *_hive(LINE_COLUMNS),
        _column("message", "string"),
        _column("events", f"array<{_struct(EVENT_COLUMNS)}>"),
        _column("skipped", "string"),
        _column("decision", _struct(DECISION_COLUMNS)),
    ]
    return glue.CfnTable.TableInputProperty(
        name=naming.ARCHIVE_LINES,
        description="One line for each notification, as SES sent it and as it was read",
        table_type="EXTERNAL_TABLE",
        partition_keys=[_column(name, "string") for name in PARTITIONS],
        parameters={
            "EXTERNAL": "TRUE",
            "classification": "json",
            "compressionType": "gzip",
            "projection.enabled": "true",
            f"projection.{day}.type": "date",
            f"projection.{day}.format": "yyyy/MM/dd",
            f"projection.{day}.range": f"{FIRST_DAY},NOW",
            f"projection.{day}.interval": "1",
            f"projection.{day}.interval.unit": "DAYS",
            f"projection.{hour}.type": "enum",
            f"projection.{hour}.values": ",".join(f"{number:02d}" for number in range(24)),
            "storage.location.template": f"{root}${{{day}}}/${{{hour}}}/",
        },
        storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
            columns=columns,
            location=root,
            input_format="org.apache.hadoop.mapred.TextInputFormat",
            output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            compressed=True,
            serde_info=glue.CfnTable.SerdeInfoProperty(
                serialization_library=_JSON_SERDE, parameters={"ignore.malformed.json": "true"}
            ),
        ),
    )


def _arrivals_sql() -> str:
    events = _names(EVENT_NAMES)
    lines = ", ".join(f'a."{name}"' for name in (*ARRIVAL_NAMES, *PARTITIONS))
    return (
        f"SELECT {', '.join(f'e.{name}' for name in _quoted(EVENT_NAMES))}, {lines} "
        f'FROM "{naming.ARCHIVE_LINES}" a CROSS JOIN UNNEST(a."events") AS e ({events}) WHERE a."v" = 1'
    )


def _events_sql() -> str:
    """Return the view without duplicates of a day: by day, so that a query for some days reads no others."""
    names = _names((*EVENT_NAMES, *ARRIVAL_NAMES, *PARTITIONS))
    day = PARTITIONS[0]
    return (
        f"SELECT {names} FROM (SELECT {names}, row_number() OVER (PARTITION BY {_names((*KEY, day))} "
        f'ORDER BY {_names(ARRIVAL_NAMES)}) AS "copy" FROM "{naming.ARCHIVE_ARRIVALS}") AS numbered WHERE "copy" = 1'
    )


def _decisions_sql() -> str:
    parts = ", ".join(f'a."decision"."{name}" AS "{name}"' for name, _ in DECISION_COLUMNS)
    lines = ", ".join(f'a."{name}"' for name in PARTITIONS)
    return f'SELECT DISTINCT {parts}, {lines} FROM "{naming.ARCHIVE_LINES}" a WHERE a."decision" IS NOT NULL'


def _arrival_columns() -> Columns:
    return (*EVENT_COLUMNS, *LINE_COLUMNS[1:], *_partition_columns())


def _partition_columns() -> Columns:
    return tuple((name, "text") for name in PARTITIONS)


def _quoted(names: Sequence[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _names(names: Sequence[str]) -> str:
    return ", ".join(_quoted(names))


def _struct(columns: Columns) -> str:
    return "struct<" + ",".join(f"{name}:{_HIVE.get(kind, 'string')}" for name, kind in columns) + ">"


def _hive(columns: Columns) -> list[glue.CfnTable.ColumnProperty]:
    return [_column(name, _HIVE.get(kind, "string")) for name, kind in columns]


def _column(name: str, kind: str) -> glue.CfnTable.ColumnProperty:
    return glue.CfnTable.ColumnProperty(name=name, type=kind)
