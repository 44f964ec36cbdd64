CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.invoices (
    id bigint PRIMARY KEY, amount numeric(10, 2) NOT NULL, updated_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX IF NOT EXISTS invoices_updated_at ON shop.invoices (updated_at, id);
INSERT INTO shop.invoices SELECT n, n * 1.5 FROM generate_series(1, 200) AS n ON CONFLICT DO NOTHING;
