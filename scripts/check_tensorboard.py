"""Reads a study's event files with TensorBoard's own reader and compares them with the records.

    python scripts/check_tensorboard.py DIR        DIR was made by `fewlabel run STUDY.toml --tensorboard`

Ends with 77 where the package tensorboard is not installed.
"""

import json
import math
import pathlib
import struct
import sys

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)


def single(value):
    """The value as a 32-bit float, as event files hold it."""
    return struct.unpack("f", struct.pack("f", math.nan if value is None else value))[0]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def mean(values):
    return sum(values) / len(values)


def expected(run):
    """Every scalar of a run by its tag: (step, value)."""
    scalars, loop_epochs = {}, 0
    for epoch in lines(run / "epochs.jsonl"):
        loop_epochs += epoch["phase"] == "loop"
        step = loop_epochs if epoch["phase"] == "loop" else epoch["epoch"]
        for name in ["train_loss", "val_accuracy"]:
            if name in epoch:
                scalars.setdefault(f"{epoch['phase']}/{name}", []).append((step, single(epoch[name])))
    for query in lines(run / "queries.jsonl"):
        for name, tag in [("score", "mean_score"), ("entropy", "mean_entropy_bits")]:
            values = [pick[name] for pick in query["picks"] if name in pick]
            if values:
                scalars.setdefault(f"query/{tag}", []).append((query["round"], single(mean(values))))
    return scalars


study = pathlib.Path(sys.argv[1])
count = 0
for board in sorted((study / "tensorboard").iterdir()):
    run = study / "runs" / board.name.rsplit("-", 1)[1]
    reader = EventAccumulator(str(board), size_guidance={"scalars": 0}).Reload()
    wanted = expected(run)
    assert set(reader.Tags()["scalars"]) == set(wanted), (board, reader.Tags()["scalars"], set(wanted))
    for tag, values in wanted.items():
        read = [(event.step, event.value) for event in reader.Scalars(tag)]
        assert len(read) == len(values), (board, tag, len(read), len(values))
        for (step, value), (wanted_step, wanted_value) in zip(read, values):
            same = value == wanted_value or (math.isnan(value) and math.isnan(wanted_value))
            # The last digit of a mean depends on the order of its sum.
            assert step == wanted_step and (same or abs(value - wanted_value) <= 1e-6 * abs(wanted_value)), (board, tag, step, value, wanted_value)
            count += 1
runs = len(list((study / "runs").iterdir()))
boards = len(list((study / "tensorboard").iterdir()))
assert runs == boards > 0, (runs, boards)
print(f"{boards} runs, {count} scalars: all as recorded")
