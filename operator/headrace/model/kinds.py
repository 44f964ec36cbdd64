"""The kinds of resources, and what their definitions say beyond the models."""

from headrace import names
from headrace.model.backfill import BackfillSpec, BackfillStatus
from headrace.model.connection_kinds import DESTINATION, SOURCE
from headrace.model.kind import AGE, READY, Column, Kind, Rule, fixed
from headrace.model.pipeline import PipelineSpec, PipelineStatus
from headrace.model.project import ProjectSpec, ProjectStatus
from headrace.model.run import RunSpec, RunStatus
from headrace.model.schedule import ScheduleSpec, ScheduleStatus

PIPELINE = Kind(
    kind=names.PIPELINE_KIND,
    plural=names.PIPELINE_PLURAL,
    short="etlp",
    description="EtlPipeline says what rows are to be moved: a query on a source, a mode, and a target.",
    spec=PipelineSpec,
    status=PipelineStatus,
    columns=(
        Column(name="Phase", path=".status.phase", description="Where the pipeline stands."),
        Column(name="Mode", path=".spec.mode", description="full, incremental or streaming."),
        Column(name="Target", path=".spec.targetTable", description="Where rows go."),
        Column(name="Last run", path=".status.lastRun.phase", description="How the last run ended."),
        Column(name="Read", path=".status.lastRun.rowsRead", type="integer", description="Rows the last run read."),
        Column(
            name="Written", path=".status.lastRun.rowsWritten", type="integer", description="Rows the last run changed."
        ),
        Column(name="Finished", path=".status.lastRun.finishedAt", type="date", description="When the last run ended."),
        AGE,
        Column(
            name="Dead letters", path=".status.deadLetters", type="integer", description="Rows put aside.", wide=True
        ),
        READY,
        Column(name="Project", path=".spec.project", description="The project it belongs to.", wide=True),
        Column(name="Source", path=".spec.source", description="Where it reads from.", wide=True),
        Column(name="Name", path=".spec.name", description="The name shown to people.", wide=True),
    ),
    rules=(
        Rule(
            rule="!(self.mode in ['incremental', 'streaming']) || has(self.incrementalKey)",
            message="modes incremental and streaming need an incrementalKey: a column of the query that only grows",
            field="incrementalKey",
        ),
        Rule(
            rule="self.type != 'SQL' || has(self.sourceTable)"
            " || (has(self.sourceQuery) && self.sourceQuery.size() > 0)",
            message="type SQL needs a sourceQuery: one SELECT; or a sourceTable",
            field="sourceQuery",
        ),
        Rule(
            rule="!has(self.sourceTable) || !has(self.sourceQuery)",
            message="give a sourceQuery or a sourceTable, not both",
            field="sourceTable",
        ),
        *(
            Rule(
                rule=f"!({asked}) || self.targetTable.startsWith('es:')",
                message=f"{field} is for Elasticsearch: a targetTable like es:index",
                field=field,
            )
            for field, asked in {
                "versionColumn": "has(self.versionColumn)",
                "softDeleteColumn": "has(self.softDeleteColumn)",
                "maxBadRows": "has(self.maxBadRows) && self.maxBadRows > 0",
                "target": "has(self.target) && has(self.target.mapping)",
            }.items()
        ),
    ),
    selectable=(
        ".spec.name",
        ".spec.mode",
        ".spec.targetTable",
        ".spec.project",
        ".spec.source",
        ".spec.destination",
    ),
)

RUN = Kind(
    kind=names.RUN_KIND,
    plural=names.RUN_PLURAL,
    short="etlr",
    description="EtlRun asks for one execution of an EtlPipeline, and shows how it went.",
    spec=RunSpec,
    status=RunStatus,
    columns=(
        Column(name="Pipeline", path=".spec.pipeline", description="The pipeline that runs."),
        Column(name="Kind", path=".spec.kind", description="What the run does."),
        Column(name="Phase", path=".status.phase", description="Where the run stands."),
        Column(name="Read", path=".status.progress.rowsRead", type="integer", description="Rows from the source."),
        Column(name="Written", path=".status.progress.rowsWritten", type="integer", description="Rows changed."),
        Column(name="Bad", path=".status.progress.badRows", type="integer", description="Rows refused.", wide=True),
        Column(name="Started", path=".status.startedAt", type="date"),
        Column(name="Finished", path=".status.finishedAt", type="date"),
        AGE,
        Column(name="Due", path=".spec.dueAt", type="date", description="The due time that it is for.", wide=True),
        Column(
            name="Caught up", path=".status.progress.caughtUpAt", type="date", description="Of a stream.", wide=True
        ),
        Column(name="Message", path=".status.errorMessage", description="Why it failed.", wide=True),
    ),
    rules=(
        *fixed("pipeline"),
        Rule(
            rule="self.kind == 'Preview' || has(self.pipeline)",
            message="pipeline is needed: metadata.name of an EtlPipeline",
            field="pipeline",
        ),
        Rule(
            rule="self.kind != 'Preview' || (!has(self.pipeline) && has(self.preview))",
            message="a Preview has preview, and no pipeline",
            field="preview",
        ),
        Rule(
            rule="self.kind == 'Preview' || !has(self.preview)",
            message="preview is for the kind Preview",
            field="preview",
        ),
        *fixed("preview"),
        Rule(
            rule="has(self.params) == has(oldSelf.params)",
            message="params can't be changed: create another run",
            field="params",
        ),
        Rule(rule="self.kind == oldSelf.kind", message="kind can't be changed", field="kind"),
        *fixed("schedule", "dueAt", "backfill"),
        Rule(rule="self.stream == oldSelf.stream", message="stream can't be changed", field="stream"),
        Rule(rule="!oldSelf.cancel || self.cancel", message="a cancel can't be withdrawn: create another run"),
    ),
    selectable=(".spec.pipeline", ".spec.kind", ".spec.schedule", ".spec.backfill"),
)

PROJECT = Kind(
    kind=names.PROJECT_KIND,
    plural=names.PROJECT_PLURAL,
    short="etlj",
    description="EtlProject groups pipelines, their runs and schedules.",
    spec=ProjectSpec,
    status=ProjectStatus,
    columns=(
        Column(name="Name", path=".spec.name", description="The name shown to people."),
        Column(name="Owner", path=".spec.owner", description="Who answers for it."),
        Column(name="Pipelines", path=".status.pipelines", type="integer", description="How many name it."),
        READY,
        AGE,
    ),
    rules=(),
    selectable=(".spec.name", ".spec.owner"),
)

SCHEDULE = Kind(
    kind=names.SCHEDULE_KIND,
    plural=names.SCHEDULE_PLURAL,
    short="etls",
    description="EtlSchedule says when an EtlPipeline is to run. Each due time runs once, or its status says why not.",
    spec=ScheduleSpec,
    status=ScheduleStatus,
    columns=(
        Column(name="Pipeline", path=".spec.pipeline", description="The pipeline that it runs."),
        Column(name="Schedule", path=".spec.expression", description="When it is due."),
        Column(name="Timezone", path=".spec.timezone", description="What a CRON expression is read in."),
        Column(name="Enabled", path=".spec.enabled", type="boolean", description="Whether it is ever due."),
        # Not dates: kubectl shows those as ages, and one to come as <invalid>.
        Column(name="Next", path=".status.nextRunAt", description="The next due time."),
        Column(name="Last", path=".status.lastRunAt", type="date", description="How long ago it was due last."),
        Column(name="Active", path=".status.active", type="integer", description="Its runs that are not over."),
        Column(name="Missed", path=".status.missed", type="integer", description="Due times that were not run."),
        READY,
        Column(name="Why missed", path=".status.lastMissed.reason", description="Of the last one.", wide=True),
        AGE,
    ),
    rules=(
        Rule(
            rule="self.kind != 'INTERVAL' || self.expression.matches('^[1-9][0-9]{0,8}[smhd]$')",
            message="an INTERVAL is one positive number and s, m, h or d, such as 15m",
            field="expression",
        ),
        Rule(
            rule="self.kind != 'CRON' || self.expression.matches('^[ \\t]*([^ \\t]+[ \\t]+){4}[^ \\t]+[ \\t]*$')",
            message="a CRON expression has five fields: minute, hour, day of month, month, day of week",
            field="expression",
        ),
    ),
    selectable=(".spec.pipeline",),
)

BACKFILL = Kind(
    kind=names.BACKFILL_KIND,
    plural=names.BACKFILL_PLURAL,
    short="etlb",
    description="EtlBackfill asks for runs for all due times of an EtlSchedule within a range.",
    spec=BackfillSpec,
    status=BackfillStatus,
    columns=(
        Column(name="Schedule", path=".spec.schedule", description="Whose due times they are."),
        Column(name="From", path=".spec.from", description="The first due time may be this."),
        Column(name="To", path=".spec.to", description="All due times are before this."),
        Column(name="Phase", path=".status.phase", description="Where it stands."),
        Column(name="Progress", path=".status.progress", description="How far it is."),
        Column(name="Failed", path=".status.failed", type="integer", description="Due times whose run failed."),
        AGE,
    ),
    rules=(
        Rule(rule="self.schedule == oldSelf.schedule", message="schedule can't be changed", field="schedule"),
        Rule(rule="self.from == oldSelf.from", message="from can't be changed: create another backfill", field="from"),
        Rule(rule="self.to == oldSelf.to", message="to can't be changed: create another backfill", field="to"),
        Rule(rule="self.rerun == oldSelf.rerun", message="rerun can't be changed", field="rerun"),
        Rule(rule="self.retry >= oldSelf.retry", message="retry can only be raised", field="retry"),
        Rule(rule="timestamp(self.from) < timestamp(self.to)", message="from must be before to", field="to"),
    ),
    selectable=(".spec.schedule",),
)

KINDS = (PROJECT, SOURCE, DESTINATION, PIPELINE, RUN, SCHEDULE, BACKFILL)
