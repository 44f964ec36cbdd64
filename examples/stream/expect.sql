SELECT count(*) = 100 AS all_products, count(*) FILTER (WHERE price = 99.99) >= 10 AS those_that_changed FROM analytics.prices
