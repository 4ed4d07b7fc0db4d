"""A person who knows every answer, for `fewlabel label`: drives the server over HTTP.

Other scripts of this folder import it. It needs Python 3.9 and nothing else.
"""

import csv
import json
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid


class Server:
    """A running `fewlabel label`."""

    def __init__(self, fewlabel, images, project, *options):
        line = [fewlabel, "label", images, "--project", project, "--no-open", "--port", "0"]
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [str(word) for word in [*line, *options]], stdout=subprocess.PIPE, text=True
        )
        url = self.process.stdout.readline().strip()
        self.address, self.token = re.fullmatch(r"(http://[^/]+)/\?token=(\w+)", url).groups()

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        head = {"Authorization": "Bearer " + self.token}
        request = urllib.request.Request(self.address + path, data=data, headers=head)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def status(self):
        return self.ask("/api/status")

    def next(self):
        """The next image; waits where it is being prepared."""
        while True:
            items = self.ask("/api/next?count=8")["items"]
            if items:
                return items[0]
            time.sleep(0.005)

    def answer(self, item, label):
        body = {"id": item["id"], "client_id": str(uuid.uuid4()), "label": label}
        return self.ask("/api/answers", body)

    def until(self, is_so, seconds=3600):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.status()
            if is_so(status):
                return status
            time.sleep(0.2)
        raise TimeoutError(status)

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.process.wait()


def flat_copy(fewlabel, archive, folder, split="train", count=None):
    """The images of one split as PNG files without labels; what they are, by their names."""
    folder = pathlib.Path(folder)
    tree = folder / "tree"
    if not tree.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([fewlabel, "data", "export", archive, str(tree) + "/"], check=True)
    with open(tree / "manifest.csv", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] == split]
    # Evenly over the split where not all are wanted.
    rows = rows if count is None else rows[:: max(1, len(rows) // count)][:count]
    images = folder / f"{split}-{len(rows)}"
    images.mkdir(exist_ok=True)
    truth = {}
    for number, row in enumerate(rows):
        name = f"image-{number:05d}.png"
        if not (images / name).exists():
            (images / name).hardlink_to(tree / row["path"])
        truth[name] = row["label"]
    return images, truth
