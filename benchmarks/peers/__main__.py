"""figsight and its peers on the same photos, folds, cores and starting weights: a table and plots.

    python -m venv env-peers
    env-peers/bin/pip install -e '.[train]' -r benchmarks/peers/requirements.txt
    env-peers/bin/python -m benchmarks.peers DATA --out FOLDER

and, for AutoGluon, which needs older versions of torch and timm than the others:

    python -m venv env-autogluon
    env-autogluon/bin/pip install -r benchmarks/peers/requirements-autogluon.txt
    env-peers/bin/python -m benchmarks.peers DATA --out FOLDER \
        --python autogluon=env-autogluon/bin/python

Run it in the project's folder. ``--only figsight,fastai:fine_tune-5`` runs some peers or settings,
``--folds 0,1`` and ``--seeds 0`` some folds and seeds; what is finished is not run again, and the report
is of everything in the folder: ``peers.md``, ``peers.json``, ``accuracy-seconds.png``,
``time-to-accuracy.png``, with a file for each run below ``runs/`` and what it printed below ``logs/``.

A folder with results of other code of figsight, or of other versions of a peer's packages, than are
there now is refused; with ``--keep-old`` they stay, and the report says which they are.

Every run is a process of its own, one at a time, on ``--cores`` cores. A peer whose package is missing,
or that crashes, is named in the report; the others go on. Nothing is downloaded. Run it on an idle
machine: the load before each run is written down, but not made up for.

``--epochs N`` stops peers that train in epochs after N of them: their time is then extrapolated at the
pace of the last one, their accuracy is not measured, and the table says so. It never changes a
schedule, and peers that cannot be stopped between epochs (figsight, AutoGluon, scikit-learn) run whole.
The origin's recipe runs two epochs unless this says otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import plots, results, tables
from benchmarks.peers.planning import agree, list_jobs, make_task, read_photos, write_weights
from benchmarks.peers.processes import look_up, use_cores, work
from benchmarks.peers.registry import PEERS, choose

from figsight.errors import FigsightError
from figsight.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.planning import Job, Photos
    from benchmarks.peers.results import Now, Old


def read_command(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", help="labelled photos, as for figsight train; no zip")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--only", metavar="PEER[:SETTING],...", help=", ".join(PEERS))
    parser.add_argument("--n-folds", type=int, default=5, help="parts that photos are dealt into")
    parser.add_argument("--folds", metavar="0,1,...", help="which to hold out; by default each")
    parser.add_argument("--seeds", default="0", metavar="0,1,...")
    parser.add_argument("--epochs", type=int, metavar="N", help="stop after N and extrapolate")
    parser.add_argument(
        "--keep-old",
        action="store_true",
        help="keep results of other code, or of unknown code, and say so in the report",
    )
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PEER=PATH",
        help="the interpreter of a peer's own environment",
    )
    options = parser.parse_args(words)
    options.seeds = _numbers(parser, "--seeds", options.seeds, None)
    wanted = options.folds or ",".join(map(str, range(options.n_folds)))
    options.folds = _numbers(parser, "--folds", wanted, options.n_folds)
    if options.epochs is not None and options.epochs < 1:
        parser.error(f"--epochs: expected at least 1, found {options.epochs}")
    pythons = dict(pair.partition("=")[::2] for pair in options.python)
    for name, path in pythons.items():
        if name not in PEERS or not Path(path).exists():
            parser.error(f"--python: expected PEER=PATH that exists, found {name}={path}")
    # Not resolved: a link in bin/ is how a virtual environment knows itself.
    options.python = {name: str(Path(path).absolute()) for name, path in pythons.items()}
    try:
        options.chosen = choose(options.only)
    except ValueError as error:
        parser.error(str(error))
    return options


def _numbers(parser: argparse.ArgumentParser, name: str, text: str, below: int | None) -> list[int]:
    words = text.split(",")
    if not all(word.isdigit() and (below is None or int(word) < below) for word in words):
        limit = "" if below is None else f" below {below}"
        parser.error(f"{name}: expected whole numbers{limit} with commas between, found {text!r}")
    return list(dict.fromkeys(map(int, words)))


def run_jobs(jobs: Sequence[Job], photos: Photos, options: argparse.Namespace, cores: str) -> None:
    """Run what is not finished yet, and say how it went."""
    weights = write_weights(options.out)
    deals = {seed: photos.deal(seed) for seed in options.seeds}
    for number, job in enumerate(jobs, 1):
        epochs = job.peer.part if options.epochs is None else options.epochs
        before = results.load(job.place(options.out))
        if before is not None and before.satisfies(epochs):
            continue
        print(f"[{number}/{len(jobs)}] {job} ... ", end="", flush=True)
        held = [int(i) for i in deals[job.seed][job.fold]]
        task = make_task(job, photos, held, weights, epochs)
        log = options.out / "logs" / f"{str(job).replace(' ', '-').replace(':', '--')}.txt"
        python = options.python.get(job.peer.name, sys.executable)
        found = work(python, job.peer.name, task, log)
        result = results.save(job, found, held, cores, options.out)
        if not result.is_finished:
            print(f"{result.status}: {result.why}", flush=True)
            continue
        last = result.curve[-1][1]
        words = "not measured" if last is None else f"{last:.3f}"
        count = f" of {result.of_epochs}" if not result.is_whole else ""
        print(
            f"{words} after {len(result.curve)}{count}, {result.curve[-1][0]:.0f} s "
            f"({result.process_seconds:.0f} s in all)",
            flush=True,
        )


def look_up_all(options: argparse.Namespace) -> dict[str, dict[str, dict[str, str]]]:
    """Return for each peer the code and the versions that it would run with now."""
    pythons = {name: options.python.get(name, sys.executable) for name in PEERS}
    found = {python: look_up(python) for python in set(pythons.values())}
    return {name: found[python] for name, python in pythons.items()}


def require_new(old: Old, options: argparse.Namespace) -> None:
    """Name the results that would not be the same now, and end unless they are to be kept."""
    for (peer, setting, seed, fold), why in old.items():
        print(f"old: seed {seed} fold {fold} {peer}:{setting} ({why})", flush=True)
    if old and not options.keep_old:
        sys.exit(
            f"{options.out}: expected results of the code and the packages that are there now, found "
            f"{len(old)} of others; name another folder, remove them, or give --keep-old"
        )


def report(photos: Photos, now: Now, folder: Path) -> None:
    """Write table and plots of everything that the folder holds."""
    found = results.load_all(folder)
    rows, old = tables.summarise(found, photos), results.find_old(found, now)
    numbers = tables.to_dict(rows, found, photos, old)
    write_whole(
        {
            folder / "peers.md": tables.to_markdown(rows, found, photos, old).encode(),
            folder / "peers.json": json.dumps(numbers, indent=2).encode(),
            folder / "accuracy-seconds.png": plots.draw_curves(rows),
            folder / "time-to-accuracy.png": plots.draw_times(rows),
        }
    )
    print(f"wrote {folder / 'peers.md'}, peers.json, accuracy-seconds.png, time-to-accuracy.png")


def main() -> None:
    """Run what was asked for and write the report."""
    options = read_command()
    # Their own servers, should a tool look for something there: we compare tools, not networks.
    os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
    options.out = options.out.absolute()
    options.data = str(Path(options.data).absolute())
    cores = use_cores(options.cores)
    try:
        photos = read_photos(options.data, options.n_folds)
        agree(photos, options.out)
        jobs = list_jobs(options.chosen, options.seeds, options.folds)
        now = look_up_all(options)
        require_new(results.find_old(results.load_all(options.out), now), options)
        run_jobs(jobs, photos, options, cores)
        report(photos, now, options.out)
    except FigsightError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
