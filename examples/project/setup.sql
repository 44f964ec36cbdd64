CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.products (id integer PRIMARY KEY, name text NOT NULL, price numeric(10, 2) NOT NULL);
INSERT INTO shop.products SELECT n, 'Product ' || n, n * 2.5 FROM generate_series(1, 20) AS n ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS shop.sales (id integer PRIMARY KEY, product_id integer NOT NULL, amount numeric(10, 2) NOT NULL);
INSERT INTO shop.sales SELECT n, 1 + n % 20, n FROM generate_series(1, 2000) AS n ON CONFLICT DO NOTHING;
