CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.orders (
    id bigint PRIMARY KEY, day date NOT NULL, country text NOT NULL, amount numeric(10, 2) NOT NULL);
INSERT INTO shop.orders
SELECT n, date '2026-01-01' + n % 31, (ARRAY['DE', 'FR', 'JP'])[1 + n % 3], n * 1.5 FROM generate_series(1, 3100) AS n
ON CONFLICT DO NOTHING;
