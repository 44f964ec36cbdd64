CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.prices (
    product_id integer PRIMARY KEY, price numeric(10, 2) NOT NULL, modified timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX IF NOT EXISTS prices_modified ON shop.prices (modified, product_id);
INSERT INTO shop.prices SELECT n, n * 2.5 FROM generate_series(1, 100) AS n ON CONFLICT DO NOTHING;
