INSERT INTO shop.events (what) SELECT 'event ' || n FROM generate_series(1, 10) AS n;
