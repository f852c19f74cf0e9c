"""The command line `caisse`: thin doors over the same actions as the web (DESIGN 8).

Exit status: 0 done, 1 refused or failed (one clear French line on stderr), 2 wrong usage.
"""

import sys


def main() -> None:
    """Entry point of the console script."""
    try:
        from backoffice.cli.commands import run  # kept out of import time: `import backoffice.cli` does nothing
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
