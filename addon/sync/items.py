# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections of things with an identity of their own: modifiers, constraints, view layers, markers ...

Blender knows such things by index and name, the room by a random key that their creator minted. Reading recognises them
again by type and name, then (renamed ones) by type and order; what is left is new. Items of ordered collections carry a
fractional index; after reading, the entries of a collection stand in Blender's own order, so that writing finds the
thing that belongs to a key by counting.

A handler is one class of collection; `TABLE` says which collection is handled how. For those that are missing there,
handlers.py looks at what calls they have.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

import bpy

from . import fractional, identity, mergepatch, rna

Tree = dict[str, Any]
# Type, title and what a constructor needs.
Head = list[Any]


class Items:
    """A collection with `new`, `remove` and perhaps `move`."""

    # Whether order means something.
    ordered = True
    # Whether all are to show the same order: what Blender has no call to move is made anew then. Else they are ordered by creation only.
    movable = True
    # Whether Python's references to the elements die when one is added or removed (elements in an array).
    volatile = False
    # Whether the elements come and go by themselves (sockets): then they are written but never made.
    fixed = False
    # Whether Blender lets no two of them have one name, and what it puts before the number of the second one.
    unique_names = False
    separator = "."

    def __init__(self, name: str) -> None:
        self.name = name

    # What a kind of collection overrides

    def list(self, owner: Any) -> list[Any]:
        return list(getattr(owner, self.name))

    def fixed_keys(self, owner: Any) -> Sequence[str]:
        """For elements that come and go by themselves: their keys, in Blender's order."""
        raise NotImplementedError

    def title(self, item: Any) -> str:
        name = getattr(item, "name", "")
        return name if isinstance(name, str) else ""

    def type_of(self, item: Any) -> str:
        return rna.plan_of(item).type_name

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree | None:
        """What a constructor needs and cannot be changed afterwards."""
        return None

    def key_of(self, reader: Any, owner: Any, item: Any) -> str | None:
        """The key, where something better than type and name tells it."""
        return None

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return getattr(owner, self.name).new(tree.get("name", ""))

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        getattr(owner, self.name).remove(item)

    def move(self, owner: Any, item: Any, at: int, to: int) -> None:
        mover = getattr(getattr(owner, self.name), "move", None)
        if mover is not None:
            mover(at, to)

    def shown(self, full: Tree) -> Tree:
        """What of the room's elements Blender can hold at one time: of two that exclude each other all show the same one."""
        return full

    def wanted(self, full: Tree) -> Sequence[str]:
        """The order that all show: the room's, or what of it Blender allows."""
        return in_order(full)

    def making(self, fresh: Sequence[str], full: Tree) -> Sequence[str]:
        """The order in which new elements are made."""
        places = {key: i for i, key in enumerate(self.wanted(full))}
        return sorted(fresh, key=lambda key: places[key])

    def misplaced(self, writer: Any, owner: Any, full: Tree, live: Live) -> list[str]:
        """Elements that are to be elsewhere and cannot be moved there: they are made anew. Where Blender only appends, these are all that stand
        behind another that comes, or has moved."""
        if not self.ordered or not self.movable or self._has_move(owner):
            return []
        have = [key for key in live.keys if key in full]
        same = next((i for i, (a, b) in enumerate(zip(self.wanted(full), have, strict=False)) if a != b), len(have))
        return have[same:]

    def stand_as_wanted(self, read: Tree, room: Tree) -> bool:
        """Whether elements are shown in the order that follows from the room's."""
        wanted = self.wanted(self.shown(room))
        return [key for key in wanted if key in read] == [key for key in read if key in room]

    def _has_move(self, owner: Any) -> bool:
        return type(self).move is not Items.move or hasattr(getattr(owner, self.name, None), "move")

    def is_last(self, owner: Any, item: Any) -> bool:
        found = self.list(owner) if type(self).list is not Items.list else getattr(owner, self.name)
        return not len(found) or bool(found[-1] == item)

    def rename(self, item: Any, name: str) -> None:
        if getattr(item, "name", name) != name:
            item.name = name

    # Reading

    def mark(self, item: Any) -> Any:
        """Tells an element from others, at no cost: whether an earlier slice of this reading has seen the same elements."""
        return self.title(item)

    def known(self, owner: Any, found: list[Any], keys: list[str]) -> None:
        """Called when the elements have their keys, before any is read."""

    def read(self, reader: Any, owner: Any, old: Tree) -> Tree:
        found = self.list(owner)
        draft = reader.draft(self.name, [self.mark(item) for item in found] if reader.sliced else None)
        for item in found[len(draft.heads) :]:
            head = [self.type_of(item), self.title(item), self.make_of(reader, owner, item)]
            draft.heads.append((self.key_of(reader, owner, item), head))
            reader.pause()
        if draft.keys is None:
            draft.keys = match(draft.heads, old, self.shown_names(old), reader.gone_from(self.name))
        self.known(owner, found, draft.keys)
        for item, key, (_, head) in zip(found, draft.keys, draft.heads, strict=True):
            if key not in draft.entries:
                draft.entries[key] = self._entry(reader, owner, item, key, head, old.get(key, {}))
                reader.pause()
        out = draft.entries
        return share(place(out, old) if self.ordered else out, old)

    def _entry(self, reader: Any, owner: Any, item: Any, key: str, head: Head, old: Tree) -> Tree:
        entry: Tree = {"type": head[0], "name": head[1]}
        if head[2]:
            entry["make"] = head[2]
        with reader.inside(self.name, key):
            entry.update(self.read_one(reader, owner, item, old))
        if self.ordered and "pos" in old:
            entry["pos"] = old["pos"]
        return old if mergepatch.alike(old, entry) else entry

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        result: Tree = reader.read_struct(item, old)
        return result

    # Writing

    def write(self, writer: Any, owner: Any, patch: Tree, full: Tree, cur: Tree) -> Live:
        if self.fixed:
            cur = {key: cur.get(key, {}) for key in self.fixed_keys(owner)}
        elif not cur and self.list(owner):
            cur = self.adopt(writer, owner, full)
            patch = {**patch, **{key: full.get(key) for key in cur}}
        patch, full = self._as_shown(patch, full, cur)
        live = Live(self, owner, cur)
        patch = _as_edits(patch, full, cur)
        if not self.fixed:
            patch.update(dict.fromkeys(self.misplaced(writer, owner, full, live), REMAKE))
            self._remove_all(writer, owner, patch, full, live)
            self._create_all(writer, owner, patch, full, live)
            if self.ordered and self.movable:
                self._order(writer, owner, full, live)
        self._rename_all(patch, full, live)
        for key, change in patch.items():
            item = live.item(key)
            if item is not None and isinstance(change, dict) and key in full:
                if key not in cur or change is REMAKE:
                    self.write_one(writer, owner, item, writer.all_of(item, full[key]), full[key], {})
                else:
                    self.write_one(writer, owner, item, change, full[key], cur[key])
        return live

    def _as_shown(self, patch: Tree, full: Tree, cur: Tree) -> tuple[Tree, Tree]:
        """A patch, and the room's elements, without those that others exclude; what others no longer exclude comes."""
        shown = self.shown(full)
        if shown is full and not (type(self).shown is not Items.shown and full.keys() - cur.keys()):
            return patch, full
        goes = {key: None for key in cur if key in full and key not in shown}
        comes = {key: entry for key, entry in shown.items() if key not in cur}
        return {**patch, **goes, **comes}, shown

    def adopt(self, writer: Any, owner: Any, full: Tree) -> Tree:
        """What Blender has put there by itself (a switch begins with two items), by the keys of what it can become."""
        return self.read(writer.reader, owner, full)

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        writer.write_struct(item, patch, full, cur)

    def _remove_all(self, writer: Any, owner: Any, patch: Tree, full: Tree, live: Live) -> None:
        for key in [k for k in live.keys if k in patch and (k not in full or patch[k] is REMAKE)]:
            try:
                self.remove(writer, owner, live.item(key))
                live.drop(key)
            except (RuntimeError, TypeError, AttributeError) as e:
                writer.refuse(f"{self.name}: remove", e)

    def _create_all(self, writer: Any, owner: Any, patch: Tree, full: Tree, live: Live) -> None:
        fresh = [k for k in patch if k in full and k not in live.index and isinstance(full[k], dict)]
        for key in self.making(fresh, full):
            try:
                item = self.create(writer, owner, key, full[key])
            except (RuntimeError, TypeError, ValueError, AttributeError, KeyError) as e:
                writer.refuse(f"{self.name}: new {full[key].get('name', '')}", e)
                continue
            if item is not None:
                live.add(key, item)

    def _order(self, writer: Any, owner: Any, full: Tree, live: Live) -> None:
        """Blender may move an element less far than asked, or not at all: what stands where is then seen anew."""
        if not self._has_move(owner):
            return
        places = {key: i for i, key in enumerate(self.wanted(full))}
        for to, key in enumerate(sorted(live.keys, key=lambda k: (places.get(k, len(places)), k))):
            at = live.keys.index(key)
            if at == to:
                continue
            try:
                self.move(owner, live.item(key), at, to)
            except RuntimeError as e:
                writer.refuse(f"{self.name}: order", e)
                live.look_again()
                return
            live.keys.insert(to, live.keys.pop(at))
            live.moved()

    def shown_names(self, entries: Tree) -> dict[str, str]:
        """The names that entries show. Where Blender allows no two alike, those further back show the first free suffix: whose
        came first in this Blender must not matter."""
        names = {key: str(entry.get("name", "")) for key, entry in entries.items() if isinstance(entry, dict)}
        own = set(names.values())
        if not self.unique_names or len(own) == len(names):
            return names
        used: set[str] = set()
        for key in in_order({key: entries[key] for key in names}):
            name, n = names[key], 0
            while names[key] in used or (n and names[key] in own):
                n += 1
                names[key] = f"{name}{self.separator}{n:03d}"
            used.add(names[key])
        return names

    def _rename_all(self, patch: Tree, full: Tree, live: Live) -> None:
        """In two steps where there are several: two things may be swapping their names. One that goes or comes may change
        what others of its name show."""
        wanted = {k: n for k, n in self.shown_names(full).items() if k in live.index}
        if not self.unique_names:
            wanted = {k: n for k, n in wanted.items() if isinstance(patch.get(k), dict) and "name" in patch[k]}
        wanted = {k: n for k, n in wanted.items() if self.title(live.item(k)) != n}
        if len(wanted) > 1:
            for key in wanted:
                self.rename(live.item(key), key)
        for key, name in wanted.items():
            self.rename(live.item(key), name)


class Live:
    """The elements of a collection by their keys, kept right while they come and go."""

    def __init__(self, handler: Items, owner: Any, cur: Tree) -> None:
        self._handler = handler
        self._owner = owner
        found = handler.list(owner)
        self.keys = list(cur)[: len(found)]
        self._items = dict(zip(self.keys, found, strict=False))
        self.index = self._items

    def item(self, key: str) -> Any:
        return self._items.get(key)

    def add(self, key: str, item: Any) -> None:
        """It need not be the last one: Blender puts a new modifier that needs the original mesh before all that change it."""
        self.keys.append(key)
        self._items[key] = item
        if self._handler.ordered and self._handler.movable and not self._handler.is_last(self._owner, item):
            self.look_again()
        self.moved()

    def drop(self, key: str) -> None:
        self.keys.remove(key)
        del self._items[key]
        self.moved()

    def look_again(self) -> None:
        """Brings the keys into the order that the elements are in. Those in an array are where they are known to be."""
        if not self._handler.volatile:
            places = {item: i for i, item in enumerate(self._handler.list(self._owner))}
            self.keys.sort(key=lambda key: places.get(self._items[key], len(places)))

    def moved(self) -> None:
        if self._handler.volatile:
            found = self._handler.list(self._owner)
            self._items.clear()
            self._items.update(zip(self.keys, found, strict=False))


REMAKE: Tree = {"type": "remake"}


def _as_edits(patch: Tree, full: Tree, cur: Tree) -> Tree:
    """A patch that carries an item's type replaces the whole item: its difference if it is of that kind, else a new one."""
    out = dict(patch)
    for key, change in patch.items():
        if isinstance(change, dict) and "type" in change and key in cur and key in full:
            alike = all(cur[key].get(m) == full[key].get(m) for m in ("type", "make"))
            out[key] = mergepatch.diff(cur[key], full[key]) if alike else REMAKE
    return out


def in_order(entries: Tree) -> list[str]:
    """The keys of items by their positions."""
    return sorted(entries, key=lambda key: (entries[key].get("pos", ""), key))


def whole_order(patch: Tree, room: Tree, tree: Tree) -> None:
    """Who moves something says where everything is that does not stand where the room says: he has seen it there, where Blender
    does not allow the room's order, and the others are to see the same."""
    for key, change in patch.items():
        here, there = tree.get(key), room.get(key)
        if not isinstance(change, dict) or not isinstance(here, dict) or not isinstance(there, dict):
            continue
        if mergepatch.is_typed(change):
            continue
        if any(isinstance(entry, dict) and "pos" in entry for entry in change.values()):
            for item, entry in here.items():
                if item in there and "pos" in entry and entry["pos"] != there[item].get("pos"):
                    said = change.get(item)
                    if not mergepatch.is_typed(said):
                        change[item] = {**(said or {}), "pos": entry["pos"]}
        whole_order(change, there, here)


def misnamed(read: Any, room: Any) -> bool:
    """Whether something in a document shows another name than it has in the room."""
    for key, entry in read.items():
        other = room.get(key)
        if isinstance(entry, dict) and isinstance(other, dict):
            if key.startswith("@") and entry.get("name") != other.get("name"):
                return True
            if misnamed(entry, other):
                return True
    return False


def uncovers(patch: Any, read: Any, room: Any) -> bool:
    """Whether a patch of the user's removes something from where the room has more than is shown."""
    for key, change in patch.items():
        here, there = read.get(key) or {}, room.get(key)
        if isinstance(there, dict) and not key.startswith("@") and isinstance(change, dict):
            goes = any(k.startswith("@") and v is None for k, v in change.items())
            if goes and any(k.startswith("@") and k not in here for k in there):
                return True
        inner = isinstance(change, dict) and isinstance(there, dict) and not mergepatch.is_typed(change)
        if inner and uncovers(change, here, there):
            return True
    return False


# How the items of one document tell which other one they are in.
PARENTS = ("parent", "group", "panel")


def lets_in(patch: Any, read: Any, room: Any) -> bool:
    """Whether a patch of the user's moves something out of, or into, another beside which something is not shown where the room has it:
    a circle (special/families.py) may be open."""
    for key, change in patch.items():
        here, there = read.get(key), room.get(key)
        if not (isinstance(change, dict) and isinstance(here, dict) and isinstance(there, dict)):
            continue
        if mergepatch.is_typed(change):
            continue
        moves = any(key.startswith("@") and (entry is None or _parent(entry)) for key, entry in change.items())
        here_too = here.keys() & there.keys() if moves else ()
        if any(key.startswith("@") and _parent(here[key]) != _parent(there[key]) for key in here_too):
            return True
        if lets_in(change, here, there):
            return True
    return False


def _parent(entry: Any) -> Tree:
    """Of what a patch or a tree says of an item: that of its parent."""
    p = entry.get("p") if isinstance(entry, dict) else None
    return {name: p[name] for name in PARENTS if name in p} if isinstance(p, dict) else {}


def match(drafts: list[tuple[str | None, list[Any]]], old: Tree, names: dict[str, str], gone: Tree) -> list[str]:
    """The keys of what was found, in order: by given key, by type and name, as what had gone (the newest of that name), by type and
    order, else new."""
    keys: list[str | None] = [given for given, _ in drafts]
    taken = set(keys)
    known = sorted(old.items(), key=lambda kv: (kv[1].get("pos", ""), kv[0])) if _ordered(old) else old.items()
    free = {k: v for k, v in known if k not in taken}
    back = {k: gone[k] for k in reversed(gone) if k not in old and k not in taken}
    called = {**{k: str(v.get("name", "")) for k, v in back.items()}, **names}
    for pool, exact in ((free, True), (back, True), (free, False)):
        waiting: dict[Any, deque[str]] = defaultdict(deque)
        for key, entry in pool.items():
            if key not in taken:
                waiting[_ident(entry.get("type"), called.get(key, ""), entry.get("make"), exact)].append(key)
        for i, (_, (kind, name, make)) in enumerate(drafts):
            if keys[i] is None:
                candidates = waiting.get(_ident(kind, name, make, exact))
                if candidates:
                    keys[i] = candidates.popleft()
        taken.update(keys)
        if None not in taken:
            break
    return [key or identity.mint_key() for key in keys]


def _ordered(entries: Tree) -> bool:
    return any("pos" in entry for entry in entries.values())


def _ident(kind: Any, name: str, make: Any, exact: bool) -> Any:
    return (kind, name if exact else None, repr(make))


def place(entries: Tree, old: Tree) -> Tree:
    """Entries in Blender's order with their positions, keeping those that still hold."""
    before: list[str | None] = [old.get(k, {}).get("pos") for k in entries]
    out: Tree = {}
    for (key, entry), pos in zip(entries.items(), fractional.keep_ascending(before), strict=True):
        out[key] = entry if entry.get("pos") == pos else {**entry, "pos": pos}
    return out


def share(entries: Tree, old: Tree) -> Tree:
    """`old` itself where nothing differs: what shares its parts is compared at no cost."""
    alike = len(entries) == len(old) and list(entries) == list(old) and all(old[k] is v for k, v in entries.items())
    return old if alike else entries


class Typed(Items):
    """new(name, type)"""

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree | None:
        return {"type": item.type}

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return getattr(owner, self.name).new(tree["name"], tree["make"]["type"])


class TypedThenNamed(Typed):
    """new(type), named afterwards"""

    unique_names = True

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        item = getattr(owner, self.name).new(type=tree["make"]["type"])
        if tree.get("name"):
            item.name = tree["name"]
        return item


class Unique(Items):
    unique_names = True


class Related(Unique):
    """Elements that say by their key which other one they are in."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        # Of what is being read: the keys of the elements by name.
        self.keys: dict[str, str] = {}

    def known(self, owner: Any, found: list[Any], keys: list[str]) -> None:
        self.keys = {item.name: key for item, key in zip(found, keys, strict=True)}


class TypedUnique(Typed):
    unique_names = True


class ViewLayers(Unique):
    def _remove_all(self, writer: Any, owner: Any, patch: Tree, full: Tree, live: Live) -> None:
        """Blender removes no last one: where all go and others come, those come first."""
        if not any(key in full for key in live.keys):
            self._create_all(writer, owner, patch, full, live)
        super()._remove_all(writer, owner, patch, full, live)


class Nameless(Items):
    """new(); what is in it is all there is to know it by"""

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        item = getattr(owner, self.name).new()
        if tree.get("name"):
            self.rename(item, tree["name"])
        return item


class Added(Items):
    """add(), named afterwards"""

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        item = getattr(owner, self.name).add()
        if tree.get("name"):
            self.rename(item, tree["name"])
        return item


class Lightgroups(Items):
    ordered = False

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return owner.lightgroups.add(name=tree["name"])

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        raise RuntimeError("Blender has no call that removes a light group")


class Aovs(Added):
    unique_names = True
    separator = "_"


class Views(Unique):
    ordered = False


class Markers(Items):
    """Of two cameras bound to one frame the order decides."""

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return getattr(owner, self.name).new(tree["name"], frame=int(tree.get("p", {}).get("frame", 1)))


class Linesets(Items):
    """A new line set brings a new line style along, which is not the one it is to have."""

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        lineset = owner.linesets.new(tree["name"])
        made, wanted = lineset.linestyle, writer.resolve(tree.get("p", {}).get("linestyle"))
        if wanted is not None:
            lineset.linestyle = wanted
        # Also without another one in its place: as a datablock of this Blender it would be sent to everybody.
        bpy.data.linestyles.remove(made)
        return lineset


class TextureSlots(Items):
    """A fixed number of places, most of them empty: a slot is known by its place."""

    ordered = False

    def read(self, reader: Any, owner: Any, old: Tree) -> Tree:
        found: Tree = {}
        for i, slot in enumerate(getattr(owner, self.name)):
            if slot is not None:
                key = f"@={i}"
                found[key] = {"type": rna.plan_of(slot).type_name, **reader.read_struct(slot, old.get(key, {}))}
        return found

    def list(self, owner: Any) -> list[Any]:
        return [slot for slot in getattr(owner, self.name) if slot is not None]

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return getattr(owner, self.name).create(int(key[2:]))

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        slots = getattr(owner, self.name)
        slots.clear(next(i for i, slot in enumerate(slots) if slot == item))

    def rename(self, item: Any, name: str) -> None:
        return


TABLE: dict[str, Items] = {
    "FreestyleSettings.linesets": Linesets("linesets"),
    "FreestyleSettings.modules": Nameless("modules"),
    "FreestyleLineStyle.geometry_modifiers": TypedUnique("geometry_modifiers"),
    "FreestyleLineStyle.color_modifiers": TypedUnique("color_modifiers"),
    "FreestyleLineStyle.alpha_modifiers": TypedUnique("alpha_modifiers"),
    "FreestyleLineStyle.thickness_modifiers": TypedUnique("thickness_modifiers"),
    "FreestyleLineStyle.texture_slots": TextureSlots("texture_slots"),
    "ParticleSettings.texture_slots": TextureSlots("texture_slots"),
    "Object.grease_pencil_modifiers": TypedUnique("grease_pencil_modifiers"),
    "Object.shader_effects": TypedUnique("shader_effects"),
    "Object.constraints": TypedThenNamed("constraints"),
    "PoseBone.constraints": TypedThenNamed("constraints"),
    "ArmatureConstraint.targets": Nameless("targets"),
    "Camera.background_images": Nameless("background_images"),
    "MetaBall.elements": Nameless("elements"),
    "Palette.colors": Nameless("colors"),
    "RenderSettings.views": Views("views"),
    "Scene.timeline_markers": Markers("timeline_markers"),
    "Scene.view_layers": ViewLayers("view_layers"),
    "ViewLayer.aovs": Aovs("aovs"),
    "ViewLayer.lightgroups": Lightgroups("lightgroups"),
}
