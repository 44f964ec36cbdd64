SELECT count(*) = 144 AS all_orders_of_one_day,
       min(ordered_at) = '2026-01-10 01:00:00+00' AS begins_with_the_interval,
       max(ordered_at) = '2026-01-11 00:50:00+00' AS ends_before_its_end
FROM analytics.orders_nightly
