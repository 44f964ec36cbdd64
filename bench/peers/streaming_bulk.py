"""The official client's `helpers.streaming_bulk`: 5,000 documents a request, orjson, rows from a server-side cursor.

Arguments: source URL, query, Elasticsearch's URL, index.
"""

import sys
from collections.abc import Iterator
from typing import Any

import psycopg
from elasticsearch import Elasticsearch, OrjsonSerializer
from elasticsearch.helpers import streaming_bulk
from psycopg.rows import dict_row

_, SOURCE, QUERY, URL, INDEX = sys.argv
CHUNK = 5_000


def actions() -> Iterator[dict[str, Any]]:
    """One for each row."""
    with psycopg.connect(SOURCE) as connection:
        with connection.cursor("documents", row_factory=dict_row) as cursor:
            cursor.itersize = CHUNK
            for row in cursor.execute(QUERY.encode()):
                yield {"_op_type": "index", "_id": str(row["id"]), "_source": row}


def main() -> None:
    """Writes all documents; each result is looked at, as the documentation does."""
    with Elasticsearch(URL, serializer=OrjsonSerializer(), request_timeout=60) as client:
        done = sum(ok for ok, _ in streaming_bulk(client, actions(), chunk_size=CHUNK, index=INDEX))
        client.indices.refresh(index=INDEX)
    print(done)


if __name__ == "__main__":
    main()
