SELECT count(*) >= 200 AS all_payments, bool_and(amount > 0) AS as_they_are FROM analytics.payments
