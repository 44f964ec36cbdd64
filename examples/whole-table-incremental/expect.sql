SELECT count(*) >= 200 AS all_invoices, bool_and(amount > 0) AS as_they_are FROM analytics.invoices
