#!/usr/bin/env python3
"""Runs a program under the filter of a seccomp profile (.json) or of a systemd unit (.service), as a container engine without
capabilities, or systemd, would: under_seccomp.py FILE [--without NAME]... -- PROGRAM ARGUMENT..."""

import ctypes
import json
import os
import platform
import subprocess
import sys

ALLOW = 0x7FFF0000
OPERATORS = {"NE": 1, "LT": 2, "LE": 3, "EQ": 4, "GE": 5, "GT": 6, "MASKED_EQ": 7}
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
UNKNOWN = -1


class Comparison(ctypes.Structure):
    _fields_ = [("index", ctypes.c_uint), ("operator", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def refuse(code):
    return 0x00050000 | code


def rules_of_profile(path):
    """Default action, then (names, action, comparisons) of what counts here."""
    profile = json.load(open(path))
    yield refuse(profile["defaultErrnoRet"])
    for rule in profile["syscalls"]:
        includes, excludes = rule.get("includes", {}), rule.get("excludes", {})
        if "caps" in includes or ARCHITECTURE not in includes.get("arches", [ARCHITECTURE]):
            continue
        if ARCHITECTURE in excludes.get("arches", []):
            continue
        action = ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else refuse(rule["errnoRet"])
        compare = lambda one: Comparison(
            one["index"], OPERATORS[one["op"].removeprefix("SCMP_CMP_")], one["value"], one.get("valueTwo", 0)
        )
        yield rule["names"], action, [compare(one) for one in rule.get("args") or []]


def members(group):
    """All system calls of one of systemd's groups."""
    said = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True)
    for word in said.stdout.split("\n")[1:]:
        word = word.strip()
        if word.startswith("@"):
            yield from members(word)
        elif word and not word.startswith("#"):
            yield word


def rules_of_unit(path):
    yield refuse(1)
    for line in open(path):
        if line.startswith("SystemCallFilter="):
            for word in line.strip().split("=", 1)[1].split():
                assert not word.startswith("~"), "only lists of what is allowed are understood here"
                names = list(members(word)) if word.startswith("@") else [word]
                yield names, ALLOW, []


def load(rules, without):
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(next(rules)))
    for names, action, comparisons in rules:
        for name in set(names) - without:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number == UNKNOWN:
                continue
            array = (Comparison * max(len(comparisons), 1))(*comparisons)
            code = library.seccomp_rule_add_array(context, ctypes.c_uint32(action), number, len(comparisons), array)
            assert code == 0, f"{name}: {os.strerror(-code)}"
    code = library.seccomp_load(context)
    assert code == 0, os.strerror(-code)


def main():
    end = sys.argv.index("--")
    path, words = sys.argv[1], sys.argv[2:end]
    without = {words[at + 1] for at in range(0, len(words), 2) if words[at] == "--without"}
    load(rules_of_unit(path) if path.endswith(".service") else rules_of_profile(path), without)
    os.execvp(sys.argv[end + 1], sys.argv[end + 1 :])


main()
