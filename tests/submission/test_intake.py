from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandgrain.errors import LimitExceeded, SandgrainError, SubmissionError
from sandgrain.submission import FileRole, IntakeLimits, load

Write = Callable[..., Path]
CORE = "module picorv32; endmodule\n"
GLOB = '"rtl/*.v"'


def _refused(root: Path, what: str, kind: type[SandgrainError] = SubmissionError) -> SandgrainError:
    with pytest.raises(kind) as caught:
        load(root)
    assert what in caught.value.what
    assert caught.value.file
    assert caught.value.expected
    assert caught.value.remedy
    return caught.value


def test_takes_in_the_example(write: Write, example: str) -> None:
    root = write(files={"rtl/core.v": CORE, "rtl/alu.v": "module alu; endmodule\n", "rtl/defs.vh": "`define X\n"})
    submission = load(root)
    assert [(file.path, file.included) for file in submission.files] == [
        ("rtl/alu.v", False),
        ("rtl/core.v", False),
        ("rtl/defs.vh", True),
    ]
    core = submission.files[1]
    assert (core.role, core.size, core.line) == (FileRole.RTL, len(CORE), 10)
    assert core.sha256 == hashlib.sha256(CORE.encode()).hexdigest()
    assert submission.files[2].line == 12
    assert submission.absolute(core).read_text() == CORE
    assert [file.path for file in submission.files_of(FileRole.RTL)] == ["rtl/alu.v", "rtl/core.v"]
    assert submission.files_of(FileRole.NETLIST) == ()
    assert submission.line_of("services", 0, "expression") == 26
    assert submission.root == root.resolve()
    record = submission.record()
    assert (record.chip, record.date, record.top) == ("PicoRV32", "2026-11-23", "picorv32")
    assert record.digest == submission.digest
    assert [file.path for file in record.files] == ["rtl/alu.v", "rtl/core.v", "rtl/defs.vh"]
    submission.verify_unchanged()
    assert load(root) == submission


def test_digest_depends_on_bytes_paths_roles_and_manifest(write: Write, example: str) -> None:
    root = write()
    digests = {load(root).digest}
    (root / "rtl/core.v").write_text(CORE + "\n")
    digests.add(load(root).digest)
    (root / "rtl/core.v").rename(root / "rtl/cpu.v")
    digests.add(load(root).digest)
    (root / "submission.toml").write_text(example + "\n")
    digests.add(load(root).digest)
    (root / "submission.toml").write_text(example.replace('role = "rtl"', 'role = "netlist"'))
    digests.add(load(root).digest)
    assert len(digests) == 5


def test_digest_does_not_depend_on_where_the_submission_is(write: Write, tmp_path: Path) -> None:
    root = write()
    before = load(root).digest
    moved = root.rename(tmp_path / "elsewhere")
    assert load(moved).digest == before
    (tmp_path / "link").symlink_to(moved)
    assert load(tmp_path / "link").digest == before


@pytest.mark.parametrize(
    ("globs", "paths"),
    [
        ('"rtl/b.v", "rtl/*.v"', ["rtl/b.v", "rtl/a.v"]),  # a file first, then the rest
        ('"rtl/**/*.v"', ["rtl/a.v", "rtl/b.v", "rtl/sub/c.v", "rtl/sub/deep/d.v"]),
        ('"**/c.v"', ["rtl/sub/c.v"]),
        ('"rtl/sub/**"', ["rtl/sub/c.v", "rtl/sub/deep/d.v"]),
        ('"rtl/*/?.v"', ["rtl/sub/c.v"]),
        ('"*/sub/deep/d.v"', ["rtl/sub/deep/d.v"]),
        ('"rtl/*"', ["rtl/a.v", "rtl/b.v"]),
    ],
)
def test_globs(write: Write, example: str, globs: str, paths: list[str]) -> None:
    files = dict.fromkeys(["rtl/a.v", "rtl/b.v", "rtl/sub/c.v", "rtl/sub/deep/d.v"], CORE)
    text = example.replace(GLOB, globs).replace('include_dirs = ["rtl"]', "")
    assert [file.path for file in load(write(text, files)).files] == paths


@pytest.mark.parametrize(
    "path",
    [
        "../rtl/core.v",
        "rtl/../rtl/core.v",
        "/etc/passwd",
        "./rtl/core.v",
        "rtl//core.v",
        "rtl/",
        "rtl\\\\core.v",
        "rtl/co\\u0000re.v",
        "rtl/co re.v",
        "rtl/co;re.v",
        "rtl/$core.v",
        "rtl/`core`.v",
        "rtl/co're.v",
        'rtl/co\\"re.v',
        "rtl/[a-z]*.v",
        "-rtl/core.v",
        "@rtl/core.v",
        "rtl/core.v\\n",
        "rtl/k\\u00f6rper.v",
        "**/**/core.v",
        "rtl/a**.v",
    ],
)
def test_unsafe_paths_are_refused(write: Write, example: str, path: str) -> None:
    error = _refused(write(example.replace(GLOB, f'"{path}"')), "")
    assert error.line == 10
    assert isinstance(error.what, str)
    assert "\n" not in error.what
    if "**" not in path:
        error = _refused(write(example.replace('["rtl"]', f'["{path}"]')), "")
        assert error.line == 12


@pytest.mark.parametrize(
    "name", ["a b.v", "a;b.v", "a$b.v", "a`b.v", "a'b.v", 'a"b.v', "a\nb.v", "a\\b.v", "-a.v", "ä.v"]
)
def test_unsafe_names_found_by_a_glob_are_refused(write: Write, example: str, name: str) -> None:
    root = write(example.replace('include_dirs = ["rtl"]', ""))
    (root / "rtl" / name).write_text(CORE)
    error = _refused(root, "is not allowed")
    assert error.line == 10
    assert "\n" not in error.what


def test_unsafe_directory_names_are_refused(write: Write, example: str) -> None:
    root = write(files={"rtl/core.v": CORE, "rtl/my docs/a.v": CORE})
    _refused(root, "is not allowed")
    (root / "submission.toml").write_text(example.replace(GLOB, '"rtl/**/*.v"').replace('["rtl"]', "[]"))
    _refused(root, "is not allowed")


def test_safe_names_are_taken(write: Write) -> None:
    names = ["rtl/a-b.v", "rtl/a+b.v", "rtl/a@2.v", "rtl/A_b.1.v", "rtl/.hidden.v"]
    assert len(load(write(files=dict.fromkeys(names, CORE))).files) == 5


def test_nothing_matched(write: Write, example: str) -> None:
    root = write(example.replace('["rtl"]', "[]"), {"rtl/core.sv": CORE})
    assert _refused(root, "`rtl/*.v` matches no file").line == 10
    (root / "submission.toml").write_text(example.replace(GLOB, '"rtl/core.v"'))
    assert _refused(root, "file `rtl/core.v` is missing").line == 10
    (root / "submission.toml").write_text(example.replace(GLOB, '"rtl"'))
    assert _refused(root, "file `rtl` is missing").line == 10
    (root / "submission.toml").write_text(example.replace(GLOB, '"rtl/core.sv/x.v"'))
    assert _refused(root, "is missing").line == 10


def test_one_file_has_one_role(write: Write, example: str) -> None:
    group = '[[files]]\nrole = "netlist"\npaths = ["{}"]\n[elaboration]'
    files = {"rtl/core.v": CORE, "rtl/net.vg": CORE}
    root = write(example.replace("[elaboration]", group.format("rtl/net.vg")), files)
    assert [(file.path, file.role) for file in load(root).files] == [
        ("rtl/core.v", FileRole.RTL),
        ("rtl/net.vg", FileRole.NETLIST),
    ]
    (root / "submission.toml").write_text(example.replace("[elaboration]", group.format("rtl/core.v")))
    assert _refused(root, "`rtl/core.v` is also `rtl` (line 10)").line == 13


def test_two_groups_of_one_role(write: Write, example: str) -> None:
    group = '[[files]]\nrole = "rtl"\npaths = ["lib/a.v"]\n[elaboration]'
    root = write(example.replace("[elaboration]", group), {"rtl/core.v": CORE, "lib/a.v": CORE})
    assert [file.path for file in load(root).files_of(FileRole.RTL)] == ["rtl/core.v", "lib/a.v"]


def test_a_hardware_description_is_needed(write: Write, example: str) -> None:
    assert _refused(write(example.replace('role = "rtl"', 'role = "layout"')), "neither RTL nor a netlist").line == 8
    load(write(example.replace('role = "rtl"', 'role = "netlist"')))


def test_links(write: Write, example: str, tmp_path: Path) -> None:
    root = write(example.replace('["rtl"]', "[]"), {"rtl/core.v": CORE, "src/alu.v": CORE})
    link = root / "rtl/alu.v"
    link.symlink_to("../src/alu.v")
    assert [file.path for file in load(root).files] == ["rtl/alu.v", "rtl/core.v"]

    link.unlink()
    link.symlink_to("core.v")
    assert "`rtl/alu.v`" in _refused(root, "`rtl/core.v` is the same as").what

    for target in ("/etc/hostname", "../../outside.v", "missing.v", "alu.v"):
        (tmp_path / "outside.v").write_text(CORE)
        link.unlink()
        link.symlink_to(target)
        assert _refused(root, "`rtl/alu.v` leads").line == 10


def test_linked_directories(write: Write, example: str, tmp_path: Path) -> None:
    text = example.replace('["rtl"]', "[]").replace(GLOB, '"rtl/**/*.v"')
    root = write(text, {"rtl/core.v": CORE, "src/alu.v": CORE})
    link = root / "rtl/more"
    link.symlink_to("../src")
    assert [file.path for file in load(root).files] == ["rtl/core.v", "rtl/more/alu.v"]
    link.unlink()
    link.symlink_to(".")
    _refused(root, "is reached twice")
    link.unlink()
    (tmp_path / "outside").mkdir()
    link.symlink_to(tmp_path / "outside")
    _refused(root, "leads out of the submission")


def test_only_regular_files(write: Write, example: str) -> None:
    root = write()
    os.mkfifo(root / "rtl/pipe.v")
    assert _refused(root, "`rtl/pipe.v` is not a regular file").line == 10
    (root / "rtl/pipe.v").rename(root / "rtl/pipe.vh")  # now only the include directory reaches it
    assert _refused(root, "`rtl/pipe.vh` is not a regular file").line == 12
    (root / "rtl/pipe.vh").unlink()
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(root / "rtl")
        try:
            bound.bind("s.v")
        finally:
            os.chdir(here)
        _refused(root, "is not a regular file")


def test_manifest_must_be_a_file_inside(write: Write, example: str, tmp_path: Path) -> None:
    root = write()
    manifest = root / "submission.toml"
    manifest.unlink()
    os.mkfifo(manifest)
    _refused(root, "is not a regular file")
    manifest.unlink()
    (tmp_path / "outside.toml").write_text(example)
    manifest.symlink_to(tmp_path / "outside.toml")
    _refused(root, "leads out of the submission")


def test_not_a_submission(tmp_path: Path) -> None:
    error = _refused(tmp_path, "no submission.toml")
    assert "names the chip" in str(error.expected)
    _refused(tmp_path / "missing", "not a directory")
    (tmp_path / "file").write_text("")
    _refused(tmp_path / "file", "not a directory")
    _refused(Path("a\0b"), "not a directory")


def test_manifest_cannot_list_itself(write: Write, example: str) -> None:
    _refused(write(example.replace(GLOB, '"submission.toml"')), "cannot list itself")
    root = write(example.replace('["rtl"]', '["."]'))
    (root / "NOTES").write_text("")
    assert [file.path for file in load(root).files] == ["rtl/core.v", "NOTES"]


def test_include_dirs_are_directories(write: Write, example: str) -> None:
    assert _refused(write(example.replace('["rtl"]', '["inc"]')), "`inc` is not a directory").line == 12
    _refused(write(example.replace('["rtl"]', '["rtl/core.v"]')), "is not a directory")
    nested = write(example.replace('["rtl"]', '["rtl", "rtl/inc"]'), {"rtl/core.v": CORE, "rtl/inc/a.vh": ""})
    assert [file.path for file in load(nested).files] == ["rtl/core.v", "rtl/inc/a.vh"]


@pytest.mark.parametrize(
    ("name", "enough", "too_few"),
    [
        ("manifest_bytes", 2000, 200),
        ("manifest_depth", 4, 2),
        ("file_bytes", len(CORE), len(CORE) - 1),
        ("total_bytes", 2 * len(CORE) + 1, 2 * len(CORE)),
        ("files", 3, 2),
        ("glob_matches", 3, 1),
        ("entries", 20, 4),
        ("depth", 2, 1),
        ("name_bytes", 12, 11),
    ],
)
def test_limits(write: Write, name: str, enough: int, too_few: int) -> None:
    root = write(files={"rtl/a.v": CORE, "rtl/b.v": CORE, "rtl/inc/c.vh": "x"})
    load(root, replace(IntakeLimits(), **{name: enough}))
    with pytest.raises(LimitExceeded) as caught:
        load(root, replace(IntakeLimits(), **{name: too_few}))
    assert caught.value.file == "submission.toml"
    assert caught.value.expected
    assert caught.value.remedy


def test_changes_during_the_audit_are_noticed(write: Write, example: str) -> None:
    root = write()
    submission = load(root)
    core = root / "rtl/core.v"

    core.write_text(CORE.replace("picorv32", "picorv33"))
    with pytest.raises(SubmissionError, match=r"rtl/core\.v: the file was altered") as caught:
        submission.verify_unchanged()
    assert caught.value.remedy
    core.write_text(CORE)
    submission.verify_unchanged()

    (root / "rtl/picked-up.vh").write_text("")
    with pytest.raises(SubmissionError, match=r"picked-up\.vh: the file was added"):
        submission.verify_unchanged()
    (root / "rtl/picked-up.vh").unlink()

    (root / "submission.toml").write_text(example + "# more\n")
    with pytest.raises(SubmissionError, match=r"submission\.toml: the file was altered"):
        submission.verify_unchanged()
    (root / "submission.toml").write_text(example)

    (root / "rtl/x.vh").write_text("")
    submission = load(root)
    (root / "rtl/x.vh").unlink()
    with pytest.raises(SubmissionError, match=r"x\.vh: the file was removed"):
        submission.verify_unchanged()
    core.unlink()
    with pytest.raises(SubmissionError, match="matches no file"):
        submission.verify_unchanged()
