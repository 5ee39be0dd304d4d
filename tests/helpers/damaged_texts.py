"""Damage to JSON, to arrays in .npy and .npz files, and to settings in .toml files; `damaged_copies` uses it."""

import io
import json
import struct
import zipfile

HEADERS = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 2), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (10**400,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,), }",
    "{'descr': '<f4', 'fortran_order': 3, 'shape': (2,), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<U900000000', 'fortran_order': False, 'shape': (), }",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (1000000000,), }",
    "{'descr': ('<f4', (1000000,)), 'fortran_order': False, 'shape': (1000,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0, 10000000000000), }",
    "(" * 5000,
    "{[(",
    "'''",
    "{'shape': (1,)",
    "0L" * 20,
    "[" * 90 + "]" * 90,
    "-" * 9000 + "1",
]
LETTERS = "{}[]()',:0123456789TFLOU<>|=-. \\\"\n\0"
TOKENS = [
    *("[", "]", "[[", "]]", "=", "\n", '"', "'", '"""', "{", "}", ",", ".", "#", "-", "_", "true", "nan", "inf", "-1"),
    *(
        "0x" + "f" * 5000,
        "9" * 5000,
        "1e400",
        "1979-05-27T07:32:00Z",
        "0001-01-01",
        "99:99:99",
        "\0",
        "\ud7ff",
        "é",
        "0",
    ),
    *("[" * 3000, "a." * 3000 + "a", "[conversion]\n", "[data]\n", "steps", "= [{}]\n", "= {a = {b = [1]}}\n", "1e18"),
]


def change_header(data, rng):
    """An .npy file with another header."""
    length = struct.unpack_from("<H", data, 8)[0]
    text = data[10 : 10 + length].decode("latin1")
    if rng.random() < 0.5:
        text = HEADERS[rng.integers(len(HEADERS))]
    for _ in range(rng.integers(0, 4)):
        at = rng.integers(len(text))
        text = text[:at] + LETTERS[rng.integers(len(LETTERS))] + text[at + rng.integers(0, 3) :]
    version = bytes([rng.integers(1, 5), 0]) if rng.random() < 0.1 else data[6:8]
    return data[:6] + version + struct.pack("<H", len(text)) + text.encode("latin1", "replace") + data[10 + length :]


def damage_bytes(data, rng):
    """Bytes with some changed, cut off or put in."""
    way, data = rng.integers(4), bytearray(data)
    at = int(rng.integers(min(len(data), 160) if rng.random() < 0.7 else len(data)))
    if way == 0:
        for _ in range(rng.integers(1, 10)):
            data[rng.integers(len(data))] = rng.integers(256)
    elif way == 1:
        del data[at:]
    elif way == 2:
        data[at:at] = rng.bytes(rng.integers(1, 40))
    else:
        data[at] = rng.integers(256)
    return bytes(data)


def damage_npy(path, rng):
    data = path.read_bytes()
    path.write_bytes(change_header(data, rng) if rng.random() < 0.6 else damage_bytes(data, rng))


def damage_npz(path, rng):
    data = path.read_bytes()
    if rng.random() < 0.6:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = sorted(members)[rng.integers(len(members))]
        change = change_header if rng.random() < 0.6 else damage_bytes
        members[name] = change(members[name], rng)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", [0, 8, 12, 14][rng.integers(4)]) as archive:
            for each, content in members.items():
                archive.writestr(each, content)
        path.write_bytes(buffer.getvalue())
        return
    data = bytearray(data)
    # the directory at the end says where members are, how long they are, and how they are packed
    start = 0 if rng.random() < 0.3 else max(0, len(data) - 300)
    for _ in range(rng.integers(1, 8)):
        data[rng.integers(start, len(data))] = rng.choice([0, 1, 8, 9, 12, 14, 95, 255, rng.integers(256)])
    path.write_bytes(bytes(data))


def damage_toml(path, rng):
    text = path.read_text("utf-8")
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(text) + 1))
        if rng.random() < 0.5:  # in the place of a value
            at = text.find("=", at) + 1 or at
            end = text.find("\n", at) if rng.random() < 0.7 else at
        else:
            end = at + int(rng.integers(0, 4))
        text = text[:at] + TOKENS[rng.integers(len(TOKENS))] + text[max(at, end) :]
    data = text.encode("utf-8", "replace")
    path.write_bytes(damage_bytes(data, rng) if rng.random() < 0.2 else data)


def damage_json(text, rng):
    """JSON with another value somewhere, or that is none any more."""
    if rng.random() < 0.3:
        at, letters = rng.integers(len(text)), '{}[]",:0123456789eE-.nullx\\'
        return text[:at] + letters[rng.integers(len(letters))] + text[at + rng.integers(0, 3) :]
    data = json.loads(text)
    for _ in range(rng.integers(1, 4)):
        places = list(places_in(data))
        container, key = places[rng.integers(len(places))]
        values = [
            *(None, True, -1, 0, 1e300, 10**9, 10**18, 10**400, "", "text", "Dense", "Lambda", [], {}, [None], [[[]]]),
            *([10**9], [None, 10**9], {"class_name": "Dense", "config": {}}, {"class_name": []}, container),
        ]
        if rng.random() < 0.2 and isinstance(container, dict):
            del container[key]
        elif rng.random() < 0.3 and isinstance(container[key], int):
            container[key] = int(container[key]) * 10 ** int(rng.integers(1, 10))
        else:
            container[key] = json.loads(json.dumps(values[rng.integers(len(values))]))
    return json.dumps(data)


def places_in(data):
    for key, value in list(data.items()) if isinstance(data, dict) else list(enumerate(data)):
        yield data, key
        if isinstance(value, (dict, list)):
            yield from places_in(value)
