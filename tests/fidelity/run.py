# SPDX-License-Identifier: MIT
"""`make fidelity`: sends each scene from one Blender to a second and compares both ends.

    python -m tests.fidelity.run [--direct] [--blender NAME]... [--scene NAME]... [--keep FOLDER]

One person's Blender installs the add-on, opens the scene and hosts it; a second one knocks, is let in
and joins. Compared are the first one's scene before it was hosted, the same afterwards, and the
second one's. Prints per scene and Blender the number of values compared and every difference, then one table. What
must be exact already is in EXACT: the exit code is 1 if one of these is not. For the others the
differences are printed as what is still missing. `--direct` leaves out engine and network
(`direct.py`). The scenes are looked for in ATRIUM_SCENES, else in ../shared/scenes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO))

from tests.blender import blenders, extension  # noqa: E402
from tests.blender.inside import bpy  # noqa: E402
from tests.blender.party import Party  # noqa: E402
from tests.blender.process import BlenderError  # noqa: E402
from tests.fidelity import compare  # noqa: E402

EXACT = {
    "grande_salle": blenders.ALL,
    "vertex_colors": blenders.ALL,
    "node_groups": ("bpy45", "bpy50", "deb52"),
}
CANNOT_OPEN = {
    ("node_groups", name): "written by Blender 4.5, which an older one cannot read" for name in ("bpy42", "deb43")
}
END_TIMEOUT_S = 300


@dataclass
class Result:
    """What came out for one scene in one Blender."""

    scene: str
    blender: str
    report: compare.Report | None = None
    failed: str = ""
    notes: list[str] = field(default_factory=list)
    echoes: int = 0
    listed: int = 0  # what a user is told that his Blender shows otherwise than the room says
    seconds: float = 0.0

    @property
    def must_be_exact(self) -> bool:
        return self.blender in EXACT.get(self.scene, ())

    @property
    def is_exact(self) -> bool:
        return self.report is not None and not self.report.differences and self.is_quiet

    @property
    def is_quiet(self) -> bool:
        """Nothing is sent that nobody did, or told that is not so."""
        return not (self.echoes or self.listed or self.failed)

    def row(self) -> str:
        if self.report is None:
            return f"{self.scene:18} {self.blender}  FAILED"
        verdict = "exact" if self.is_exact else "NOT EXACT" if self.must_be_exact else "incomplete"
        amounts = (
            f"{self.report.values:12,} values {len(self.report.differences):6,} differences {self.echoes:4} echoes"
        )
        return f"{self.scene:18} {self.blender}  {amounts}  {self.seconds:5.1f} s  {verdict}"


def scenes_folder() -> Path:
    given = os.environ.get("ATRIUM_SCENES")
    return Path(given) if given else REPO.parent / "shared" / "scenes"


def open_scene(path: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=path, load_ui=False)


def dump_scene(repo: str, path: str) -> None:
    if repo not in sys.path:
        sys.path.insert(0, repo)
    from tests.fidelity.dump import dump

    dump(path)


def watch(module: str) -> None:
    """Notes every operation that this Blender sends from now on."""
    Link: Any = sys.modules[f"{module}.session.link"].Link
    if not hasattr(Link, "noted"):
        submit = Link.submit

        def noting(self: Any, doc: str, kind: str, tree: Any, **more: Any) -> bool:
            Link.noted.append(f"{kind} {doc}: {json.dumps(tree)[:300]}")
            return bool(submit(self, doc, kind, tree, **more))

        Link.submit = noting
    Link.noted = []


def noted(module: str) -> list[str]:
    return list(sys.modules[f"{module}.session.link"].Link.noted)


def listed(module: str) -> list[str]:
    replicator: Any = sys.modules[f"{module}.session.runtime"].need().replicator
    return [str(one) for one in replicator.refused]


def through_server(blender: blenders.Blender, scene: Path, folder: Path, zip_file: Path, result: Result) -> None:
    """Add-on to add-on, over a real server, with the public operators."""

    def dumped(person: Any, name: str) -> Path:
        person.call(dump_scene, str(REPO), str(folder / name), timeout=END_TIMEOUT_S)
        return folder / name

    with Party(folder, zip_file) as party:
        try:
            anna = party.invite(blender, "anna")
            anna.call(open_scene, str(scene), timeout=END_TIMEOUT_S)
            before = dumped(anna, "before")
            anna.host("Fidelity", timeout=END_TIMEOUT_S)
            ben = party.invite(blender, "ben")
            ben.join("Fidelity", let_in_by=anna, timeout=END_TIMEOUT_S)
            for person in (anna, ben):
                person.flush()
                person.call(watch, extension.MODULE)
            # All that is sent from here on is an echo: nobody edits. A flush is one full pass over everything.
            for person in (anna, ben, anna, ben):
                person.flush()
            for person in (anna, ben):
                echoes = person.call(noted, extension.MODULE)
                result.echoes += len(echoes)
                result.notes += [f"{person.name} sends without an edit: {line}" for line in echoes]
                told = person.call(listed, extension.MODULE)
                result.listed += len(told)
                result.notes += [f"{person.name} is told: {line}" for line in told]
            after, right = dumped(anna, "after"), dumped(ben, "right")
        except BlenderError as error:
            result.failed = str(error)
            return
    own = compare.compare(before, after)
    result.notes += [f"hosting changed the host's own scene: {d}" for d in own.differences]
    result.report = compare.compare(before, right)
    result.report.differences += own.differences


def direct(blender: blenders.Blender, scene: Path, folder: Path, result: Result) -> None:
    """Replicator to replicator, through a file."""
    for end in ("upload", "join"):
        arguments = [end, *([str(scene)] if end == "upload" else []), str(folder)]
        answer = run_end(blender, folder, end, arguments)
        if "failed" in answer:
            result.failed = f"{end}: {answer['failed']}"
            return
        result.echoes += len(answer["echoes"])
        result.notes += [f"{end} echoes {line}" for line in answer["echoes"]]
        result.notes += [f"{end} leaves out {line}" for line in answer["notes"]]
    result.report = compare.compare(folder / "left", folder / "right")


def run_end(blender: blenders.Blender, folder: Path, end: str, arguments: list[str]) -> dict[str, Any]:
    command = [str(blender.folder / "run"), str(REPO / "tests/fidelity/direct.py"), *arguments]
    env = dict(os.environ, BLENDER_USER_RESOURCES=str(folder / f"{end}-resources"))
    log = folder / f"{end}.log"
    with open(log, "w") as out:
        try:
            done = subprocess.run(command, stdout=out, stderr=out, env=env, timeout=END_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            return {"failed": f"not done after {END_TIMEOUT_S} s; see {log}"}
    answer = folder / f"{end}.json"
    if not answer.exists():
        return {"failed": f"exit status {done.returncode}\n" + "\n".join(log.read_text().splitlines()[-20:])}
    loaded: dict[str, Any] = json.loads(answer.read_text())
    return loaded


def one(blender: blenders.Blender, scene: Path, folder: Path, options: argparse.Namespace) -> Result:
    result = Result(scene.stem, blender.name)
    folder.mkdir(parents=True)
    begin = time.monotonic()
    if options.direct:
        direct(blender, scene, folder, result)
    else:
        through_server(blender, scene, folder, options.zip, result)
    result.seconds = time.monotonic() - begin
    print(f"\n=== {result.scene} in {result.blender}")
    for note in result.notes:
        print(note)
    if result.failed:
        print(result.failed)
    if result.report is not None:
        for line in compare.lines(result.report):
            print(line)
    sys.stdout.flush()
    return result


def summary(results: list[Result]) -> None:
    reports = [result.report for result in results if result.report is not None]
    if any(report.differences for report in reports):
        print("\n=== what is still missing, by kind of value, over all of the above")
        for line in compare.kind_lines(*reports):
            print(line)
    print("\n=== summary")
    for result in results:
        print(result.row())


def packed() -> Path:
    """The add-on's zip, packed from these sources."""
    command = [sys.executable, str(REPO / "addon" / "build_zip.py")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=REPO)
    return Path(done.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--direct", action="store_true", help="replicator to replicator, without engine and network")
    parser.add_argument("--zip", type=Path, help="the packed add-on (default: packs it)")
    parser.add_argument("--blender", action="append", help=f"one of {' '.join(blenders.ALL)} (default: all of them)")
    parser.add_argument("--scene", action="append", help="name of a scene (default: all)")
    parser.add_argument("--keep", type=Path, help="folder for dumps and logs")
    options = parser.parse_args()
    scenes = sorted(s for s in scenes_folder().glob("*.blend") if not options.scene or s.stem in options.scene)
    if not scenes:
        print(f"fidelity: no scenes in {scenes_folder()}; set ATRIUM_SCENES")
        return 1
    if not options.direct and options.zip is None:
        options.zip = packed()
    os.environ["ATRIUM_BIND"] = str(scenes_folder())  # Debian's Blenders see only what they are shown
    with tempfile.TemporaryDirectory() as temporary:
        results = run_all(options, scenes, options.keep or Path(temporary))
    summary(results)
    return 0 if results and all(r.is_exact for r in results if r.must_be_exact) else 1


def run_all(options: argparse.Namespace, scenes: list[Path], folder: Path) -> list[Result]:
    results = []
    for name in options.blender or blenders.ALL:
        reason = blenders.why_missing(name)
        blender = blenders.find(name)
        if reason is not None or blender is None:
            print(f"************ SKIPPED: NO BLENDER: {reason}")
            continue
        for scene in scenes:
            reason = CANNOT_OPEN.get((scene.stem, name))
            if reason:
                print(f"\n=== {scene.stem} in {name}: left out, {reason}")
                continue
            results.append(one(blender, scene, folder / name / scene.stem, options))
    return results


if __name__ == "__main__":
    sys.exit(main())
