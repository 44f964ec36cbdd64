-- What an administrator does once in the source …
CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.suppliers (
    id integer PRIMARY KEY, name text NOT NULL, country text NOT NULL, since date NOT NULL DEFAULT current_date);
INSERT INTO shop.suppliers SELECT n, 'supplier ' || n, (ARRAY['DE', 'FR', 'JP'])[1 + n % 3] FROM generate_series(1, 500) AS n
ON CONFLICT DO NOTHING;
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'suppliers_reader') THEN
        CREATE ROLE suppliers_reader LOGIN PASSWORD 'only-for-this-example';
        CREATE ROLE suppliers_writer LOGIN PASSWORD 'only-for-this-example-too';
    END IF;
END $$;
GRANT CONNECT ON DATABASE source TO suppliers_reader;
GRANT USAGE ON SCHEMA shop TO suppliers_reader;
GRANT SELECT ON shop.suppliers TO suppliers_reader;
-- … and in the destination, where all roles that Headrace writes with act as one, so that they share its checkpoints.
GRANT CONNECT ON DATABASE target TO suppliers_writer;
GRANT target_writer TO suppliers_writer;
ALTER ROLE suppliers_writer SET role = 'target_writer';
