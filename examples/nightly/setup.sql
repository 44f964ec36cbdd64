CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.orders_by_time (
    id bigint PRIMARY KEY, ordered_at timestamptz NOT NULL, amount numeric(10, 2) NOT NULL);
INSERT INTO shop.orders_by_time
SELECT n, timestamptz '2026-01-01 00:00:00+00' + n * interval '10 minutes', n * 1.5 FROM generate_series(0, 4463) AS n
ON CONFLICT DO NOTHING;
