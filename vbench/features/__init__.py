"""What is computed at most once per clip and shared by metrics; one module per backbone."""

from __future__ import annotations

from vbench.registry import Registry

FEATURES = Registry(
    "vbench.features",
    "feature",
    {
        "steps": "vbench.features.frame_changes:StepsFeature",
        "flow": "vbench.features.flow:flow_feature",
        "shimmer": "vbench.features.shimmer:ShimmerFeature",
        "appearance": "vbench.features.appearance:AppearanceFeature",
        "appearance_reference": "vbench.features.reference:AppearanceReference",
        "thumbnails": "vbench.features.thumbnails:ThumbnailsFeature",
        "pictures": "vbench.features.given_pictures:PicturesFeature",
        "pictures_look": "vbench.features.given_pictures:PicturesLookFeature",
        "pictures_dino": "vbench.features.given_pictures:PicturesDinoFeature",
        "picture": "vbench.features.picture:PictureFeature",
        "sound": "vbench.features.sound:SoundFeature",
        "onsets": "vbench.features.sync:OnsetsFeature",
        "impacts": "vbench.features.sync:ImpactsFeature",
        "dino": "vbench.features.dino:DinoFeature",
        "dino_reference": "vbench.features.reference:DinoReference",
        "clip_frames": "vbench.features.clip:ClipFramesFeature",
        "clip_text": "vbench.features.clip:ClipTextFeature",
        "clip_quality": "vbench.features.clip:ClipQualityFeature",
        "aesthetic": "vbench.features.aesthetic:AestheticFeature",
        "video_text": "vbench.features.xclip:VideoTextFeature",
        "xclip_video": "vbench.features.xclip:VideoFeature",
        "faces": "vbench.features.faces:FacesFeature",
        "face_rows": "vbench.features.faces:FaceRowsFeature",
        "skin": "vbench.features.faces:SkinFeature",
        "objects": "vbench.features.objects:objects_feature",
        "writing": "vbench.features.writing:WritingFeature",
        "speech": "vbench.features.speech:SpeechFeature",
        "vbench_dino": "vbench.vbench1.dino:VBenchDinoFeature",
        "vbench_clip": "vbench.vbench1.clip:VBenchClipFeature",
        "vbench_style_frames": "vbench.vbench1.clip:VBenchStyleFramesFeature",
        "vbench_style_text": "vbench.vbench1.clip:VBenchStyleTextFeature",
        "vbench_aesthetic": "vbench.vbench1.clip:VBenchAestheticFeature",
        "vbench_levels": "vbench.vbench1.frames:VBenchLevelsFeature",
        "vbench_flow": "vbench.vbench1.raft:VBenchFlowFeature",
        "vbench_static_flow": "vbench.vbench1.raft:VBenchStaticFlowFeature",
        "vbench_video": "vbench.vbench1.viclip:VBenchVideoFeature",
        "vbench_video_text": "vbench.vbench1.viclip:VBenchVideoTextFeature",
    },
)
"""Name → a `contracts.Feature` subclass, or a function of `Settings` that gives a feature."""
