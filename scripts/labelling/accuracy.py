"""What the whole product makes of 139 answers, on `organamnist-s` as PNG files.

    python3 scripts/labelling/accuracy.py FEWLABEL organamnist-s.npz FOLDER [--projects 5]

A scripted person answers over HTTP. The first 20 answers come while the encoder is learned, as they
would of a person who needs four seconds an image; the rest when it is there. Then `fewlabel learn`
makes the classifier of all answers, and the published test split judges it.
"""

import argparse
import json
import statistics
import subprocess
import sys

from oracle import Server, flat_copy


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fewlabel")
    parser.add_argument("archive")
    parser.add_argument("folder")
    parser.add_argument("--projects", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="seed of the first project")
    parser.add_argument("--labels", type=int, default=139)
    parser.add_argument("--early", type=int, default=20)
    arguments = parser.parse_args()
    images, truth = flat_copy(arguments.fewlabel, arguments.archive, arguments.folder)
    classes = sorted(set(truth.values()))
    accuracies = []
    for seed in range(arguments.first, arguments.first + arguments.projects):
        project = f"{arguments.folder}/project-{seed}"
        server = Server(
            arguments.fewlabel, images, project, "--classes", ",".join(classes), "--seed", seed
        )
        for number in range(arguments.labels):
            if number == arguments.early:
                server.until(lambda status: (status["model"] or {}).get("encoder"))
            item = server.next()
            server.answer(item, truth[item["path"]])
        last = server.until(lambda status: status["model"] is not None)
        server.end()
        model = f"{project}/final.safetensors"
        learn = [arguments.fewlabel, "learn", "-q", "--project", project, "--model", model]
        subprocess.run(learn, check=True, stdout=subprocess.DEVNULL)
        predict = [arguments.fewlabel, "predict", "--model", model, "--data", arguments.archive]
        told = subprocess.run([*predict, "--json"], check=True, stdout=subprocess.PIPE)
        accuracy = 100 * json.loads(told.stdout)["metrics"]["accuracy"]
        accuracies.append(accuracy)
        print(
            f"project {seed}: {last['labelled']} labels, {last['held_out']} held out, "
            f"estimate {last['accuracy']}, test accuracy {accuracy:.2f} %",
            flush=True,
        )
    mean = statistics.mean(accuracies)
    spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
    print(f"mean of {len(accuracies)} projects: {mean:.2f} %, standard deviation {spread:.2f}")
    sys.exit(0 if mean >= 80.5 else 1)


if __name__ == "__main__":
    main()
