"""The C library: what manifolddb_c.h declares, for ctypes."""
import collections
import ctypes
import operator
import os
from ctypes import POINTER, byref, c_bool, c_char_p, c_int, c_int64, c_size_t, c_uint64, c_void_p


class Bytes(ctypes.Structure):
    """manifolddb_bytes; keeps what it points to."""

    _fields_ = [("data", c_void_p), ("size", c_size_t)]

    @classmethod
    def of(cls, value):
        """A key or a value: never a str, never what bytes() would make up, as zeroes for a number."""
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"keys and values are bytes, bytearray or memoryview, not {type(value).__name__}")
        return cls._keeping(bytes(value))

    @classmethod
    def name(cls, value):
        """The name of a family or a table: a str, too."""
        if not isinstance(value, (str, bytes, bytearray, memoryview)):
            raise TypeError(f"a name is str or bytes, not {type(value).__name__}")
        return cls._keeping(value.encode() if isinstance(value, str) else bytes(value))

    @classmethod
    def _keeping(cls, value):
        view = cls(ctypes.cast(ctypes.c_char_p(value), c_void_p), len(value))
        view.kept = value
        return view

    def copy(self):
        return ctypes.string_at(self.data, self.size) if self.size else b""


class Range(ctypes.Structure):
    """manifolddb_range."""

    _fields_ = [(name, POINTER(Bytes)) for name in ("lower", "upper", "after", "through", "prefix")]

    @classmethod
    def of(cls, *, lower=None, upper=None, after=None, through=None, prefix=None):
        """`kept`: the bounds that there are. The parameters are named, since a bound that nobody knows would
        be none."""
        bounds = {"lower": lower, "upper": upper, "after": after, "through": through, "prefix": prefix}
        made = cls()
        made.kept = {name: Bytes.of(value) for name, value in bounds.items() if value is not None}
        for name, value in made.kept.items():
            setattr(made, name, ctypes.pointer(value))
        return made


def _number(value, lowest, highest):
    number = operator.index(value)
    if not lowest <= number <= highest:
        raise OverflowError(f"{number} is not within {lowest} to {highest}")
    return number


def unsigned(value):
    """For a uint64, which ctypes would cut to its low bits."""
    return _number(value, 0, 2**64 - 1)


def signed(value):
    return _number(value, -2**63, 2**63 - 1)


def string(value):
    """For a string that a 0 ends."""
    if b"\0" in value:
        raise ValueError(f"{value!r} has a 0 in it")
    return value


NAME_CALL = ctypes.CFUNCTYPE(c_bool, c_void_p, Bytes)

# What a function takes: H a handle, B bytes, S a string or None, R a range, F a call for names, u a uint64, i
# an int64, b a truth value, o an option, U many uint64, P bytes or None. A * before it: a place for one. Each
# gives a code, and takes a place for an error last.
_CALLS = {
    "options_set": "Hou", "open": "SH*H", "close": "H", "checkpoint": "H", "verify": "H*u*S",
    "set_options": "HH", "current_option": "Ho*u", "shrink_file": "H*u*u",
    "stats_json": "H*S", "stats_prometheus": "HS*S",
    "create_family": "HB*u", "open_or_create_family": "HB*u", "drop_family": "HB", "rename_family": "HBB",
    "open_family": "HB*u", "list_families": "HFH",
    "savepoint_create": "HB*u", "savepoint_restore": "HB*u", "savepoint_delete": "HB",
    "savepoint_list": "HFH", "savepoint_read": "HB*H",
    "begin_read": "H*H", "read_open_family": "HB*u", "read_list_tables": "HuFH", "read_open_table": "HuBSS*H",
    "family_stats_json": "Hb*S", "family_stats_prometheus": "HbS*S",
    "begin_write": "HUuu*H", "write_options_set": "Hou", "begin_write_with": "HUuH*H", "add_family": "Hu",
    "write_open_table": "HuBSSb*H", "drop_table": "HuB", "rename_table": "HuBB",
    "write_list_tables": "HuFH", "set_savepoint": "H*u", "roll_back_to": "Hu", "release": "Hu",
    "list_savepoints": "H*u", "commit": "Hb*u", "commit_through_checkpoint": "H*u", "await_durable": "Hu",
    "is_durable": "Hu*b",
    "get": "HB*H", "length": "H*u", "count": "HR*u", "put": "HBB", "delete": "HB*b", "delete_range": "HR*u",
    "compare_and_swap": "HBPP*b", "add_to_counter": "HBi*i",
    "sample_keys": "HRuuFH",
    "cursor_new": "HR*H", "first": "H*b", "last": "H*b", "next": "H*b", "prev": "H*b", "seek": "HB*b",
    "seek_for_prev": "HB*b", "cursor_key": "H*B", "cursor_value": "H*B",
    "insert": "HBB*b", "remove": "HBB*b", "remove_all": "HB*u", "contains": "HBB*b", "count_of": "HB*u",
    "cursor_of": "HB*H", "seek_pair": "HBP*b", "next_key": "H*b", "prev_key": "H*b", "pair_key": "H*B",
    "pair_value": "H*B",
    "batch_put": "HuBBB", "batch_delete": "HuBB", "apply": "HH*u",
}
# The rest: what comes back, and what it takes.
_PLAIN = {
    "version": ("S", ""), "error_code": ("n", "H"), "error_text": ("S", "H"), "error_name": ("S", "H"),
    "error_category": ("S", "H"), "error_cause": ("H", "H"), "error_free": ("", "H"),
    "string_free": ("", "H"), "options_new": ("H", ""), "options_free": ("", "H"),
    "write_options_new": ("H", ""), "write_options_free": ("", "H"),
    "database_free": ("", "H"), "key_bytes_max": ("u", "H"),
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
    raise _taken(error)


def _taken(error):
    """As an exception, with what led to it as its cause; the library's own is freed."""
    try:
        parts = [plain("error_" + part, error) for part in ("name", "category", "text")]
        taken = Error(plain("error_code", error), *(part.decode(errors="replace") for part in parts))
        cause = c_void_p(plain("error_cause", error))
        if cause:
            taken.__cause__ = _taken(cause)
        return taken
    finally:
        plain("error_free", error)


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
    """The names that a listing call tells of. Nothing passes through C: what is raised waits for its end."""
    found, raised = [], []

    def note(_, view):
        try:
            found.append(view.copy())
            return True
        except BaseException as error:  # pylint: disable=broad-exception-caught
            raised.append(error)
            return False

    call(name, *arguments, NAME_CALL(note), None)
    if raised:
        raise raised[0]
    return found


def version():
    return plain("version").decode()


class Handle:
    """Owns what a call gave out. Tables and cursors have a `keeper`, the handle of their transaction: garbage
    collection, which may run in any thread, only leaves them to it, and it frees them in the next call of the
    thread that uses the transaction. Nothing can be left to a keeper once that is garbage itself, unless by
    the same collection."""

    def __init__(self, handle, free, keeper=None):
        self._handle = handle
        self._free = free
        self._keeper = keeper
        # How to free what: left by those that this one keeps.
        self._left = collections.deque() if keeper is None else ()
        self._gone = False

    def __call__(self):
        (self._keeper or self)._sweep()
        if not self._handle:
            raise ValueError("it has been closed")
        return self._handle

    def close(self):
        self._sweep()
        handle, self._handle = self._handle, None
        if handle:
            plain(self._free, handle)

    def _sweep(self):
        while self._left:
            plain(*self._left.popleft())

    def __del__(self):
        if self._keeper is None or self._keeper._gone:
            self._gone = True
            self.close()
        else:
            self._keeper._left.append((self._free, self._handle))
