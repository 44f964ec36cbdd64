SELECT count(*) = 500 AS all_customers, bool_and(name = 'Customer ' || id) AS their_names FROM analytics.customers
