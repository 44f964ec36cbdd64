-- One row a run: what the operator decided and what the runner reported. Each column has one writer.
CREATE TABLE headrace.runs (
    run_id        uuid PRIMARY KEY,
    installation  text NOT NULL,
    namespace     text NOT NULL,
    pipeline_uid  uuid NOT NULL,
    pipeline_name text NOT NULL,
    run_name      text NOT NULL,
    kind          text NOT NULL,
    -- Written by the operator.
    status        text NOT NULL,
    spec          jsonb,
    epoch         bigint,
    attempt       integer NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL,
    started_at    timestamptz,
    finished_at   timestamptz,
    error_message text,
    deleted_at    timestamptz,
    -- Written by the runner, ordered by (reporter_epoch, reporter_holder, sequence).
    reporter_epoch  bigint NOT NULL DEFAULT 0,
    reporter_holder integer NOT NULL DEFAULT 0,
    sequence      bigint NOT NULL DEFAULT 0,
    outcome       text,
    outcome_message text,
    result        jsonb,
    rows_read     bigint NOT NULL DEFAULT 0,
    rows_written  bigint NOT NULL DEFAULT 0,
    batches       bigint NOT NULL DEFAULT 0,
    notes         jsonb NOT NULL DEFAULT '{}',
    first_seen_at timestamptz,
    seen_at       timestamptz,
    advanced_at   timestamptz
);
CREATE INDEX runs_by_pipeline ON headrace.runs (pipeline_uid, created_at DESC, run_id DESC) WHERE deleted_at IS NULL;
CREATE INDEX runs_unfinished ON headrace.runs (installation, run_id) WHERE finished_at IS NULL;
CREATE INDEX runs_deleted ON headrace.runs (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE headrace.run_logs (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id  uuid NOT NULL,
    at      timestamptz NOT NULL,
    level   text NOT NULL,
    message text NOT NULL
);
CREATE INDEX run_logs_by_run ON headrace.run_logs (run_id, id);

-- A mirror for people and the API: the checkpoint itself lies in the target's database.
CREATE TABLE headrace.checkpoints (
    installation  text NOT NULL,
    namespace     text NOT NULL,
    pipeline_name text NOT NULL,
    pipeline_uid  uuid NOT NULL,
    run_id        uuid NOT NULL,
    epoch         bigint NOT NULL,
    holder        integer NOT NULL,
    sequence      bigint NOT NULL,
    last_key      jsonb,
    last_value    text,
    done          boolean NOT NULL,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (installation, namespace, pipeline_name)
);

CREATE TABLE headrace.epochs (
    installation  text NOT NULL,
    namespace     text NOT NULL,
    pipeline_name text NOT NULL,
    epoch         bigint NOT NULL,
    PRIMARY KEY (installation, namespace, pipeline_name)
);
