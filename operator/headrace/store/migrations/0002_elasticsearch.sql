-- The fence and the checkpoint of pipelines whose target has no transactions: what a Postgres target keeps beside its rows.
CREATE TABLE headrace.target_fences (
    installation    text NOT NULL,
    namespace       text NOT NULL,
    pipeline_name   text NOT NULL,
    -- The fence.
    epoch           bigint NOT NULL DEFAULT 0,
    holder          integer NOT NULL DEFAULT 0,
    owner           text,
    owner_run_id    text,
    -- The last version that was drawn; documents have a greater one when they were read later.
    version         bigint NOT NULL DEFAULT 0,
    -- The checkpoint of `run_id`.
    pipeline_uid    text,
    run_id          text,
    target_id       text,
    key_columns     text[],
    key_types       text[],
    incremental_key text,
    cursor_type     text,
    target_columns  text[],
    fingerprint     text,
    -- The first version of the run, or of the failed one that it continues: what is older was not seen.
    first_version   bigint NOT NULL DEFAULT 0,
    last_key        text[],
    last_value      text,
    look_back       boolean NOT NULL DEFAULT false,
    rows_read       bigint NOT NULL DEFAULT 0,
    rows_written    bigint NOT NULL DEFAULT 0,
    batches         bigint NOT NULL DEFAULT 0,
    bad_rows        bigint NOT NULL DEFAULT 0,
    done            boolean NOT NULL DEFAULT false,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (installation, namespace, pipeline_name)
);

-- Rows that a target refused: one for each key of a pipeline, the latest refusal.
CREATE TABLE headrace.dead_letters (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    installation  text NOT NULL,
    namespace     text NOT NULL,
    pipeline_name text NOT NULL,
    pipeline_uid  uuid NOT NULL,
    run_id        uuid NOT NULL,
    document_id   text NOT NULL,
    -- The key columns as text, in order.
    key           text[] NOT NULL,
    -- Cut short when it is long.
    document      text,
    is_cut        boolean NOT NULL DEFAULT false,
    error_type    text NOT NULL,
    reason        text NOT NULL,
    -- That of the fence when it was written: what a later full run did not put aside again has another one.
    first_version bigint NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (installation, namespace, pipeline_name, document_id)
);
CREATE INDEX dead_letters_by_pipeline ON headrace.dead_letters (pipeline_uid, id);

ALTER TABLE headrace.runs ADD COLUMN bad_rows bigint NOT NULL DEFAULT 0;
