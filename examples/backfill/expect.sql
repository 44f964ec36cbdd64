SELECT count(*) = 7 * 144 AS all_orders_of_seven_days,
       min(ordered_at) = '2026-01-01 00:00:00+00' AS begins_with_the_first_interval,
       max(ordered_at) = '2026-01-07 23:50:00+00' AS ends_with_the_last
FROM analytics.orders_daily
