"""The checks of the comparison as SQL in DuckDB: duckdb_checks.py FILE THREADS [across].

Prints {"bad", "totals", "seconds", "version"}; seconds are without the start of Python and the import. With `across` also
"doubts": payments to one payee that are alike or to two names, and references that differ by case only.
"""

import json
import sys
import time

import duckdb

file, threads = sys.argv[1], int(sys.argv[2])
across = sys.argv[3:] == ["across"]

EMAIL = r"[A-Za-z0-9.!#$%&''*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
PHONE = r"\+[1-9][0-9]{6,14}"
WHOLE = "'KES', 'UGX', 'TZS', 'XOF', 'XAF', 'RWF', 'GNF'"
CENTS = "'GHS', 'ZMW', 'NGN', 'ZAR', 'USD', 'SLE', 'CDF', 'EGP', 'MWK', 'ETB', 'MZN', 'LSL'"
# Across rows who is paid is compared too.
KEPT = "recipient_name, recipient_phone," if across else ""

began = time.perf_counter()
db = duckdb.connect()
db.execute(f"SET threads = {threads}")

# Rows with too few or too many cells are put aside and counted; every other row comes as text.
db.execute(
    f"""
    CREATE TEMP TABLE checked AS
    SELECT {KEPT} reference, currency, amount, ok AND amount > 0 AND amount <= 1000000000000 AS ok FROM (
        SELECT {KEPT} reference, currency, TRY_CAST(amount AS DECIMAL(18, 2)) AS amount, coalesce(
            recipient_name <> '' AND reference <> ''
            AND regexp_full_match(recipient_email, '{EMAIL}')
            AND regexp_full_match(recipient_phone, '{PHONE}')
            AND CASE WHEN currency IN ({WHOLE}) THEN regexp_full_match(amount, '[0-9]+(\\.0+)?')
                     WHEN currency IN ({CENTS}) THEN regexp_full_match(amount, '[0-9]+(\\.[0-9]{{1,2}}0*)?')
                     ELSE false END,
            false) AS ok
        FROM read_csv(?, header = true, all_varchar = true, auto_detect = false, delim = ',',
            quote = '"', escape = '"', store_rejects = true, rejects_limit = 0, columns = {{
                'recipient_name': 'VARCHAR', 'recipient_email': 'VARCHAR', 'recipient_phone': 'VARCHAR',
                'amount': 'VARCHAR', 'currency': 'VARCHAR', 'reference': 'VARCHAR',
                'description': 'VARCHAR', 'metadata': 'VARCHAR'}}))
    """,
    [file],
)
# The few rows whose reference is there more than once are ordered, not the whole file.
later = """
    SELECT row, currency, amount FROM (
        SELECT rowid AS row, currency, amount, ok,
            row_number() OVER (PARTITION BY reference ORDER BY rowid) AS place
        FROM checked WHERE reference IN (
            SELECT reference FROM checked WHERE reference <> '' GROUP BY reference HAVING count(*) > 1))
    WHERE place > 1 AND ok
"""
db.execute(f"CREATE TEMP TABLE later AS {later}")
bad = db.execute(
    """
    SELECT (SELECT count(*) FROM checked WHERE ok IS NOT true) + (SELECT count(*) FROM later)
        + (SELECT count(DISTINCT line) FROM reject_errors)
    """
).fetchone()[0]
totals = db.execute(
    """
    SELECT currency, sum(count), sum(sum) FROM (
        SELECT currency, count(*) AS count, sum(amount) AS sum FROM checked WHERE ok GROUP BY currency
        UNION ALL
        SELECT currency, -count(*), -sum(amount) FROM later GROUP BY currency)
    GROUP BY currency ORDER BY currency
    """
).fetchall()
doubts = None
if across:
    # Of rows with one reference the first is paid.
    db.execute(
        """
        CREATE TEMP TABLE paid AS
        SELECT rowid AS place, recipient_phone AS phone, currency, amount,
            lower(replace(recipient_name, ' ', '')) AS name
        FROM checked WHERE ok AND rowid NOT IN (SELECT row FROM later)
        """
    )
    doubts = db.execute(
        """
        SELECT
            (SELECT coalesce(sum(count - 1), 0) FROM (
                SELECT count(*) AS count FROM paid GROUP BY phone, currency, amount))
            + (SELECT count(*) FROM (
                SELECT name, first_value(name) OVER (PARTITION BY phone ORDER BY place) AS first
                FROM paid WHERE phone IN (
                    SELECT phone FROM paid GROUP BY phone HAVING count(DISTINCT name) > 1))
                WHERE name <> first)
            + (SELECT coalesce(sum(count - 1), 0) FROM (
                SELECT count(DISTINCT reference) AS count FROM checked WHERE reference <> ''
                GROUP BY lower(reference)))
        """
    ).fetchone()[0]
seconds = time.perf_counter() - began

print(
    json.dumps(
        {
            "bad": bad,
            "doubts": doubts and int(doubts),
            "totals": {currency: [int(count), f"{sum:.2f}"] for currency, count, sum in totals},
            "seconds": seconds,
            "version": duckdb.__version__,
        }
    )
)
