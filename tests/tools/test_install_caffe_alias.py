"""Executables named as Caffe's programs, and completion for shells."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tools.main import COMMANDS


def shell(script, cwd, **environment):
    return subprocess.run(
        ["sh", "-c", script], cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_unmodified_shell_scripts(run, tmp_path):
    result = run("install-caffe-alias", "build/tools")
    assert result.status == 0
    assert result.out.splitlines()[0] == (
        "build/tools: caffe, compute_image_mean, convert_cifar_data, convert_imageset, convert_mnist_data, "
        "extract_features"
    )
    done = shell("./build/tools/caffe device_query && ./build/tools/convert_imageset.bin --help", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "usage: netdef convert_imageset" in done.stdout
    done = shell("caffe train", tmp_path, PATH=f"{tmp_path}/build/tools:{os.environ['PATH']}")
    assert done.returncode == 2 and done.stderr.startswith("netdef train: --solver is missing.")


def test_files_of_others_stay(run, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "caffe").write_text("mine")
    result = run("install_caffe_alias", "bin")
    assert (result.status, result.err) == (
        1,
        '"bin/caffe" exists and was not made by netdef. Choose another folder, or give --overwrite.\n',
    )
    assert os.listdir(tmp_path / "bin") == ["caffe"]
    assert run("install_caffe_alias", "bin", "--overwrite").status == 0
    assert run("install_caffe_alias", "bin").status == 0
    assert os.access(tmp_path / "bin" / "caffe", os.X_OK)


def test_a_folder_in_path_needs_no_advice(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert len(run("install_caffe_alias", tmp_path).out.splitlines()) == 1


# -- completion --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_every_command_is_completed(run, name):
    text = run("completion", name).out
    assert all(command in text for command in COMMANDS)
    assert "solver" in text


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    "words, expected",
    [
        ("netdef tr", "train"),
        ("netdef train --sol", "--solver"),
        ("netdef help convert_im", "convert_imageset"),
        ("netdef train -sigint_effect s", "snapshot stop"),
        ("netdef train --sighup-effect = sn", "snapshot"),
        ("netdef draw-net net.prototxt --phase =", "TRAIN TEST ALL"),
        ("netdef train -solver le", "lenet.prototxt lenet_test.prototxt"),
        ("netdef test -weights a.caffemodel,lenet_", "a.caffemodel,lenet_test.prototxt"),
        ("netdef train --iterations le", ""),
        ("netdef completion z", "zsh"),
        ("netdef extract_features lenet.p", "lenet.prototxt"),
        ("netdef convert_cifar . . l", "lmdb leveldb lenet.prototxt lenet_test.prototxt"),
    ],
)
def test_bash_completes(run, tmp_path, words, expected):
    (tmp_path / "completion.sh").write_text(run("completion", "bash").out)
    for name in ("lenet.prototxt", "lenet_test.prototxt"):
        (tmp_path / name).write_text("")
    given = f"COMP_WORDS=({words}); COMP_CWORD={len(words.split()) - 1}"
    script = f'. ./completion.sh; {given}; _netdef; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert (sorted(done.stdout.split()), done.stderr) == (sorted(expected.split()), "")  # files come in any order


def test_fish_knows_the_values(run):
    lines = run("completion", "fish").out.splitlines()
    train = "complete -c netdef -n '__fish_seen_subcommand_from train'"
    assert f"{train} -l solver -r -F" in lines
    assert f"{train} -l sigint_effect -x -a 'snapshot stop none'" in lines
    assert f"{train} -l iterations -x" in lines
    assert "complete -c netdef -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'" in lines


def test_another_shell(run):
    result = run("completion", "csh")
    assert result.status == 2
    assert result.err.startswith('netdef completion: SHELL is "csh"; expected bash, zsh or fish.')
