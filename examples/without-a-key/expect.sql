SELECT count(*) = 1000 AS all_rows_also_those_that_are_alike,
       count(DISTINCT page) = 10 AS all_pages
FROM analytics.clicks
