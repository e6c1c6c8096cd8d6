# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom properties, wherever a struct may hold them.

Under `c`, each an item keyed by "@=" and its name: {"type": ..., "v": ..., "ui": ...}. The type is stated because JSON
cannot tell 1 from 1.0 and Blender can. Registered properties live in the same storage up to Blender 4.5 and are skipped
here: they are plain RNA properties to the walker.
"""

from __future__ import annotations

from typing import Any

from . import values

Tree = dict[str, Any]

# The old home of user-interface data.
_SKIPPED = {"_RNA_UI"}

_WITH_UI = ("int", "float", "str", "bool", "floats", "doubles", "ints", "bools")
_UI_KEYS = ("min", "max", "soft_min", "soft_max", "step", "precision", "default", "subtype", "description")


def read(reader: Any, struct: Any) -> Tree:
    out: Tree = {}
    try:
        names = list(struct.keys())
    except TypeError:
        return out
    registered = struct.bl_rna.properties if names else ()
    for name in names:
        if name in _SKIPPED or name in registered:
            continue
        value = struct[name]
        if isinstance(value, str) and not values.is_text(value):
            reader.report(f'custom property "{name}"', "it is no UTF-8 text")
            continue
        entry = _encode(reader, value)
        if entry is None:
            continue
        ui = _read_ui(struct, name, entry["type"])
        if ui:
            entry["ui"] = ui
        out[values.name_key(name)] = entry
    return out


def _encode(reader: Any, v: Any) -> Tree | None:
    if v is None:
        # A pointer whose target was deleted, or a property that was made with nothing in it.
        return {"type": "ref", "v": values.NONE_VALUE}
    if isinstance(v, bool):
        return {"type": "bool", "v": v}
    if isinstance(v, int):
        return {"type": "int", "v": values.encode_int(v)}
    if isinstance(v, float):
        return {"type": "float", "v": values.encode_float(v)}
    if isinstance(v, str):
        return {"type": "str", "v": v}
    if isinstance(v, bytes):
        return {"type": "bytes", "v": v.hex()}
    if hasattr(v, "typecode"):
        kind = {"f": "floats", "d": "doubles", "i": "ints", "b": "bools"}.get(v.typecode, "ints")
        items = v.to_list()
        return {"type": kind, "v": values.encode_floats(items) if kind in ("floats", "doubles") else items}
    if hasattr(v, "session_uid"):
        target = reader.identity.reference(v)
        return None if target is None else {"type": "ref", "v": target}
    if hasattr(v, "keys"):
        inner = {}
        for key in v.keys():
            entry = _encode(reader, v[key])
            if entry is not None:
                inner[values.name_key(key)] = entry
        return {"type": "group", "c": inner}
    if isinstance(v, list):
        return _encode_list(reader, v)
    return None


def _encode_list(reader: Any, v: list[Any]) -> Tree:
    """A list of groups or of strings. Nothing in it has an identity: it is one value."""
    return {"type": "list", "v": values.encode_array([_plain(reader, x) for x in v])}


def _plain(reader: Any, v: Any) -> Any:
    entry = _encode(reader, v)
    return [entry["type"], _flat(entry)] if entry else ["none", 0]


def _flat(entry: Tree) -> Any:
    if entry["type"] != "group":
        return entry["v"]
    return [[values.key_name(k), e["type"], _flat(e)] for k, e in entry["c"].items()]


def _read_ui(struct: Any, name: str, kind: str) -> Tree:
    if kind not in _WITH_UI:
        return {}
    try:
        ui = struct.id_properties_ui(name).as_dict()
    except (TypeError, KeyError, AttributeError):
        return {}
    out = {}
    for key in _UI_KEYS:
        v = ui.get(key)
        if v is None or v == "" or (key == "subtype" and v == "NONE"):
            continue
        if isinstance(v, float):
            out[key] = values.encode_float(v)
        elif isinstance(v, (list, tuple)):
            out[key] = values.encode_array(list(v))
        else:
            out[key] = v
    return out


def write(writer: Any, struct: Any, patch: Tree, full: Tree) -> None:
    """Sets what the patch names; an entry that lost its value type has been replaced whole."""
    for key, change in patch.items():
        name = values.key_name(key)
        if name in _SKIPPED or name in struct.bl_rna.properties:
            continue
        try:
            if change is None:
                if name in struct.keys():
                    del struct[name]
            elif key in full:
                struct[name] = _decode(writer, full[key])
                if full[key].get("type") in _WITH_UI:
                    _write_ui(struct, name, full[key].get("ui"))
        except (TypeError, KeyError, ValueError, OverflowError, AttributeError) as e:
            writer.refuse(f'custom property "{name}"', e)


def _decode(writer: Any, entry: Tree) -> Any:
    kind = entry.get("type")
    if kind == "group":
        return {values.key_name(k): _decode(writer, e) for k, e in entry.get("c", {}).items()}
    v = values.decode(entry.get("v"))
    if kind == "ref":
        return writer.resolve(entry.get("v"))
    if kind == "float":
        return float(v)
    if kind in ("floats", "doubles"):
        return [float(x) for x in v]
    if kind == "bytes":
        return bytes.fromhex(v)
    if kind == "list":
        return [_unplain(writer, x) for x in v]
    if kind == "bool":
        return bool(v)
    if kind == "bools":
        return [bool(x) for x in v]
    return v


def _unplain(writer: Any, pair: list[Any]) -> Any:
    kind, v = pair
    if kind == "group":
        return {name: _unplain(writer, [k, x]) for name, k, x in v}
    return _decode(writer, {"type": kind, "v": v})


def _write_ui(struct: Any, name: str, ui: Tree | None) -> None:
    manager = struct.id_properties_ui(name)
    manager.clear()
    if ui:
        manager.update(**{k: values.decode(v) for k, v in ui.items()})
