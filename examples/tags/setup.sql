CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.invoices (id integer PRIMARY KEY, country text NOT NULL, amount integer NOT NULL);
INSERT INTO shop.invoices
SELECT n, (ARRAY['DE', 'FR', 'JP'])[1 + n % 3], n FROM generate_series(1, 300) AS n ON CONFLICT DO NOTHING;
