CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.clicks (page text NOT NULL, seconds integer);
TRUNCATE shop.clicks;
INSERT INTO shop.clicks SELECT '/page/' || n % 10, n % 60 FROM generate_series(1, 1000) AS n;
