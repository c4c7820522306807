"""Convert the face encoder once; fetch the test photos once."""

from __future__ import annotations

import os

from app.launcher.commands import must_run
from app.launcher.console import Console
from app.launcher.environment import requirement_block, uv_settings
from app.launcher.layout import Layout, digest_of, read_stamp, write_stamp

ENCODER = "proctoring.adapters.encoder_onnx"


def ensure_encoder(layout: Layout, console: Console) -> None:
    """Write `var/models/dlib-encoder.onnx` from the installed weights, unless this converter wrote it already.

    Raises:
        LaunchError: The conversion failed.
    """
    model = layout.var / "models" / "dlib-encoder.onnx"
    stamp_path = layout.var / "stamps" / "encoder.json"
    converter = layout.root / (ENCODER.replace(".", "/") + ".py")
    weights = requirement_block(layout.root / "requirements.lock", "face-recognition-models")
    wanted = {"converter": digest_of(converter), "weights": weights}
    if read_stamp(stamp_path) == wanted and model.exists():
        return
    model.parent.mkdir(parents=True, exist_ok=True)
    with console.step("转换人脸模型为 ONNX") as step:
        must_run([layout.python, "-m", ENCODER, model], log=layout.log, step=step, cwd=layout.root)
    write_stamp(stamp_path, wanted)


def ensure_test_photos(layout: Layout, console: Console) -> None:
    """Fetch the photos for the tests and the demonstration, with the pip or uv that built the environment.

    Raises:
        LaunchError: The registry is out of reach.
    """
    if (layout.root / "var" / "test-photos" / "obama.jpg").exists():
        return
    tools = layout.var / "tools"
    path = (str(tools / "bootstrap" / "bin"), str(tools / "uv" / "bin"), os.environ.get("PATH", os.defpath))
    env = {**uv_settings(layout), "PATH": os.pathsep.join(path)}
    with console.step("取得测试照片") as step:
        must_run([layout.python, "-m", "tests.photos"], log=layout.log, step=step, cwd=layout.root, env=env)
