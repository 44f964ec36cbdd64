SELECT count(*) > 0 AS has_films,
       count(*) = count(DISTINCT id) AS each_film_once,
       bool_and(modified IS NOT NULL) AS has_times
FROM analytics.film_rating_agg
