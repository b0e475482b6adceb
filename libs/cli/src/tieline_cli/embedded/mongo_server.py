"""The process of the embedded database: `python -m tieline_cli.embedded.mongo_server PORT STORAGE`.

The server's own command is not used because it does not always stop: its main thread waits in a way that now and then
does not see SIGTERM, and its accepting thread notices a stop only after 2 s, or at the next connection.
"""

import contextlib
import logging
import signal
import socket
import sys
import threading
import time

from secantus import SecantusDBServer

from tieline_cli.processes.program import LOOPBACK

_POLL_SECONDS = 0.05
_TRANSACTION_SECONDS = 10.0  # MongoDB's own default is a minute


def main(port: int, storage: str) -> None:
    """Serve until SIGTERM or SIGINT, then close the storage in order."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    server = SecantusDBServer(
        host=LOOPBACK,
        port=port,
        storage_path=storage,
        enable_test_commands=False,
        sync_on_commit=True,  # without it a killed server loses acknowledged writes
        cache_size="256M",
        transaction_lifetime_seconds=_TRANSACTION_SECONDS,
    )
    server.start()
    while not told.is_set():
        time.sleep(_POLL_SECONDS)
        # The server itself ends what a killed client left open only when somebody else begins a transaction; whoever
        # only writes to a document that it holds would wait for ever.
        server.transactions.prune_expired()
    stopped = threading.Event()
    threading.Thread(target=_wake, args=(port, stopped), daemon=True).start()
    server.stop()
    stopped.set()


def _wake(port: int, stopped: threading.Event) -> None:
    """Connect until the server has stopped, so that its accepting thread looks up."""
    while not stopped.wait(_POLL_SECONDS):
        with contextlib.suppress(OSError):
            socket.create_connection((LOOPBACK, port), timeout=1).close()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
