SELECT count(*) > 0 AS has_orders,
       min(day) = '2026-01-10' AS begins_on_the_first_day,
       max(day) = '2026-01-11' AS ends_before_the_last,
       bool_and(country = 'DE') AS a_literal_per_cent_means_itself
FROM analytics.orders
