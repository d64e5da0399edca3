#!/usr/bin/env python3
"""The group-by of s2s-prep in polars or duckdb: counts per gene and bin, and totals per bin, written as Parquet.

    python prep_scale.py polars|duckdb transcripts.parquet|transcripts.csv.gz BIN_UM OUTPUT

Prints one line of JSON: seconds from the first look at the file to the last byte written, and the peak memory in MiB.
"""

import json
import resource
import sys
import time


def polars(path, bin_um, output):
    import polars as pl

    start = time.perf_counter()
    table = pl.scan_parquet(path) if path.endswith(".parquet") else pl.scan_csv(path)
    place = [
        (pl.col("y_location") / bin_um).floor().cast(pl.Int32).alias("row"),
        (pl.col("x_location") / bin_um).floor().cast(pl.Int32).alias("col"),
    ]
    kept = table.filter(pl.col("qv") >= 20).select("feature_name", *place)
    genes = kept.group_by("feature_name", "row", "col").len().collect(engine="streaming")
    totals = genes.lazy().group_by("row", "col").agg(pl.col("len").sum()).collect(engine="streaming")
    genes.write_parquet(output + ".genes.parquet")
    totals.write_parquet(output + ".totals.parquet")
    return time.perf_counter() - start


def duckdb(path, bin_um, output):
    import duckdb as db

    start = time.perf_counter()
    source = f"read_parquet('{path}')" if path.endswith(".parquet") else f"read_csv('{path}')"
    connection = db.connect()
    connection.execute(f"""
        create table genes as
        select feature_name, floor(y_location / {bin_um})::int as row, floor(x_location / {bin_um})::int as col, count(*) as n
        from {source} where qv >= 20 group by all
    """)
    connection.execute(f"copy genes to '{output}.genes.parquet'")
    connection.execute(f"copy (select row, col, sum(n) from genes group by all) to '{output}.totals.parquet'")
    return time.perf_counter() - start


def main(library, path, bin_um, output):
    seconds = {"polars": polars, "duckdb": duckdb}[library](path, float(bin_um), output)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


main(*sys.argv[1:])
