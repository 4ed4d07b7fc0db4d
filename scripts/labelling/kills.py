"""Kills the server again and again while it is answered, and counts what is left.

    python3 scripts/labelling/kills.py FEWLABEL organamnist-s.npz FOLDER [--kills 50]

Every answer that the server said yes to has to be there, once, and the project's file sound.
"""

import argparse
import pathlib
import random
import shutil
import signal
import sqlite3
import threading
import time
import urllib.error
import uuid

from oracle import Server, flat_copy


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fewlabel")
    parser.add_argument("archive")
    parser.add_argument("folder")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rate", type=float, default=20.0, help="answers a second")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.folder)
    images, truth = flat_copy(arguments.fewlabel, arguments.archive, folder, count=5000)
    classes, project = sorted(set(truth.values())), folder / "kills"
    shutil.rmtree(project, ignore_errors=True)
    promised, random_numbers = {}, random.Random(1)
    for _ in range(arguments.kills):
        server = Server(arguments.fewlabel, images, project, "--classes", ",".join(classes))
        pause = 0.2 + 1.5 * random_numbers.random()
        killer = threading.Timer(pause, lambda: server.end(signal.SIGKILL))
        killer.start()
        try:
            while True:
                item, client = server.next(), str(uuid.uuid4())
                body = {"id": item["id"], "client_id": client, "label": truth[item["path"]]}
                if server.ask("/api/answers", body)["saved"]:
                    promised[client] = item["id"]
                time.sleep(1 / arguments.rate)
        except (OSError, urllib.error.URLError, ValueError):
            pass
        killer.join()
    database = sqlite3.connect(project / "project.sqlite")
    rows = database.execute("SELECT client, image FROM events WHERE client IS NOT NULL").fetchall()
    kept = dict(rows)
    lost = [client for client, image in promised.items() if kept.get(client) != image]
    sound = database.execute("PRAGMA integrity_check").fetchone()[0]
    images_twice = len(rows) - len({image for _, image in rows if image is not None})
    print(
        f"{arguments.kills} kills, {len(promised)} answers promised, {len(lost)} lost, "
        f"{len(rows) - len(kept)} kept twice, {images_twice} images answered twice; "
        f"the file is {sound}"
    )
    raise SystemExit(bool(lost) or sound != "ok")


if __name__ == "__main__":
    main()
