"""A world of millions of persons and fifty campaigns, in a folder that stays, for the other benchmarks to measure over.

    .venv/bin/python benchmarks/make_world.py /tmp/monde                        7 million persons, half an hour, 20 GB
    .venv/bin/python benchmarks/make_world.py /tmp/monde --persons 200000       a minute

Everything is made inside PostgreSQL under the real migrations, seen on 2 November 2016 at 10 o'clock. Everybody in it is
synthetic. Remove the folder by hand.
"""

import argparse
from pathlib import Path

from sqlalchemy import text
from world import life, mailings, persons, record
from world.folder import owners, services
from world.told import say

from dmp_core.storage.keyring import Keyring


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--persons", type=int, default=7_000_000)
    parser.add_argument("--names", type=int, default=120_000, help="family names")
    asked = parser.parse_args()
    with services(asked.folder) as settings:
        caisse, dmp = owners(settings)
        with caisse.connect() as connection:
            made = connection.scalar(text("SELECT max(id) FROM person"))
            mailed = connection.scalar(text("SELECT count(*) FROM campaign"))
        # What an interrupted attempt had finished is taken as it is.
        found = persons.shares(made) if made else persons.fill(caisse, asked.persons, asked.names)
        if not mailed:
            mailings.fill(caisse, found)
            life.fill(caisse, found)
            record.fill(caisse, dmp, Keyring.create_if_missing(settings.code_keyring).current)
    say("fait")


if __name__ == "__main__":
    main()
