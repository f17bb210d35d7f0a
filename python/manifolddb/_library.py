"""The C library: what manifolddb_c.h declares, for ctypes."""
import ctypes
import os
from ctypes import POINTER, byref, c_bool, c_char_p, c_int, c_int64, c_size_t, c_uint64, c_void_p


class Bytes(ctypes.Structure):
    """manifolddb_bytes; keeps what it points to."""

    _fields_ = [("data", c_void_p), ("size", c_size_t)]

    @classmethod
    def of(cls, value):
        if isinstance(value, str):
            value = value.encode()
        value = bytes(value)
        view = cls(ctypes.cast(ctypes.c_char_p(value), c_void_p), len(value))
        view.kept = value
        return view

    def copy(self):
        return ctypes.string_at(self.data, self.size) if self.size else b""


class Range(ctypes.Structure):
    """manifolddb_range."""

    _fields_ = [(name, POINTER(Bytes)) for name in ("lower", "upper", "after", "through", "prefix")]

    @classmethod
    def of(cls, **bounds):
        made = cls()
        made.kept = {name: Bytes.of(value) for name, value in bounds.items() if value is not None}
        for name, value in made.kept.items():
            setattr(made, name, ctypes.pointer(value))
        return made


NAME_CALL = ctypes.CFUNCTYPE(c_bool, c_void_p, Bytes)
NO_LIMIT = 2**64 - 1

# What a function takes: H a handle, B bytes, S a string or None, R a range, F a call for names, u a uint64, i
# an int64, b a truth value, o an option, U many uint64, P bytes or None. A * before it: a place for one. Each
# gives a code, and takes a place for an error last.
_CALLS = {
    "options_set": "Hou", "open": "SH*H", "close": "H", "checkpoint": "H", "verify": "H*u*S",
    "stats_json": "H*S", "stats_prometheus": "H*S",
    "create_family": "HB*u", "open_or_create_family": "HB*u", "drop_family": "HB", "rename_family": "HBB",
    "open_family": "HB*u", "list_families": "HFH",
    "begin_read": "H*H", "read_open_family": "HB*u", "read_list_tables": "HuFH", "read_open_table": "HuBSS*H",
    "begin_write": "HUuu*H", "write_open_table": "HuBSSb*H", "drop_table": "HuB", "rename_table": "HuBB",
    "write_list_tables": "HuFH", "set_savepoint": "H*u", "roll_back_to": "Hu", "release": "Hu",
    "commit": "Hb*u",
    "get": "HB*H", "length": "H*u", "count": "HR*u", "put": "HBB", "delete": "HB*b", "delete_range": "HR*u",
    "compare_and_swap": "HBPP*b", "add_to_counter": "HBi*i",
    "cursor_new": "HR*H", "first": "H*b", "last": "H*b", "next": "H*b", "prev": "H*b", "seek": "HB*b",
    "seek_for_prev": "HB*b", "cursor_key": "H*B", "cursor_value": "H*B",
    "batch_put": "HuBBB", "batch_delete": "HuBB", "apply": "HH*u",
}
# The rest: what comes back, and what it takes.
_PLAIN = {
    "version": ("S", ""), "error_code": ("n", "H"), "error_text": ("S", "H"), "error_name": ("S", "H"),
    "error_category": ("S", "H"), "error_free": ("", "H"), "string_free": ("", "H"), "options_new": ("H", ""),
    "options_free": ("", "H"), "database_free": ("", "H"), "key_bytes_max": ("u", "H"),
    "read_commit_number": ("u", "H"), "read_free": ("", "H"), "abort": ("", "H"), "write_free": ("", "H"),
    "key_type": ("S", "H"), "value_type": ("S", "H"), "table_free": ("", "H"), "value_bytes": ("B", "H"),
    "value_free": ("", "H"), "cursor_free": ("", "H"), "batch_new": ("H", ""), "batch_changes": ("u", "H"),
    "batch_clear": ("", "H"), "batch_free": ("", "H"),
}
_TYPES = {
    "H": c_void_p, "B": Bytes, "S": c_char_p, "R": POINTER(Range), "F": NAME_CALL, "u": c_uint64,
    "i": c_int64, "b": c_bool, "o": c_int, "n": c_int, "U": POINTER(c_uint64), "P": POINTER(Bytes),
}


def _types(letters):
    types, pointer = [], False
    for letter in letters:
        if letter == "*":
            pointer = True
            continue
        kind = _TYPES[letter]
        # A string that is given out is freed by its address, which c_char_p would lose.
        types.append(POINTER(c_void_p if letter == "S" else kind) if pointer else kind)
        pointer = False
    return types


def _load():
    library = ctypes.CDLL(os.environ.get("MANIFOLDDB_LIBRARY", "libmanifolddb_c.so.0"))
    for name, takes in _CALLS.items():
        function = getattr(library, "manifolddb_" + name)
        function.restype = c_int
        function.argtypes = _types(takes) + [POINTER(c_void_p)]
    for name, (gives, takes) in _PLAIN.items():
        function = getattr(library, "manifolddb_" + name)
        function.restype = _TYPES[gives] if gives else None
        function.argtypes = _types(takes)
    return library


_library = _load()


class Error(Exception):
    """A call has failed: `code` (a number), `name` ("kCorrupt"), `category` ("kRestore"); the text says what,
    where and what to do."""

    def __init__(self, code, name, category, text):
        super().__init__(text)
        self.code = code
        self.name = name
        self.category = category


def plain(name, *arguments):
    return getattr(_library, "manifolddb_" + name)(*arguments)


def call(name, *arguments):
    """Calls manifolddb_`name`; raises Error if it fails."""
    error = c_void_p()
    code = getattr(_library, "manifolddb_" + name)(*arguments, byref(error))
    if code == 0:
        return
    if not error:
        raise MemoryError(f"manifolddb_{name}: code {code}")
    try:
        parts = [plain("error_" + part, error) for part in ("name", "category", "text")]
        texts = [part.decode(errors="replace") for part in parts]
    finally:
        plain("error_free", error)
    raise Error(code, *texts)


def given_handle(name, *arguments):
    """What a call gives out as a handle in its last place."""
    handle = c_void_p()
    call(name, *arguments, byref(handle))
    return handle


def given_number(name, *arguments, kind=c_uint64):
    number = kind()
    call(name, *arguments, byref(number))
    return number.value


def given_text(name, *arguments):
    text = given_handle(name, *arguments)
    try:
        return ctypes.string_at(text).decode()
    finally:
        plain("string_free", text)


def names(name, *arguments):
    """The names that a listing call tells of."""
    found = []

    def note(_, view):
        found.append(view.copy())
        return True

    call(name, *arguments, NAME_CALL(note), None)
    return found


def version():
    return plain("version").decode()


class Handle:
    """Owns what a call gave out."""

    def __init__(self, handle, free):
        self._handle = handle
        self._free = free

    def __call__(self):
        if not self._handle:
            raise ValueError("it has been closed")
        return self._handle

    def close(self):
        handle, self._handle = self._handle, None
        if handle:
            plain(self._free, handle)

    def __del__(self):
        self.close()
