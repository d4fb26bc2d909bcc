"""Clouds by hand: all start alike, tell the environment that leads clients to them, and end with their input."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

CLOUDS = {"ibm": "QISKIT_IBM_URL", "origin": "ORIGIN_URL", "braket": "BRAKET_ENDPOINT"}
TESTS = Path(__file__).parent


@pytest.mark.parametrize("name", CLOUDS)
def test_a_program_gets_json_and_a_person_lines_for_a_shell(name: str) -> None:
    told, terminal = pty.openpty()
    command = [sys.executable, "-m", f"clouds.{name}"]
    with (
        subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program,
        subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=terminal) as person,
    ):
        assert program.stdin is not None
        assert program.stdout is not None
        assert person.stdin is not None
        said = json.loads(program.stdout.readline())
        text = b""
        while text.count(b"\n") < len(said) and b"{" not in text:
            text += os.read(told, 4096)
        words = [shlex.split(line) for line in text.decode().splitlines()]
        assert {word for word, _ in words} == {"export"}
        environment = dict(assignment.split("=", 1) for _, assignment in words)
        assert set(environment) == set(said)
        for found in (environment, said):
            assert found[CLOUDS[name]].startswith("http://127.0.0.1:")
        assert environment[CLOUDS[name]] != said[CLOUDS[name]]
        for process in (program, person):
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(timeout=30) == 0
    os.close(terminal)
    os.close(told)
