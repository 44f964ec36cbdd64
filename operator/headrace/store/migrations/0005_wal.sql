-- What the WAL of each source and slot was measured to be; and previews, which are runs that no list shows.

CREATE TABLE headrace.wal_history (
    installation        text NOT NULL,
    namespace           text NOT NULL,
    source_uid          uuid NOT NULL,
    source_name         text NOT NULL,
    -- Null: of the source itself, what all its slots together hold back.
    slot                text,
    wal_bytes           bigint NOT NULL,
    restart_lsn         pg_lsn,
    confirmed_flush_lsn pg_lsn,
    wal_status          text,
    safe_wal_size       bigint,
    active              boolean,
    growth_per_minute   double precision,
    seconds_left        double precision,
    measured_at         timestamptz NOT NULL
);
-- No slot's name is empty; before PostgreSQL 15 two nulls are always distinct. Both are read backwards: what comes last is
-- written at the end, and pages become full. Those of one moment are few, and sorted when they are read.
CREATE UNIQUE INDEX wal_history_of_source ON headrace.wal_history (source_uid, measured_at, coalesce(slot, ''));
CREATE INDEX wal_history_by_time ON headrace.wal_history (installation, namespace, measured_at);

-- How many of them there are of each hour, by Universal Time: a week of 50 sources with 10 slots is 5 million, 0.3 s and
-- two processors to count. Whoever writes or removes some says so here, in the same statement.
CREATE TABLE headrace.wal_counts (
    installation text NOT NULL,
    namespace    text NOT NULL,
    source_uid   uuid NOT NULL,
    hour         timestamptz NOT NULL,
    measurements bigint NOT NULL,
    PRIMARY KEY (installation, namespace, source_uid, hour)
);

-- Writers wait while this reads the runs once, as they did for each index of the version before.
CREATE INDEX runs_previewing ON headrace.runs (installation, namespace, created_at DESC) WHERE kind = 'Preview';
