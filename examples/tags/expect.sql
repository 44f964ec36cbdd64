SELECT count(*) = 67 AS has_invoices, min(amount) = 102 AS large_ones, bool_and(country = 'DE') AS of_one_country
FROM analytics.invoices
