SELECT count(*) = 500 AS all_customers,
       bool_and(name = 'customer ' || id) AS as_they_are,
       (SELECT count(*) = 1 FROM pg_index WHERE indrelid = 'analytics.customers'::regclass AND indisprimary) AS has_key
FROM analytics.customers
