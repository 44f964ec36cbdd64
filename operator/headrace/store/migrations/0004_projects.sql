-- What projects, schedules, backfills and streams keep of a run; and runs counted, so that no statistic reads them all.

-- Writers wait from here on, readers do not: what takes long comes before the columns.
LOCK TABLE headrace.runs IN SHARE ROW EXCLUSIVE MODE;

CREATE INDEX runs_listed ON headrace.runs (installation, namespace, created_at DESC, run_id DESC)
    INCLUDE (pipeline_uid) WHERE deleted_at IS NULL AND kind <> 'Reconcile';
CREATE INDEX runs_by_status ON headrace.runs (installation, namespace, status, created_at DESC, run_id DESC)
    INCLUDE (pipeline_uid) WHERE deleted_at IS NULL AND kind <> 'Reconcile';
CREATE INDEX runs_by_pipeline_and_status ON headrace.runs (pipeline_uid, status, created_at DESC, run_id DESC)
    WHERE deleted_at IS NULL AND kind <> 'Reconcile';
CREATE INDEX runs_finished ON headrace.runs (finished_at) WHERE finished_at IS NOT NULL;

-- Of the runs that are listed: all but reconciles and what was deleted.
CREATE TABLE headrace.run_counts (
    installation     text NOT NULL,
    namespace        text NOT NULL,
    pipeline_uid     uuid NOT NULL,
    status           text NOT NULL,
    runs             bigint NOT NULL,
    -- Of those among them that have started and finished: how many, and how long all of them took.
    timed_runs       bigint NOT NULL,
    finished_seconds numeric(20, 6) NOT NULL,
    PRIMARY KEY (installation, namespace, pipeline_uid, status)
);

-- How long a run took, or null.
CREATE FUNCTION headrace.run_seconds(started_at timestamptz, finished_at timestamptz) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS '
    SELECT CASE WHEN finished_at < started_at THEN 0
                ELSE extract(epoch FROM finished_at - started_at) END::numeric(20, 6)
';

INSERT INTO headrace.run_counts
SELECT installation, namespace, pipeline_uid, status, count(*), count(headrace.run_seconds(started_at, finished_at)),
       coalesce(sum(headrace.run_seconds(started_at, finished_at)), 0)
FROM headrace.runs WHERE deleted_at IS NULL AND kind <> 'Reconcile' GROUP BY 1, 2, 3, 4;

-- What one run adds to the counts (a sign of 1) or takes from them (-1).
CREATE FUNCTION headrace.run_count(
    installation text, namespace text, pipeline_uid uuid, status text, started_at timestamptz, finished_at timestamptz,
    sign integer
) RETURNS headrace.run_counts LANGUAGE sql IMMUTABLE AS '
    SELECT ROW(installation, namespace, pipeline_uid, status, sign,
               CASE WHEN started_at IS NULL OR finished_at IS NULL THEN 0 ELSE sign END,
               sign * coalesce(headrace.run_seconds(started_at, finished_at), 0))::headrace.run_counts
';

-- In one order, so that no two statements wait for each other; one that inserted some runs and updated others would
-- take two orders, and is none of ours. Changes that cancel out write nothing.
CREATE FUNCTION headrace.add_run_counts(changes headrace.run_counts[]) RETURNS void LANGUAGE sql AS '
    INSERT INTO headrace.run_counts AS c
    SELECT installation, namespace, pipeline_uid, status, sum(runs), sum(timed_runs), sum(finished_seconds)
    FROM unnest(changes) GROUP BY 1, 2, 3, 4
    HAVING sum(runs) <> 0 OR sum(timed_runs) <> 0 OR sum(finished_seconds) <> 0
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (installation, namespace, pipeline_uid, status) DO UPDATE SET
        runs = c.runs + excluded.runs, timed_runs = c.timed_runs + excluded.timed_runs,
        finished_seconds = c.finished_seconds + excluded.finished_seconds
';

CREATE FUNCTION headrace.count_inserted_runs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM headrace.add_run_counts(array_agg(
        headrace.run_count(installation, namespace, pipeline_uid, status, started_at, finished_at, 1)
    )) FROM new_runs WHERE deleted_at IS NULL AND kind <> 'Reconcile' HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION headrace.count_deleted_runs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM headrace.add_run_counts(array_agg(
        headrace.run_count(installation, namespace, pipeline_uid, status, started_at, finished_at, -1)
    )) FROM old_runs WHERE deleted_at IS NULL AND kind <> 'Reconcile' HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION headrace.count_updated_runs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM headrace.add_run_counts(array_agg(
        headrace.run_count(installation, namespace, pipeline_uid, status, started_at, finished_at, sign)
    )) FROM (
        SELECT installation, namespace, pipeline_uid, status, started_at, finished_at, deleted_at, kind, 1 AS sign
        FROM new_runs
        UNION ALL
        SELECT installation, namespace, pipeline_uid, status, started_at, finished_at, deleted_at, kind, -1
        FROM old_runs
    ) AS runs WHERE deleted_at IS NULL AND kind <> 'Reconcile' HAVING count(*) > 0;
    PERFORM set_config('headrace.counts_runs', '', true);
    RETURN NULL;
END $$;

-- Runners report some times a second, and change nothing that is counted. A trigger that sees the rows of a statement
-- can't be one `UPDATE OF` some columns: so one that can be says, within its transaction, that the other is needed.
CREATE FUNCTION headrace.ask_for_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('headrace.counts_runs', 'yes', true);
    RETURN NULL;
END $$;

CREATE TRIGGER count_inserted AFTER INSERT ON headrace.runs REFERENCING NEW TABLE AS new_runs
    FOR EACH STATEMENT EXECUTE FUNCTION headrace.count_inserted_runs();
CREATE TRIGGER count_deleted AFTER DELETE ON headrace.runs REFERENCING OLD TABLE AS old_runs
    FOR EACH STATEMENT EXECUTE FUNCTION headrace.count_deleted_runs();
CREATE TRIGGER ask_for_count
    BEFORE UPDATE OF installation, namespace, pipeline_uid, kind, status, started_at, finished_at, deleted_at
    ON headrace.runs FOR EACH STATEMENT EXECUTE FUNCTION headrace.ask_for_count();
CREATE TRIGGER count_updated AFTER UPDATE ON headrace.runs REFERENCING NEW TABLE AS new_runs OLD TABLE AS old_runs
    FOR EACH STATEMENT WHEN (current_setting('headrace.counts_runs', true) = 'yes')
    EXECUTE FUNCTION headrace.count_updated_runs();

ALTER TABLE headrace.runs
    -- Written by the operator. Names are those of the time of the run.
    ADD COLUMN project text,
    ADD COLUMN pipeline_shown text,
    ADD COLUMN params jsonb,
    ADD COLUMN tags jsonb,
    ADD COLUMN cancel_reason text,
    ADD COLUMN schedule text,
    ADD COLUMN schedule_uid uuid,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN backfill text,
    ADD COLUMN backfill_uid uuid,
    -- The pipeline's tasks, each [name, stage].
    ADD COLUMN nodes jsonb,
    ADD COLUMN is_stream boolean NOT NULL DEFAULT false,
    -- Written by the runner.
    ADD COLUMN stages jsonb NOT NULL DEFAULT '{}',
    -- Of a stream: when the last poll began that brought everything there was.
    ADD COLUMN caught_up_at timestamptz;

CREATE INDEX runs_of_schedule ON headrace.runs (schedule_uid, due_at, created_at DESC, run_id DESC)
    WHERE schedule_uid IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX runs_of_backfill ON headrace.runs (backfill_uid, due_at, created_at, run_id)
    WHERE backfill_uid IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX runs_streaming ON headrace.runs (installation, namespace, created_at DESC, run_id DESC)
    INCLUDE (pipeline_uid) WHERE deleted_at IS NULL AND kind <> 'Reconcile' AND is_stream;
