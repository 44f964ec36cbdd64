SELECT (SELECT count(*) = 20 FROM analytics.products) AS all_products,
       count(*) = 20 AS a_total_for_each,
       sum(sold) = 2000 AS all_sales_are_in_them
FROM analytics.sales
