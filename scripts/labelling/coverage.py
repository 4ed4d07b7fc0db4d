"""Whether the interval of the page holds what it promises: over repeated projects, how often does
it contain the accuracy on the images that were never shown?

    python3 scripts/labelling/coverage.py FEWLABEL organamnist-s.npz FOLDER [--projects 20]

Each project has a seed of its own and all have one encoder, which is learned once. The classifier
that is judged here has learned from all answers; the page's estimate belongs to the one without
those held out.
"""

import argparse
import csv
import pathlib
import statistics
import subprocess

from oracle import Server, flat_copy


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fewlabel")
    parser.add_argument("archive")
    parser.add_argument("folder")
    parser.add_argument("--projects", type=int, default=20)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--labels", type=int, default=139)
    arguments = parser.parse_args()
    fewlabel, folder = arguments.fewlabel, pathlib.Path(arguments.folder)
    images, truth = flat_copy(fewlabel, arguments.archive, folder, count=arguments.images)
    classes = sorted(set(truth.values()))
    encoder = folder / "encoder.safetensors"
    if not encoder.exists():
        pretrain = [fewlabel, "pretrain", "-q", "--data", str(images), "--out", str(encoder)]
        subprocess.run(pretrain, check=True)
    covered, widths = 0, []
    for seed in range(arguments.projects):
        project = folder / f"coverage-{seed}"
        options = ["--classes", ",".join(classes), "--seed", seed, "--encoder", encoder]
        server = Server(fewlabel, images, project, *options)
        server.until(lambda status: status["phase"] == "learning")
        shown = set()
        for _ in range(arguments.labels):
            item = server.next()
            shown.add(item["path"])
            server.answer(item, truth[item["path"]])
        wanted = arguments.labels
        status = server.until(
            lambda status: status["model"]
            and status["model"]["labels"] == wanted - status["held_out"]
        )
        server.end()
        model, table = project / "final.safetensors", project / "final.csv"
        learn = [fewlabel, "learn", "-q", "--project", project, "--encoder", encoder]
        subprocess.run([*learn, "--model", model], check=True, stdout=subprocess.DEVNULL)
        predict = [fewlabel, "predict", "-q", "--model", model, "--data", images, "--out", table]
        subprocess.run(predict, check=True, stdout=subprocess.DEVNULL)
        with open(table, newline="") as rows:
            unseen = [row for row in csv.DictReader(rows) if row["file"] not in shown]
        right = sum(row["predicted"] == truth[row["file"]] for row in unseen) / len(unseen)
        low, high = status["accuracy"]["low"], status["accuracy"]["high"]
        covered += low <= right <= high
        widths.append(high - low)
        print(f"project {seed}: {low:.3f} to {high:.3f}, never shown {right:.3f}", flush=True)
    width = statistics.mean(widths)
    print(f"{covered} of {arguments.projects} intervals hold; mean width {100 * width:.1f} points")


if __name__ == "__main__":
    main()
