CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.customers (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO shop.customers SELECT n, 'Customer ' || n FROM generate_series(1, 500) AS n ON CONFLICT DO NOTHING;
