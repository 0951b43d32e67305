# SPDX-License-Identifier: MIT
"""scripts/tidy looks at sources in groups and must find what clang-tidy finds in each by itself.

Run with: /usr/bin/python3 -m pytest tests/lint
"""
import importlib.machinery
import importlib.util
import json
import pathlib
import re
import shutil
import sys

import pytest

import violations

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = ("-std=c++20", "-Wall", "-Wextra", "-Wshadow", "-Wconversion")


def load(path):
    loader = importlib.machinery.SourceFileLoader("tidy", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", loader))
    sys.modules["tidy"] = module
    loader.exec_module(module)
    return module


tidy = load(ROOT / "scripts/tidy")


class Project:
    """A folder with a `daemon`, judged and compiled as ours is."""

    def __init__(self, root):
        self.root = root
        (root / "daemon").mkdir(parents=True)
        (root / "build/dev").mkdir(parents=True)
        shutil.copy(ROOT / ".clang-tidy", root)

    def write(self, files):
        for name, text in files.items():
            (self.root / "daemon" / name).write_text(text)

    def sources(self, names):
        return [tidy.Source(self.root / "daemon" / name, self.root, FLAGS, self.root / ".clang-tidy") for name in names]

    def lint(self, capsys, extra_flags=""):
        """All sources, by scripts/tidy as scripts/lint calls it: its status and what it prints."""
        files = sorted((self.root / "daemon").glob("*.cpp"))
        commands = [{"directory": str(self.root / "build/dev"), "file": str(file),
                     "command": " ".join(("ccache c++", *FLAGS, extra_flags, "-o", f"{file.stem}.o", "-c", str(file)))}
                    for file in files]
        (self.root / "build/dev/compile_commands.json").write_text(json.dumps(commands))
        status = tidy.main([str(file) for file in files], self.root)
        return status, capsys.readouterr().out


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(tidy, "FEW", 0)
    return Project(tmp_path / "ours")


def enclosed(number, text):
    before, _, inside = text.rpartition("---\n")
    return f"{before}namespace of{number} {{\n{inside}\n}}\n".replace("%", str(number))


def test_a_group_hides_no_violation(project, monkeypatch):
    violating = {f"v{number}.cpp": check for number, check in enumerate(violations.ENCLOSED)}
    for number, text in enumerate(violations.ENCLOSED.values()):
        project.write({f"v{number}.cpp": enclosed(number, text)})
    for check, files in violations.WHOLE.items():
        project.write(files)
        violating |= {name: check for name in files if name.endswith(".cpp") and "another" not in name}
    names = sorted(path.name for path in (project.root / "daemon").glob("*.cpp"))

    monkeypatch.setattr(tidy, "GROUP", 1000)
    missed = []  # with what is found in the source by itself
    for group in tidy.groups(project.sources(names)):
        if len(group) == 1:
            check, said = violating.get(group[0].file.name), tidy.alone(group[0])
            if check and check not in (said or ""):
                missed.append((group[0].file.name, check, said))
            continue
        said, about = tidy.together(group)
        found = {(source.file.name, check) for source, rest in about
                 for check in re.findall(r"[\w-]+", rest[rest.rindex("["):])}
        for source in group:
            check = violating.get(source.file.name)
            in_a_header = check in ("misc-definitions-in-headers", "misc-header-include-cycle")
            if check and (source.file.name, check) not in found and not (in_a_header and check in said):
                missed.append((source.file.name, check, tidy.alone(source)))
    assert not missed


# Two sources that cannot be compiled together, twice over, and a third that goes with either.
CLEAN = {
    "one.cpp": "namespace {\n\nint help() {\n  return 1;\n}\n\n}  // namespace\n\nint one() {\n  return help();\n}\n",
    "two.cpp": "namespace {\n\nint help() {\n  return 2;\n}\n\n}  // namespace\n\nint two() {\n  return help();\n}\n",
    "three.cpp": "#define TEST(suite, name) void suite##_##name##_Test()\n\nTEST(Suite, Name) {}\n",
    "four.cpp": "#define TEST(suite, name) void suite##_##name##_Test()\n\nTEST(Suite, Name) {}\n",
    "five.cpp": "#include \"shared.h\"\n\nint five() {\n  return Shared{}.five;\n}\n",
    "six.cpp": "#include \"shared.h\"\n\nint six() {\n  return Shared{}.five + 1;\n}\n",
    "shared.h": "#pragma once\n\nstruct Shared {\n  int five = 5;\n};\n",
}


def count_runs(monkeypatch):
    """The files that are handed to clang-tidy, filled while the test runs."""
    runs = []
    real = tidy.tidy

    def counted(source, file):
        runs.append(file.name)
        return real(source, file)
    monkeypatch.setattr(tidy, "tidy", counted)
    return runs


def test_what_is_clean_is_looked_at_once_and_then_what_changed(project, capsys, monkeypatch):
    runs = count_runs(monkeypatch)
    clean = {name: text.replace("#define TEST(suite, name) void suite##_##name##_Test()\n\n", "").replace(
        "TEST(Suite, Name) {}", f"int {name[:-4]}_it() {{\n  return 1;\n}}") for name, text in CLEAN.items()}
    project.write(clean)
    status, said = project.lint(capsys)
    assert (status, said) == (0, "clang-tidy: 6 sources, 6 of them new or changed\n")
    assert "together.cpp" in runs, "nothing was looked at in a group"

    runs.clear()
    assert project.lint(capsys) == (0, "clang-tidy: 6 sources, 0 of them new or changed\n")
    assert not runs

    project.write({"one.cpp": clean["one.cpp"].replace("1", "3")})
    assert project.lint(capsys) == (0, "clang-tidy: 6 sources, 1 of them new or changed\n")
    assert runs == ["one.cpp"]

    project.write({"shared.h": clean["shared.h"].replace("= 5", "= 6")})
    assert project.lint(capsys) == (0, "clang-tidy: 6 sources, 2 of them new or changed\n")

    (project.root / ".clang-tidy").write_text((project.root / ".clang-tidy").read_text() + "\n")
    assert project.lint(capsys) == (0, "clang-tidy: 6 sources, 6 of them new or changed\n")


def test_names_that_collide_keep_sources_apart(project):
    project.write(CLEAN)
    made = tidy.groups(project.sources(sorted(name for name in CLEAN if name.endswith(".cpp"))))
    names = [{source.file.stem for source in group} for group in made]
    assert not any({"one", "two"} <= group for group in names)
    assert {"three"} in names and {"four"} in names, "a macro reaches the sources after it"
    assert any({"five", "six"} <= group for group in names)


@pytest.mark.parametrize("first, second", [
    ("namespace {\nconstexpr int kSame = 1;\n}", "namespace {\nconstexpr int kSame = 2;\n}"),
    ("namespace {\nstruct Same {\n  int a;\n};\n}", "namespace {\nenum class Same { a };\n}"),
    ("namespace {\nint same() { return 1; }\n}", "int other() { return same(2); }"),
    ("TEST(Suite, Name) {}", "TEST(Suite, Name) {}"),
    ("TEST_F(Suite, Name) {}", "TEST_F(Suite,\n       Name) {}"),
    ("int main() {}", "int main() {}"),
])
def test_a_name_of_ones_own_is_seen(project, first, second):
    project.write({"first.cpp": first, "second.cpp": second})
    assert len(tidy.groups(project.sources(["first.cpp", "second.cpp"]))) == 2


@pytest.mark.parametrize("first, second", [
    ("namespace {\nint same() { return 1; }\n}", "int other(S s) { return s.same() + S::same; }"),
    ("namespace {\nint same() { return 1; }\n}", "// The same as before.\nint other() { return text(\"same\"); }"),
    ("TEST(Suite, Name) {}", "TEST(Suite, OtherName) {}"),
])
def test_a_word_that_means_something_else_keeps_nothing_apart(project, first, second):
    project.write({"first.cpp": first, "second.cpp": second})
    assert len(tidy.groups(project.sources(["first.cpp", "second.cpp"]))) == 1


def test_sources_compiled_or_judged_differently_are_never_together(project):
    project.write(CLEAN)
    source = project.sources(["five.cpp"])[0]
    (project.root / "tests").mkdir()
    shutil.copy(ROOT / "tests/.clang-tidy", project.root / "tests")
    others = [tidy.dataclasses.replace(source, flags=(*FLAGS, "-DOTHER")),
              tidy.dataclasses.replace(source, config=project.root / "tests/.clang-tidy")]
    assert len(tidy.groups([source, *others])) == 3


def test_complaints_in_a_group_are_those_of_its_sources_each_once(project, capsys):
    project.write(CLEAN)
    project.write({"shared.h": CLEAN["shared.h"] + "\ninline int* none() {\n  return 0;\n}\n",
                   "seven.cpp": "int* seven() {\n  return 0;\n}\n",  # a complaint in the group
                   "eight.cpp": "namespace {\n\nint unused() {\n  return 1;\n}\n\n}  // namespace\n",  # in a main file
                   "nine.cpp": "#include <memory>\n\nusing std::shared_ptr;\n"})  # one that others could make up for
    status, said = project.lint(capsys)
    assert status == 1
    found = re.findall(r"^/.*/(\S+?):(\d+):\d+: error: .*\[([^\],]+)", said, re.MULTILINE)
    assert sorted(found) == [("eight.cpp", "3", "clang-diagnostic-unused-function"),
                             ("nine.cpp", "3", "misc-unused-using-decls"),
                             ("seven.cpp", "2", "modernize-use-nullptr"),
                             ("shared.h", "8", "modernize-use-nullptr")]
    status, again = project.lint(capsys)
    assert status == 1 and again.split("\n", 1)[1] == said.split("\n", 1)[1], "what is not clean is told again"


def test_sources_that_do_not_compile_together_are_looked_at_alone(project, capsys, monkeypatch):
    monkeypatch.setattr(tidy, "own_names", lambda code: (set(), set()))
    project.write({name: text for name, text in CLEAN.items() if name in ("one.cpp", "two.cpp")})
    runs = count_runs(monkeypatch)
    assert project.lint(capsys)[0] == 0
    assert runs[0] == "together.cpp" and {"one.cpp", "two.cpp"} <= set(runs)


def test_precompiled_headers_of_gcc_are_left_out():
    command = ("/usr/bin/ccache /usr/bin/c++ -DNAME=\\\"x\\\" -I/src -O2 -std=c++23 -Winvalid-pch -include "
               "/b/daemon/CMakeFiles/x.dir/cmake_pch.hxx -include other.h -o x.o -c /src/x.cpp")
    assert tidy.compiler_flags(command) == ("-DNAME=\"x\"", "-I/src", "-O2", "-std=c++23", "-include", "other.h")


def test_a_source_does_not_get_its_includes_from_the_precompiled_header(project, capsys):
    header = project.root / "build/dev/cmake_pch.hxx"
    header.write_text("#include <cstddef>\nstruct Precompiled {};\n")
    project.write({"needs.cpp": "Precompiled f();\n"})
    status, said = project.lint(capsys, f"-Winvalid-pch -include {header}")
    assert status == 1 and "unknown type name 'Precompiled'" in said


def test_every_check_that_is_on_has_been_tried():
    tried = set(violations.ENCLOSED) | set(violations.WHOLE) | violations.LOCAL
    checks = {check for check in tidy.enabled(ROOT / ".clang-tidy") if "-" in check}
    assert checks - tried == set(), "could a group hide what this check finds? See tests/lint/violations.py"
