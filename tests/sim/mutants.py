#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Takes one rule out of the engine at a time and expects a test to notice.

Each mutant is a list of replacements in a copy of a source file; the product has no switches for it. The copy is compiled and linked
in front of the library, so that it takes the place of the original. The simulator judges it, or, where the rule is one that it
cannot see (a bound that it never reaches, a line's delay), the C test that is named. A mutant that survives means that the tests do not
check what we believe they check; a replacement that no longer applies means that the table must be brought up to date.

`INVARIANTS` lists what binds the room and its replicas, and the beginnings of the mutants' names that stand for each.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]


INVARIANTS = {
    "Order: one sequence per room, the last write wins, all end with the same state": [
        "order",
        "waking",
        "long messages",
    ],
    "No flicker, no loss: confirmed and own pending operations": ["pending", "told", "two queues", "previews", "store"],
    "Exactly once: counters, kept with the room": ["exactly once"],
    "Epochs: differences only, the newest stands": ["epochs"],
    "One mechanism for joining, lagging and returning": ["cursor"],
    "Deletion: tombstones, bounded": ["deletion"],
    "References never deadlock": ["references", "blobs"],
    "Equal names": ["names"],
    "Lanes: what lies unsent is bounded": ["lanes"],
    "Convergence is checked": ["digests"],
    "Memory: what is owed, settled or gone is not held": ["memory"],
}


@dataclass
class Mutant:
    rule: str
    file: str
    changes: list[tuple[str, str]]
    more: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # other files
    test: str = ""  # a C test instead of the simulator


MUTANTS = [
    Mutant(
        "order: a document's changes are merged in the room's order",
        "csrc/room/docs.c",
        [("    room_ring_at(&room->ring, d->chain_last)->chain_next = seq;\n", "    (void)room;\n")],
    ),
    Mutant(
        "order: what the ring drops is merged before",
        "csrc/room/ring.c",
        [("    err = room_doc_merge(room, e->doc);", "    err = 0;")],
    ),
    Mutant(
        "exactly once: the server knows a repeat",
        "csrc/room/receive.c",
        [("  if (s.counter && s.counter <= part->last) {\n    answer_again(m, s.counter);\n    return 0;\n  }\n", "")],
        {"csrc/room/room.c": [('"settled", (double)m->part->last)', '"settled", (double)(m->part->last / 2))')]},
    ),
    Mutant(
        "exactly once: a client goes on behind what is settled",
        "csrc/replica/pending.c",
        [("  r->next_counter = settled + 1;", "  r->next_counter = settled + 2;")],
    ),
    Mutant(
        "exactly once: what a forgotten participant had under way is not sent again",
        "csrc/replica/replica.c",
        [("  if (forgotten)\n    rep_drop_unsure(r);\n", "")],
    ),
    Mutant(
        "exactly once: nobody is forgotten while the store is busy with him",
        "csrc/room/room.c",
        [("  while (list && list->staged)", "  while (0)")],
        test="test_room_limits",
    ),
    Mutant(
        "store: what failed was not committed",
        "csrc/room/commit.c",
        [
            (
                "    refuse_all(room, st, err);\n    refuse_all(room, &room->stages[room->stage_now], err);\n    room->staged_head",
                "    room->staged_head",
            )
        ],
    ),
    Mutant(
        "store: who brings back what is lost with it is cut",
        "csrc/room/commit.c",
        [("    room_cut(s->part->member, err);", "    (void)err;")],
    ),
    Mutant(
        "store: what waits for it is bounded",
        "csrc/room/commit.c",
        [("  return !bytes || bytes + n <= room->config.staged_bytes_max;", "  (void)bytes, (void)n;\n  return true;")],
    ),
    Mutant(
        "cursor: one that was cut while catching up goes on in the documents",
        "csrc/room/room.c",
        [("same && !join->partial && join->cursor", "same && join->cursor")],
    ),
    Mutant(
        "cursor: the ring is left when it does not reach back",
        "csrc/room/serve.c",
        [("      room_begin_pass(m, m->at - 1);\n      return 0;", "      m->at = r->first;\n      continue;")],
    ),
    Mutant(
        "cursor: only what was sent before is left to the ring",
        "csrc/room/serve.c",
        [(" && old_number <= m->passed)", ")")],
    ),
    Mutant(
        "cursor: a pass that the ring does not reach is followed by another",
        "csrc/room/serve.c",
        [
            ("  if (m->target + 1 < m->room->ring.first) {", "  if (0) {"),
            ("  m->at = m->target + 1;", "  m->at = m->room->head + 1;"),
        ],
    ),
    Mutant(
        "cursor: operations that a document contains are ignored",
        "csrc/replica/receive.c",
        [("  if (m.seq <= rdoc_number(d) && !d->old_epoch)\n    return 0;\n", "")],
    ),
    Mutant(
        "cursor: own operations that the whole contains are settled",
        "csrc/replica/receive.c",
        [("p->counter <= r->settled_whole)", "p->counter <= r->settled_whole / 2)")],
    ),
    Mutant(
        "deletion: an operation on a tombstone is refused",
        "csrc/room/receive.c",
        [("    return d ? ATR_GONE : ATR_NOENT;", "    return 0;")],
    ),
    Mutant(
        "deletion: who is behind a dropped tombstone hears what lives",
        "csrc/room/serve.c",
        [("  m->need_live = m->need_live || ((cursor || m->returning) && cursor < room->tombs_floor);", "")],
    ),
    Mutant(
        "deletion: who was cut in its first pass hears it too",
        "csrc/room/room.c",
        [("    m->returning = same;", "    m->returning = false;")],
        test="test_room_limits",
    ),
    Mutant(
        "deletion: a list under way hears of a dropped tombstone",
        "csrc/room/docs.c",
        [("        m->need_live = true;", "        m->need_live = m->need_live;")],
    ),
    Mutant(
        "deletion: tombstones are bounded",
        "csrc/room/docs.c",
        [("  while (room->n_tombs > room->config.tombstones_max &&", "  while (0 &&")],
    ),
    Mutant(
        "deletion: tombstones of a client are bounded",
        "csrc/replica/docs.c",
        [("  rep_trim_tombs(r);\n", "")],
    ),
    Mutant(
        "deletion: a client forgets them only where all is of one age",
        "csrc/replica/docs.c",
        [("  if (!r->online || !r->whole || r->comparing)", "  if (!r->online)"), ("d->seq <= r->cursor && ", "")],
    ),
    Mutant(
        "deletion: an edit that crossed with a forgotten document's event is answered",
        "csrc/replica/docs.c",
        [("  d->last_event = r->forgotten_event;", "  d->last_event = 0;")],
    ),
    Mutant(
        "deletion: a create replaces, never merges",
        "csrc/room/docs.c",
        [("  if (op->kind != ATR_OP_EDIT)\n    room_doc_unchain(room, d);\n", "")],
    ),
    Mutant(
        "previews: leaving ends them",
        "csrc/room/room.c",
        [
            (
                "    room_preview_orphan(room, m->previews);",
                "  {\n    preview *p = m->previews;\n    DL_DELETE(m->previews, p);\n    p->member = NULL;\n  }",
            )
        ],
    ),
    Mutant(
        "previews: a refusal of what closes them ends them",
        "csrc/room/commit.c",
        [("  return (!s->preview || op->json.n == 2) &&", "  return s->preview && op->json.n == 2 &&")],
        test="test_room_previews",
    ),
    Mutant(
        "previews: their end is not lost with a store",
        "csrc/room/commit.c",
        [("    if (ends_preview(s, &op.op))", "    if (0 && ends_preview(s, &op.op))")],
        test="test_room_previews",
    ),
    Mutant(
        "previews: so does one by a check",
        "csrc/room/receive.c",
        [
            (
                "  end_own_preview(room, m, &s.op);\n  if (s.counter)\n    room_refuse",
                "  if (s.counter)\n    room_refuse",
            )
        ],
        test="test_room_previews",
    ),
    Mutant(
        "previews: nobody else's refusal does",
        "csrc/room/commit.c",
        [(" && s->doc->preview && s->doc->preview->number == s->member;", " && s->doc->preview;")],
        test="test_room_previews",
    ),
    Mutant(
        "previews: the closing operation ends them",
        "csrc/replica/receive.c",
        [("  if (kind != ATR_OP_EDIT || d->preview_member == member)", "  if (kind != ATR_OP_EDIT)")],
    ),
    Mutant(
        "previews: they are not stored",
        "csrc/room/docs.c",
        [
            (
                "  if (s->preview)\n    commit_preview(room, s, op);\n  else\n    commit_durable",
                "  if (s->preview)\n    commit_preview(room, s, op);\n    commit_durable",
            )
        ],
    ),
    Mutant(
        "blobs: what was sent is held until it is named",
        "csrc/room/transfer.c",
        [("  if (has_space(m->room, 0)) {\n    hold_blob(m, hash);\n", "  if (has_space(m->room, 0)) {\n")],
    ),
    Mutant(
        "blobs: documents keep what they name",
        "csrc/room/docs.c",
        [
            (
                "  err = op->kind == ATR_OP_CREATE ? atr_blob_refs_replace(&d->blobs, room->config.blobs, named, n)\n"
                "                                  : atr_blob_refs_add(&d->blobs, room->config.blobs, named, n);",
                "  err = n > ATR_OP_BLOBS_MAX;",
            )
        ],
    ),
    Mutant(
        "blobs: a replica keeps what an edit names",
        "csrc/replica/receive.c",
        [
            (
                "    if (d->tree)\n      merged = atr_patch_apply_move(&d->tree, tree);",
                "    if (!err && atr_blob_refs_recount_is_due(&d->blobs))\n"
                "      err = atr_blob_refs_recount(&d->blobs, r->blobs, d->tree);\n"
                "    if (d->tree)\n      merged = atr_patch_apply_move(&d->tree, tree);",
            )
        ],
        test="test_named_blobs",
    ),
    Mutant(
        "blobs: an operation waits for its blobs",
        "csrc/replica/pending.c",
        [
            (
                "    err = rep_offer(r, &p->blobs[i], &p->bases[i], p);",
                "    err = rep_offer(r, &p->blobs[i], &p->bases[i], NULL);",
            )
        ],
    ),
    Mutant(
        "blobs: a document without its blobs is not told",
        "csrc/replica/docs.c",
        [("  c->missing = true;", "  c->missing = false;")],
    ),
    Mutant(
        "blobs: a blob that is needed no more is not waited for",
        "csrc/replica/docs.c",
        [("    rep_drop_stale_wants(r, d);", "    (void)0;")],
    ),
    Mutant(
        "blobs: who comes next is asked when a sender leaves",
        "csrc/room/transfer.c",
        [
            (
                "    err = ask(m, u, size, &base);\n    if (!err)\n      return;\n    room_cut(m, err);",
                "    (void)m, (void)base, (void)size, (void)err;",
            )
        ],
        test="test_room_blobs",
    ),
    Mutant(
        "pending: what is shown has the own operations on top",
        "csrc/replica/docs.c",
        [("    err = add_pending(&tree, p);", "    err = 0;")],
    ),
    Mutant(
        "pending: a refusal drops the operation",
        "csrc/replica/pending.c",
        [
            (
                "  rep_pend_drop(r, p);\n  rep_named(r, d);\n  rep_dirty(r, d);\n  r->cb.on_refused",
                "  rep_named(r, d);\n  rep_dirty(r, d);\n  r->cb.on_refused",
            )
        ],
    ),
    Mutant(
        "pending: own operations on one document keep their order",
        "csrc/replica/pending.c",
        [("  int err = wait_for_doc(p->doc, p);", "  int err = 0;")],
    ),
    Mutant(
        "references: what a constructor needs goes first",
        "csrc/replica/pending.c",
        [("    if (d && d != p->doc)\n      err = wait_for_doc(d, p);", "    (void)d;")],
    ),
    Mutant(
        "two queues: what crossed is told again",
        "csrc/replica/pending.c",
        [("  bool crossed = d->last_event > seen;", "  bool crossed = d->last_event > seen && 0;")],
    ),
    Mutant(
        "told: the difference is taken from what was told",
        "csrc/replica/docs.c",
        [("  rep_put_told(r, d, owned);\n", "  cJSON_Delete(owned);\n  rep_put_told(r, d, NULL);\n")],
    ),
    Mutant(
        "told: a remote edit is only passed on where nothing is pending",
        "csrc/replica/receive.c",
        [("!d->told_shown || d->pends ||", "!d->told_shown ||")],
    ),
    Mutant(
        "names: the first created shows its name",
        "csrc/replica/names.c",
        [("  return a->created != b->created ? a->created < b->created : ", "  return ")],
    ),
    Mutant(
        "names: an edit of the name counts",
        "csrc/replica/docs.c",
        [('kind != ATR_OP_EDIT || atr_json_get(tree, "name") ||', "kind != ATR_OP_EDIT ||")],
    ),
    Mutant(
        "names: a suffix that is somebody's name is taken",
        "csrc/replica/names.c",
        [("  return g != NULL;", "  return g != NULL && 0;")],
    ),
    Mutant(
        "names: a name that is given up frees its suffix",
        "csrc/replica/names.c",
        [("  mark_taken_from(names, g);\n  DL_DELETE", "  DL_DELETE")],
    ),
    Mutant(
        "epochs: another history is compared",
        "csrc/replica/replica.c",
        [("  if (returning && !atr_id_equal(&epoch, &r->epoch)) {", "  if (0) {")],
    ),
    Mutant(
        "epochs: what the server lacks is brought back",
        "csrc/room/reconcile.c",
        [
            (
                "  return seq <= room->config.seq_base && (!d || seq > d->version) && !(d && d->staged);",
                "  (void)d, (void)seq;\n  return false;",
            )
        ],
    ),
    Mutant(
        "epochs: a new one begins above all older ones",
        "csrc/room/room.c",
        [
            (
                "  return by_clock > base || base >= UINT64_C(1) << 52 ? by_clock : base + gap;",
                "  (void)by_clock, (void)gap;\n  return base / 2;",
            )
        ],
    ),
    Mutant(
        "epochs: the newest stands, whoever returns first",
        "csrc/room/reconcile.c",
        [("(!d || seq > d->version)", "!d")],
    ),
    Mutant(
        "epochs: what was brought back is compared by its old version",
        "csrc/room/docs.c",
        [("  d->version = s->version ? s->version : s->seq;", "  d->version = s->seq;")],
    ),
    Mutant(
        "exactly once: whoever said goodbye is forgotten first",
        "csrc/room/room.c",
        [("  participant *p = oldest_of(room->left);", "  participant *p = NULL;")],
        test="test_room_limits",
    ),
    Mutant(
        "references: nothing else is waited for",
        "csrc/replica/pending.c",
        [
            (
                "  int err = wait_for_doc(p->doc, p);\n\n",
                "  int err = wait_for_doc(p->doc, p);\n  for (pend *o = r->pending; o && !err; o = o->next)\n"
                "    if (o != p && !o->counter && o->n_blobs)\n      err = rep_wait(&o->waiters, p);\n",
            )
        ],
    ),
    Mutant(
        "lanes: a window that follows the delay",
        "csrc/session/credit.c",
        [
            (
                "size_t atr_credit_available(",
                "size_t atr_credit_unused(atr_credit *c, int l, uint64_t n);\n"
                "size_t atr_credit_available(atr_credit *c, int l, uint64_t n)\n{\n  (void)c, (void)l, (void)n;\n  return 1 << 20;\n}\n"
                "size_t atr_credit_unused(",
            )
        ],
        test="test_credit",
    ),
    Mutant(
        "lanes: who holds a lane gives no credit",
        "csrc/session/outbox.c",
        [("  if (s->out.held[lane] || ", "  if (")],
        test="test_session",
    ),
    Mutant(
        "digests: a difference is found and counted",
        "csrc/replica/receive.c",
        [
            (
                "    if (d->tree)\n      merged = atr_patch_apply_move(&d->tree, tree);",
                "    if (d->tree && seq % 16)\n      merged = atr_patch_apply_move(&d->tree, tree);",
            )
        ],
    ),
    Mutant(
        "memory: an operation that is settled is freed",
        "csrc/replica/pending.c",
        [("  cJSON_Delete(p->tree);\n  free(p->blobs);", "  free(p->blobs);")],
    ),
    Mutant(
        "memory: a member that leaves takes its buffers along",
        "csrc/room/room.c",
        [("  atr_buf_free(&m->answers);\n", "")],
    ),
    Mutant(
        "memory: a blob that nothing names makes room",
        "csrc/blob/blobs.c",
        [("  while (t->spare_bytes > t->spare_bytes_max) {", "  while (0) {")],
    ),
    Mutant(
        "memory: the ring's blobs are bounded",
        "csrc/room/ring.c",
        [
            (
                "  while (atr_blobs_ring_bytes(room->config.blobs) > half && r->first < r->next)\n    drop_first(room);\n",
                "",
            )
        ],
    ),
    Mutant(
        "memory: what edits may have replaced is bounded",
        "csrc/room/ring.c",
        [("  while (room->unmerged_bytes > half && room_doc_merge(room, room->unmerged) == 0)\n    ;\n", "")],
    ),
    Mutant(
        "memory: a merge gives back what the document names no more",
        "csrc/room/docs.c",
        [
            (
                "  if (!d->blobs.n)\n    return;\n  room->docs_bytes -=",
                "  if (d->blobs.n)\n    return;\n  room->docs_bytes -=",
            )
        ],
    ),
    Mutant(
        "memory: what a replica's document named before is bounded",
        "csrc/blob/refs.c",
        [(" || refs->bytes > 2 * refs->exact_bytes + ATR_REFS_PAST_BYTES", "")],
        test="test_named_blobs",
    ),
    Mutant(
        "memory: documents that nobody uses are compact",
        "csrc/replica/rest.c",
        [
            ("  while (r->n_warm > r->warm_max) {", "  while (0) {"),
            ("    if (r->ticks - oldest->warmed < ATR_WARM_TICKS ||", "    if (true ||"),
        ],
        test="test_rest",
    ),
    Mutant(
        "memory: a preview that has ended is freed",
        "csrc/room/docs.c",
        [
            (
                "p->n_hashes * sizeof(atr_hash) + p->json_len;\n  free(p);",
                "p->n_hashes * sizeof(atr_hash) + p->json_len;",
            )
        ],
    ),
    Mutant(
        "waking: a commit wakes the members",
        "csrc/room/commit.c",
        [("  room_wake_all(room, ATR_LANE_STATE, author);", "  (void)author;")],
    ),
    Mutant(
        "long messages: one that has begun is ended",
        "csrc/room/ring.c",
        [("    save_rest(room, e, seq);", "    (void)seq, (void)save_rest;")],
    ),
]


def change(mutant: Mutant, file: str, changes: list[tuple[str, str]], copy: pathlib.Path) -> pathlib.Path:
    text = (ROOT / file).read_text()
    for old, new in changes:
        if old not in text:
            raise SystemExit(f"mutants: '{mutant.rule}' no longer applies to {file}:\n{old}")
        text = text.replace(old, new, 1)
    copy.write_text(text)
    return copy


def sound(test: str, build_dir: pathlib.Path) -> None:
    """A test that fails anyhow would notice everything."""
    if subprocess.run([str(build_dir / test)], cwd=ROOT, capture_output=True, timeout=600).returncode:
        raise SystemExit(f"mutants: {test} fails as it is")


def build(mutant: Mutant, number: int, out: pathlib.Path, build_dir: pathlib.Path, cc: str) -> pathlib.Path:
    files = {mutant.file: mutant.changes, **mutant.more}
    sources = [change(mutant, f, c, out / f"{number}_{pathlib.Path(f).name}") for f, c in files.items()]
    objects = sorted((build_dir / "tests" / "sim").glob("*.o"))
    if mutant.test:
        objects = [build_dir / "tests" / "c" / f"{mutant.test}.o"]
    binary = out / str(number)
    libs = (build_dir / "sim.libs").read_text().split()
    command = [
        cc,
        "-std=c17",
        "-D_GNU_SOURCE",
        "-O1",
        "-w",
        "-Icsrc",
        "-isystem",
        "build/deps",
        *map(str, sources),
        *map(str, objects),
        str(build_dir / "libatrium.a"),
        *(["-lcmocka"] if mutant.test else []),
        *libs,
        "-o",
        str(binary),
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    return binary


def noticed(binary: pathlib.Path, mutant: Mutant, seeds: str) -> str | None:
    """What the simulator or the test says, or None where it says nothing."""
    options = [] if mutant.test else ["--file", "tests/sim/seeds.txt", "--seeds", seeds]
    try:
        run = subprocess.run(
            [str(binary), *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
        )
    except subprocess.TimeoutExpired:
        return "does not end"
    if run.returncode == 0:
        return None
    mark = "[  FAILED  ] " if mutant.test else "seed"
    lines = [line.removeprefix("[  FAILED  ] ") for line in run.stderr.splitlines() if line.startswith(mark)]
    return lines[-1] if lines else f"ends with {run.returncode}"


def check() -> int:
    """Says which replacements no longer apply, before somebody needs them."""
    stale = [
        f"mutants: {mutant.rule!r} does not apply to {file}"
        for mutant in MUTANTS
        for file, changes in [(mutant.file, mutant.changes), *mutant.more.items()]
        for old, _ in changes
        if old not in (ROOT / file).read_text()
    ]
    print("\n".join(stale) or f"mutants: {len(MUTANTS)} rules, all apply")
    return 1 if stale else 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--seeds", default="1..4000")
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true", help="only look whether all replacements apply")
    args = parser.parse_args()
    if args.check:
        return check()
    build_dir = ROOT / args.build
    out = build_dir / "mutants"
    out.mkdir(parents=True, exist_ok=True)

    def one(item: tuple[int, Mutant]) -> tuple[Mutant, str | None]:
        return item[1], noticed(build(item[1], item[0], out, build_dir, args.cc), item[1], args.seeds)

    prefixes = [prefix for names in INVARIANTS.values() for prefix in names]
    strays = [m.rule for m in MUTANTS if m.rule.split(":")[0] not in prefixes]
    missing = [prefix for prefix in prefixes if not any(m.rule.startswith(prefix + ":") for m in MUTANTS)]
    if strays or missing:
        raise SystemExit(f"mutants: of no invariant: {strays}; no mutant: {missing}")
    chosen = [(i, m) for i, m in enumerate(MUTANTS) if args.only in m.rule]
    for test in sorted({m.test for _, m in chosen if m.test}):
        sound(test, build_dir)
    survivors = 0
    with ThreadPoolExecutor(2) as pool:
        for mutant, what in pool.map(one, chosen):
            print(
                f"{'SURVIVES' if what is None else 'noticed'}  {mutant.rule}{'' if what is None else ': ' + what[:100]}",
                flush=True,
            )
            survivors += what is None
    print(f"{len(chosen)} mutants, {survivors} survive")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
