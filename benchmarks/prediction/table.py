"""The measurements as Markdown."""

from __future__ import annotations

from typing import Any

_HEAD = (
    "| through | photo p50, ms | p99 | against figsight | processor, ms "
    "| folder, photos/s | best round | processor, ms a photo "
    "| cold, s | peak, MB | install, MB | logits differ by |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)
_ALONE = (
    "| network alone | one photo, {threads} threads, ms: best | median | x limit "
    "| {threads} photos, a thread each, ms a photo: best | median | x limit "
    "| processor, ms a photo: best | median | x limit |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def write_table(results: dict[str, Any]) -> str:
    """Return Markdown of what ``__main__`` measured."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    where = f"{machine['date']}, {machine['processor']}, {machine['cpus']} CPUs"
    lines = [f"{where}, Python {machine['python']}, {versions}"]
    for side in results["sides"]:
        lines += ["", *_write_side(side)]
    return "\n".join(lines) + "\n"


def _write_side(side: dict[str, Any]) -> list[str]:
    threads = side["threads"]
    bound = side["limit"]
    load = sorted(side["load"])
    busy = f"load of the machine {load[0]:.1f} to {load[-1]:.1f}"
    size = f"{side['side'][1]} x {side['side'][0]} px"
    lines = [f"### {size}, {threads} threads ({busy})", "", _HEAD]
    for name, one in side["candidates"].items():
        photo, folder = one["photo"], one["folder"]
        lines.append(
            f"| {name} | {1e3 * photo['p50']:.1f} | {1e3 * photo['p99']:.1f} "
            f"| {photo['against_figsight']:.2f} | {1e3 * photo['processor']:.1f} "
            f"| {folder['median']:.0f} | {folder['most']:.0f} | {1e3 * folder['processor']:.1f} "
            f"| {one['cold']:.2f} | {one['peak_mb']:.0f} | {one['install_mb']:.0f} "
            f"| {one['difference']:.1g} |"
        )
    lines += ["", *_write_limit(side, bound, threads), "", _ALONE.format(threads=threads)]
    billions = side["multiply_adds"] / 1e9
    clock, processor = billions / bound[str(threads)]["best"], billions / bound["1"]["processor"]
    for name, one in side["candidates"].items():
        alone = one["network"]
        cells = [name]
        for least, median, least_possible in (
            (alone["least"], alone["median"], clock),
            (alone["together_least"], alone["together_median"], clock),
            (alone["processor_least"], alone["processor"], processor),
        ):
            cells += [f"{1e3 * least:.1f}", f"{1e3 * median:.1f}", f"{least / least_possible:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _write_limit(side: dict[str, Any], bound: dict[str, Any], threads: int) -> list[str]:
    million = side["multiply_adds"] / 1e6
    rates = "; ".join(
        f"{n} thread{'s' * (n != '1')}: {rate['best']:.0f} at best, {rate['median']:.0f} median, "
        f"{rate['processor']:.0f} a second of the processor"
        for n, rate in bound.items()
    )
    least = 1e3 * side["multiply_adds"] / 1e9 / bound[str(threads)]["best"]
    needed = f"{million:.0f} million multiply-adds a photo: at least {least:.1f} ms"
    return [
        f"Arithmetic limit: products of square float32 matrices, 1e9 multiply-adds a second: {rates}.",
        f'The network needs {needed}. "x limit" is best against best.',
    ]
