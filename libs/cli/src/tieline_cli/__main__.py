"""`python -m tieline_cli` is `tieline`."""

from tieline_cli.main import main

if __name__ == "__main__":
    main()
