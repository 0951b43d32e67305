# SPDX-License-Identifier: MIT
"""The folders of the source: each uses only what its library links, arrows point down, and no class grows into a house.

The linker holds the first for what is compiled; a header alone it does not see.
"""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: Members of a class, of data, at the most. Structs are records, and may have as many fields as there are facts.
MOST_MEMBERS = 16


def folder_of(room):
    return ROOT / ("config" if room == "config" else f"daemon/{room}")


def rooms():
    """As CMakeLists.txt lists them: each after those it uses."""
    return re.search(r"^set\(folders ([^)]+)\)", (ROOT / "CMakeLists.txt").read_text(), re.M).group(1).split()


def linked(room):
    """What a room's library links of ours, as its CMakeLists.txt says."""
    text = (folder_of(room) / "CMakeLists.txt").read_text()
    lines = re.findall(rf"target_link_libraries\(adit_{room}\b([^)]*)\)", text)
    return set(re.findall(r"\badit_(\w+)", " ".join(lines)))


def reachable(room):
    found, todo = {room}, [room]
    while todo:
        for each in linked(todo.pop()) - found:
            found.add(each)
            todo.append(each)
    return found


def sources(room):
    return sorted(path for path in folder_of(room).glob("*.*") if path.suffix in (".h", ".cpp"))


def included(path):
    return {name.split("/")[0] for name in re.findall(r'^#include "([^"/]+/[^"]+)"', path.read_text(), re.M)}


@pytest.mark.parametrize("room", rooms())
def test_a_room_includes_only_what_its_library_links(room):
    allowed = reachable(room)
    strangers = {f"{path.relative_to(ROOT)}: {other}" for path in sources(room) for other in included(path) - allowed}
    assert not strangers


def test_arrows_point_down_only():
    order = rooms()
    upward = [(room, other) for room in order for other in linked(room) if order.index(other) >= order.index(room)]
    assert not upward


def test_every_folder_is_a_room():
    there = {path.parent.name for path in (ROOT / "daemon").glob("*/CMakeLists.txt")} | {"config"}
    assert there == set(rooms())


def test_the_unit_tests_mirror_the_rooms():
    folders = {path.name for path in (ROOT / "tests/unit").iterdir() if path.is_dir()}
    assert folders <= set(rooms())


def test_the_page_on_architecture_names_every_room():
    page = (ROOT / "docs/architecture.md").read_text()
    missing = [room for room in rooms() if not re.search(rf"^\s+{room}/ |^{room}/ ", page, re.M)]
    assert not missing


@pytest.mark.parametrize("core", ["wire", "noise", "tunnel", "offload"])
def test_the_core_asks_nothing_of_the_system(core):
    system = re.compile(r"#include <(sys/|netinet/|linux/|unistd|spdlog|time\.h)|clock_gettime|randombytes|steady_clock::now")
    found = [str(path.relative_to(ROOT)) for path in sources(core) if system.search(path.read_text())]
    assert not found


def members(body, indent):
    """Names of the data members in the body of a class, by the house's own convention: they end in an underscore."""
    member = re.compile(rf"^{indent}[\w:].*?\b(\w+_)(?:\{{.*\}}| = .*)?;(?:\s*///<.*)?$", re.M)
    return {name for name in member.findall(body)}


def classes():
    for room in rooms():
        for path in sources(room):
            for found in re.finditer(r"^( *)class (\w+)[^;{]*\{\n(.*?)^\1\};", path.read_text(), re.M | re.S):
                yield f"{path.relative_to(ROOT)}: {found.group(2)}", members(found.group(3), found.group(1) + "  ")


def test_no_class_has_more_members_than_one_reader_can_hold():
    assert len(dict(classes())) > 50, "the classes were not found"
    large = {name: len(found) for name, found in classes() if len(found) > MOST_MEMBERS}
    assert not large
