SELECT count(*) = 500 AS all_suppliers,
       bool_and(name = 'supplier ' || id) AS as_they_are,
       (SELECT count(*) = 1 FROM pg_index WHERE indrelid = 'analytics.suppliers'::regclass AND indisprimary) AS has_key
FROM analytics.suppliers
