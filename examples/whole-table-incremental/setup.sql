CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.payments (
    id bigint PRIMARY KEY, amount numeric(10, 2) NOT NULL, updated_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX IF NOT EXISTS payments_updated_at ON shop.payments (updated_at, id);
INSERT INTO shop.payments SELECT n, n * 1.5 FROM generate_series(1, 200) AS n ON CONFLICT DO NOTHING;
