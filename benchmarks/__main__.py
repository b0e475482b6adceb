"""`make bench`: run the benchmarks of the main paths one after the other, or those that are named.

python -m benchmarks [NAME …] [--list]
"""

import argparse
import runpy
import sys

MAIN_PATHS = ("main_job",)
OTHERS = (
    "route_matching",
    "registry_commands",
    "sync_ingest",
    "stream_clients",
    "webhook_intake",
    "webhook_outage",
    "telemetry_cost",
    "endpoint_pipeline",
    "webhook_delivery",
    "webhook_ledger",
    "footprint",
)


def main() -> int:
    """Run the benchmarks that are named, the main paths when none is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=", ".join(MAIN_PATHS + OTHERS))
    parser.add_argument("--list", action="store_true", help="say which there are")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(MAIN_PATHS + OTHERS))
        return 0
    for name in arguments.names or MAIN_PATHS:
        if name not in MAIN_PATHS + OTHERS:
            parser.error(f"there is no benchmark {name}")
        print(f"\n── {name}")
        sys.argv = [name]
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
