SELECT count(*) >= 10 AS has_events, count(*) = count(DISTINCT id) AS each_once FROM analytics.events
