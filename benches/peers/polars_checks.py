"""The checks of the comparison as polars expressions: polars_checks.py FILE (threads by POLARS_MAX_THREADS).

Prints {"bad", "totals", "seconds", "version"}; seconds are without the start of Python and the import.
"""

import json
import sys
import time

import polars as pl

file = sys.argv[1]

EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
PHONE = r"^\+[1-9][0-9]{6,14}$"
WHOLE = ["KES", "UGX", "TZS", "XOF", "XAF", "RWF", "GNF"]
CENTS = ["GHS", "ZMW", "NGN", "ZAR", "USD", "SLE", "CDF", "EGP", "MWK", "ETB", "MZN", "LSL"]

began = time.perf_counter()
text = pl.col("amount")
amount = text.cast(pl.Decimal(18, 2), strict=False)
ok = (
    (pl.col("recipient_name") != "")
    & (pl.col("reference") != "")
    & pl.col("recipient_email").str.contains(EMAIL)
    & pl.col("recipient_phone").str.contains(PHONE)
    & (
        (pl.col("currency").is_in(WHOLE) & text.str.contains(r"^[0-9]+(\.0+)?$"))
        | (pl.col("currency").is_in(CENTS) & text.str.contains(r"^[0-9]+(\.[0-9]{1,2}0*)?$"))
    )
    & (amount > 0)
    & (amount <= 1_000_000_000_000)
).fill_null(False)

# A row with too few cells lacks required ones; surplus cells are cut off, and the others stand in wrong columns.
checked = (
    pl.scan_csv(file, infer_schema=False, truncate_ragged_lines=True)
    .select(
        "currency",
        amount=amount,
        ok=ok & (pl.col("reference").is_null() | pl.col("reference").is_first_distinct()),
    )
    .group_by("ok", "currency")
    .agg(count=pl.len(), sum=pl.col("amount").sum())
    .collect()
)
bad = checked.filter(~pl.col("ok"))["count"].sum()
totals = checked.filter(pl.col("ok")).sort("currency")
seconds = time.perf_counter() - began

print(
    json.dumps(
        {
            "bad": bad,
            "totals": {
                row["currency"]: [row["count"], f"{row['sum']:.2f}"]
                for row in totals.iter_rows(named=True)
            },
            "seconds": seconds,
            "version": pl.__version__,
        }
    )
)
