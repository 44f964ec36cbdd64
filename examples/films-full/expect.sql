SELECT count(*) > 0 AS has_films,
       bool_and(title <> '') AS has_titles,
       bool_and(genres <> '') AS has_genres,
       bool_and(directors LIKE '% %') AS has_directors,
       (SELECT count(*) = 1 FROM pg_index WHERE indrelid = 'analytics.film_dim'::regclass AND indisprimary) AS has_key
FROM analytics.film_dim
