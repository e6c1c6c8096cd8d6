# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not synchronised: one table, a reason per line.

A key is "Struct.property", where Struct may be any base class, or "*.property" for every struct. What is missing here is
synchronised by introspection; so a property of a new Blender needs no line, and a line is a decision.
"""

from __future__ import annotations

DERIVED = "computed from other properties"
UI = "the user's own view: selection, what is active or unfolded"
SPECIAL = "read and written by a module of its own under special/"
CACHE = "a cache or a result of evaluation"
LATER = "has no constructor here yet; a later issue"
CLASS = "belongs to the class, not to the instance"
LOCAL = "the user's own way of working"

EXCLUDED: dict[str, str] = {
    "*.rna_type": CLASS,
    "*.bl_idname": CLASS, "*.bl_label": CLASS, "*.bl_description": CLASS, "*.bl_icon": CLASS,
    "*.bl_static_type": CLASS, "*.bl_subtype_label": CLASS, "*.bl_width_default": CLASS, "*.bl_width_min": CLASS,
    "*.bl_width_max": CLASS, "*.bl_height_default": CLASS, "*.bl_height_min": CLASS, "*.bl_height_max": CLASS,
    "*.bl_socket_idname": CLASS,
    "*.select": UI, "*.show_expanded": UI, "*.is_active": UI, "*.is_expanded": UI,
    "*.select_control_point": UI, "*.select_left_handle": UI, "*.select_right_handle": UI,
    "*.active": UI, "*.active_index": UI, "*.active_item": UI,
    "*.point_cache": CACHE, "*.is_override_data": CACHE,
    "*.name": "every struct's name is a member of its own beside `p`",

    "ID.name_full": DERIVED, "ID.tag": CACHE, "ID.is_runtime_data": CACHE, "ID.original": CACHE,
    "ID.preview": CACHE, "ID.asset_data": "assets belong to a library, not to the scene", "ID.library": LOCAL,
    "ID.library_weak_reference": LOCAL, "ID.override_library": LATER,
    "ID.use_extra_user": DERIVED,

    "Object.motion_path": CACHE, "PoseBone.motion_path": CACHE, "Object.matrix_world": DERIVED, "Object.matrix_local": DERIVED, "Object.matrix_basis": DERIVED,
    "Object.dimensions": DERIVED, "Object.active_material": UI, "Object.active_material_index": UI,
    "Object.active_shape_key": UI, "Object.active_shape_key_index": UI, "Object.active_selection_set": UI,
    "Object.selection_sets": UI, "Object.material_slots": SPECIAL, "Object.vertex_groups": SPECIAL,
    "Object.particle_systems": "its modifiers carry them", "Object.grease_pencil_modifiers": LATER,
    "Object.shader_effects": LATER, "Object.use_simulation_cache": CACHE, "Object.bound_box": DERIVED,
    "Object.rigid_body": LATER, "Object.rigid_body_constraint": LATER,
    "Object.parent": SPECIAL, "Object.parent_type": SPECIAL, "Object.parent_bone": SPECIAL,
    "Object.parent_vertices": SPECIAL, "Object.matrix_parent_inverse": SPECIAL,
    "Object.soft_body": "its modifier carries it",
    "Object.up_axis": "an alias of track_axis's partner that raises when both agree", "Object.data": SPECIAL,

    "Scene.objects": DERIVED, "Scene.tool_settings": "paint structs crash 4.3.2 without a window, and tools are one's own",
    "Scene.cursor": LOCAL, "Scene.frame_current": "everyone has a time of his own", "Scene.frame_float": DERIVED,
    "Scene.frame_subframe": "everyone has a time of his own", "Scene.show_subframe": UI,
    "Scene.transform_orientation_slots": LOCAL, "Scene.keying_sets": LATER, "Scene.keying_sets_all": DERIVED,
    "SequenceEditor.sequences": LATER, "SequenceEditor.strips": LATER,
    "SequenceEditor.sequences_all": LATER, "SequenceEditor.strips_all": LATER, "SequenceEditor.meta_stack": UI,
    "SequenceEditor.active_strip": UI, "SequenceEditor.channels": SPECIAL, "SequenceEditor.selected_retiming_keys": UI,
    "Scene.rigidbody_world": LATER, "Scene.hydra": "an engine's cache",
    "Scene.grease_pencil": LATER, "Scene.annotation": LATER,
    "View3DShading.selected_studio_light": LOCAL, "View3DShading.cycles": LOCAL,
    "View3DShading.wireframe_color_type": "holds no valid item in a scene, and each reading prints a warning",
    "RenderSettings.stereo_views": DERIVED,
    "ImageFormatSettings.linear_colorspace_settings": DERIVED,

    "ViewLayer.depsgraph": CACHE, "ViewLayer.objects": DERIVED, "ViewLayer.active_layer_collection": UI,
    "ViewLayer.active_aov": UI, "ViewLayer.active_aov_index": UI, "ViewLayer.active_lightgroup": UI,
    "ViewLayer.active_lightgroup_index": UI,
    "ViewLayer.layer_collection": SPECIAL,

    "Collection.all_objects": DERIVED, "Collection.collection_objects": LATER,
    "Collection.collection_children": LATER, "Collection.exporters": LOCAL, "Collection.active_exporter_index": UI,

    "Mesh.vertices": SPECIAL, "Mesh.edges": SPECIAL, "Mesh.loops": SPECIAL, "Mesh.polygons": SPECIAL,
    "Mesh.vertex_normals": DERIVED, "Mesh.polygon_normals": DERIVED, "Mesh.corner_normals": DERIVED,
    "Mesh.loop_triangles": DERIVED, "Mesh.loop_triangle_polygons": DERIVED, "Mesh.uv_layers": SPECIAL,
    "Mesh.vertex_colors": SPECIAL, "Mesh.color_attributes": SPECIAL, "Mesh.attributes": SPECIAL,
    "Mesh.skin_vertices": LATER, "Mesh.uv_layer_clone": UI, "Mesh.uv_layer_stencil": UI,
    "Mesh.uv_layer_clone_index": UI, "Mesh.uv_layer_stencil_index": UI,
    "Mesh.shape_keys": "a document of its own", "Mesh.materials": SPECIAL,
    "Mesh.auto_texspace": "an alias of use_auto_texspace",
    "*.texspace_location": SPECIAL, "*.texspace_size": SPECIAL,
    "Curve.materials": SPECIAL, "MetaBall.materials": SPECIAL, "Volume.materials": SPECIAL,
    "PointCloud.materials": SPECIAL, "Curve.shape_keys": "a document of its own", "Curve.splines": SPECIAL,
    "Lattice.shape_keys": "a document of its own", "Lattice.points": SPECIAL,
    "TextCurve.body_format": SPECIAL, "TextCurve.edit_format": UI, "TextCurve.active_textbox": UI,
    "TextCurve.has_selection": UI, "TextCurve.text_boxes": SPECIAL,
    "PointCloud.points": SPECIAL, "PointCloud.attributes": SPECIAL, "PointCloud.color_attributes": DERIVED,
    "Volume.grids": CACHE,

    "Material.paint_active_slot": UI, "Material.paint_clone_slot": UI, "Material.texture_paint_images": DERIVED,
    "Material.texture_paint_slots": DERIVED,

    "Armature.bones": SPECIAL, "Armature.edit_bones": SPECIAL, "Armature.collections": SPECIAL,
    "Armature.collections_all": SPECIAL,
    "PoseBone.bone": DERIVED, "PoseBone.parent": DERIVED, "PoseBone.child": DERIVED,
    "PoseBone.matrix": DERIVED, "PoseBone.matrix_basis": DERIVED, "PoseBone.select": UI,
    "PoseBone.bbone_custom_handle_start": DERIVED, "PoseBone.bbone_custom_handle_end": DERIVED,
    "Pose.ik_param": LATER,

    "Key.key_blocks": SPECIAL, "Key.reference_key": DERIVED, "Key.user": DERIVED,

    "Action.fcurves": SPECIAL, "Action.groups": SPECIAL, "Action.layers": SPECIAL, "Action.slots": SPECIAL,
    "Action.frame_range": DERIVED, "Action.pose_markers": SPECIAL, "Action.id_root": SPECIAL,
    "AnimData.drivers": SPECIAL, "AnimData.nla_tracks": SPECIAL, "AnimData.action_tweak_storage": CACHE,
    "AnimData.use_tweak_mode": UI, "AnimData.action": SPECIAL, "AnimData.action_slot": SPECIAL,
    "AnimData.action_suitable_slots": DERIVED, "AnimData.action_slot_handle": SPECIAL,
    "AnimData.action_slot_handle_tweak_storage": CACHE, "AnimData.last_slot_identifier": SPECIAL,
    "AnimData.action_extrapolation": SPECIAL, "AnimData.action_blend_type": SPECIAL,
    "AnimData.action_influence": SPECIAL, "AnimData.use_nla": SPECIAL, "AnimData.use_pin": UI,

    "NodeTree.view_center": UI, "NodeTree.grease_pencil": LATER, "NodeTree.annotation": LATER,
    "NodeTree.links": SPECIAL, "NodeTree.nodes": SPECIAL, "NodeTree.interface": SPECIAL,
    "NodeTree.active_input": UI, "NodeTree.active_output": UI,
    "Node.internal_links": DERIVED, "Node.inputs": SPECIAL, "Node.outputs": SPECIAL, "Node.dimensions": DERIVED,
    "Node.parent": SPECIAL, "Node.location_absolute": DERIVED, "Node.show_preview": UI, "Node.show_texture": UI,
    "Node.paired_output": SPECIAL, "Node.enum_definition": DERIVED,
    "NodeLink.from_node": SPECIAL, "NodeLink.from_socket": SPECIAL, "NodeLink.to_node": SPECIAL,
    "NodeLink.to_socket": SPECIAL, "NodeTreeInterfaceItem.parent": SPECIAL, "Bone.parent": SPECIAL,
    "NodeSocket.node": DERIVED, "NodeSocket.link_limit": CLASS, "NodeSocket.enabled": DERIVED,
    "NodeSocket.type": CLASS, "NodeSocket.display_shape": CLASS, "NodeSocket.link_limits": CLASS,
    "NodeSocket.description": DERIVED,
    "NodesModifier.bakes": CACHE, "NodesModifier.panels": UI, "NodesModifier.open_output_attributes_panel": UI,
    "NodesModifier.open_manage_panel": UI, "NodesModifier.open_bake_panel": UI,
    "NodesModifier.open_named_attributes_panel": UI, "NodesModifier.open_bake_data_blocks_panel": UI,
    "NodesModifier.open_warnings_panel": UI, "NodesModifier.node_warnings": CACHE,
    "Constraint.active": UI,

    "Image.pixels": SPECIAL, "Image.packed_file": SPECIAL, "Image.packed_files": SPECIAL,
    "Image.render_slots": CACHE, "Image.tiles": LATER, "Image.filepath": SPECIAL, "Image.filepath_raw": SPECIAL,
    "Image.source": SPECIAL, "Image.file_format": SPECIAL, "Image.generated_width": SPECIAL,
    "Image.generated_height": SPECIAL, "Image.use_generated_float": SPECIAL, "Image.resolution": DERIVED,
    "Image.generated_type": SPECIAL, "Image.generated_color": SPECIAL,
    "Sound.packed_file": SPECIAL, "Text.lines": SPECIAL, "Text.current_line": UI, "Text.current_character": UI,
    "Text.current_line_index": UI, "Text.select_end_line": UI, "Text.select_end_line_index": UI,
    "Text.select_end_character": UI, "Text.filepath": "texts travel by content",
    "MovieClip.tracking": LATER, "MovieClip.proxy": LOCAL, "CacheFile.object_paths": CACHE,
    "CacheFile.layers": LATER,

    "ColorRamp.elements": SPECIAL, "CurveMapping.curves": SPECIAL, "CurveProfile.points": SPECIAL,
    "CurveProfile.segments": DERIVED,
    "Camera.angle_x": DERIVED, "Camera.angle_y": DERIVED, "Camera.angle": DERIVED,
    "ParticleSettings.material_slot": DERIVED, "ParticleSettings.active_texture": UI, "ParticleSettings.active_texture_index": UI,
    "ParticleSettings.instance_weights": LATER,
    "ParticleSettings.active_instanceweight": UI, "ParticleSettings.active_instanceweight_index": UI,
    "ParticleSettings.boids": LATER, "ParticleSettings.fluid": LATER,
    "ParticleSystem.particles": CACHE, "ParticleSystem.child_particles": CACHE, "ParticleSystem.cloth": LATER,
    "ParticleSystem.targets": LATER, "ParticleSystem.active_particle_target": UI,
    "ParticleSystem.active_particle_target_index": UI,
    "ClothModifier.solver_result": CACHE, "DynamicPaintModifier.canvas_settings": LATER,
    "FluidModifier.domain_settings": LATER, "FluidModifier.flow_settings": LATER,
    "FluidModifier.effector_settings": LATER,
    "FCurve.data_path": SPECIAL, "FCurve.array_index": SPECIAL, "FCurve.keyframe_points": SPECIAL,
    "FCurve.sampled_points": LATER, "FCurve.is_valid": DERIVED,
    "NlaStrip.frame_start": DERIVED, "NlaStrip.frame_end": DERIVED, "NlaStrip.frame_start_ui": DERIVED,
    "NlaStrip.frame_end_ui": DERIVED, "NlaStrip.fcurves": LATER, "NlaStrip.strips": LATER,
    "NlaTrack.is_solo": UI, "DriverTarget.is_fallback_used": DERIVED, "Driver.is_valid": DERIVED,
    "World.texture_slots": LATER,
}

# Custom properties on these are storage of something else.
NO_CUSTOM: dict[str, str] = {
    "LayerCollection": "nothing keeps it across a change of the collection tree",
    "NodesModifier": SPECIAL,
}


def reason(lineage: tuple[str, ...], prop: str) -> str:
    """Why a property of a class is not synchronised by the walker; "" where it is."""
    for name in (*lineage, "*"):
        found = EXCLUDED.get(f"{name}.{prop}")
        if found:
            return found
    return ""


def may_hold_custom(lineage: tuple[str, ...]) -> bool:
    return not any(name in NO_CUSTOM for name in lineage)
