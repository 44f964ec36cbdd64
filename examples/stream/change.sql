UPDATE shop.prices SET price = 99.99, modified = clock_timestamp() WHERE product_id <= 10;
