"""dlt at its fastest: rows as Arrow by connectorx, files as Parquet, which its Postgres destination loads by ADBC.

Arguments: source URL, target URL, write disposition (replace or merge), folder for its files.
"""

import sys

import dlt
from dlt.sources.sql_database import sql_table

_, SOURCE, TARGET, DISPOSITION, FOLDER = sys.argv


def main() -> None:
    """Extracts, normalises and loads."""
    events = sql_table(
        credentials=SOURCE.replace("postgresql:", "postgresql+psycopg2:"),
        schema="bench", table="events", backend="connectorx",
        backend_kwargs={"conn": SOURCE, "return_type": "arrow"}, reflection_level="full_with_precision",
    )  # fmt: skip
    disposition = {"disposition": "merge", "strategy": "upsert"} if DISPOSITION == "merge" else DISPOSITION
    events.apply_hints(primary_key="id", write_disposition=disposition)
    pipeline = dlt.pipeline(
        "bench", pipelines_dir=FOLDER, destination=dlt.destinations.postgres(TARGET), dataset_name="bench"
    )
    pipeline.run(events, loader_file_format="parquet").raise_on_failed_jobs()


if __name__ == "__main__":
    main()
