"""How long a person waits: from an answer to the next image, while an encoder is learned.

    python3 scripts/labelling/latency.py FEWLABEL organamnist-s.npz FOLDER

Counts one POST of an answer and one GET of the next images as a step, and the GET of an image's
values apart. The server's memory is read where Linux tells it.
"""

import argparse
import pathlib
import shutil
import time
import urllib.request

from oracle import Server, flat_copy


def share(times, part):
    return 1000 * sorted(times)[min(len(times) - 1, int(part * len(times)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fewlabel")
    parser.add_argument("archive")
    parser.add_argument("folder")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--answers", type=int, default=1_000)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between answers")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.folder)
    images, truth = flat_copy(
        arguments.fewlabel, arguments.archive, folder, count=arguments.images
    )
    project = folder / "latency"
    shutil.rmtree(project, ignore_errors=True)
    classes = sorted(set(truth.values()))
    server = Server(arguments.fewlabel, images, project, "--classes", ",".join(classes))
    item = server.next()
    print(f"first image after {time.monotonic() - server.begun:.2f} s")
    server.until(lambda status: status["phase"] == "pretraining")
    steps, pictures, phases = [], [], set()
    for number in range(arguments.answers):
        begun = time.perf_counter()
        server.answer(item, truth[item["path"]])
        item = server.next()
        steps.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        head = {"Authorization": "Bearer " + server.token}
        request = urllib.request.Request(server.address + item["pixels"], headers=head)
        urllib.request.urlopen(request).read()
        pictures.append(time.perf_counter() - begun)
        if number % 100 == 0:
            phases.add(server.status()["phase"])
        time.sleep(arguments.pause)
    for name, times in [("answer to next image", steps), ("its values", pictures)]:
        print(
            f"{name}: p50 {share(times, 0.5):.1f} ms, p99 {share(times, 0.99):.1f} ms, "
            f"at most {1000 * max(times):.1f} ms"
        )
    print(f"phases seen: {', '.join(sorted(phases))}")
    memory = pathlib.Path(f"/proc/{server.process.pid}/status")
    if memory.exists():
        lines = memory.read_text().splitlines()
        print("; ".join(line for line in lines if line.startswith(("VmHWM", "VmRSS"))))
    server.end()


if __name__ == "__main__":
    main()
