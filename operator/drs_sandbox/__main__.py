"""``drs-sandbox``: see ``drs_sandbox.cli``."""

from drs_sandbox.cli import main

if __name__ == "__main__":
    main()
