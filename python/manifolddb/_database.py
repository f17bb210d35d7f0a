"""Databases, transactions, tables. What is made from a transaction keeps it, and that keeps its database, so
objects may be dropped in any order; leaving a block, or close(), ends a transaction whoever has it."""
import ctypes
import json
from ctypes import byref, c_bool, c_int64, c_uint64, pointer

from ._library import (NO_LIMIT, Bytes, Handle, Range, call, given_handle, given_number, given_text, names,
                       plain)

_OPTIONS = {
    "create_if_missing": 1, "read_only": 2, "page_size": 3, "write_unit": 4, "log_bytes_initial": 5,
    "log_bytes_max": 6, "cache_bytes": 7, "dirty_bytes_max": 8, "checkpoint_interval_ms": 9,
    "background_thread": 10,
}


class Family:
    """A column family, for good: renaming keeps it."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return isinstance(other, Family) and other.number == self.number

    def __hash__(self):
        return hash(self.number)

    def __repr__(self):
        return f"Family({self.number})"


def open(path, **options):  # pylint: disable=redefined-builtin
    """Opens or creates the database at `path`. Options: those of manifolddb/options.h, cache_bytes=1 << 30,
    read_only=True, create_if_missing=False; background_thread=False: checkpoints run within calls."""
    chosen = Handle(plain("options_new"), "options_free")
    for name, value in options.items():
        if name not in _OPTIONS:
            raise TypeError(f"there is no option {name!r}; there are {', '.join(_OPTIONS)}")
        call("options_set", chosen(), _OPTIONS[name], int(value))
    return Database(given_handle("open", str(path).encode(), chosen()))


class Database:
    """Thread-safe. A context manager: leaving it closes the database."""

    def __init__(self, handle):
        self._handle = Handle(handle, "database_free")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            self.close()
        except Exception:
            # What has gone wrong before is what is to be told.
            if kind is None:
                raise

    def close(self):
        """Writes a checkpoint and gives up the files. Error (kBusy) while transactions are open."""
        if self._handle._handle:
            call("close", self._handle())
            self._handle.close()

    def family(self, name, create=False):
        return Family(given_number("open_or_create_family" if create else "open_family", self._handle(),
                                   Bytes.of(name)))

    def families(self):
        """Their names, bytes, in order."""
        return names("list_families", self._handle())

    def drop_family(self, name):
        call("drop_family", self._handle(), Bytes.of(name))

    def rename_family(self, old, new):
        call("rename_family", self._handle(), Bytes.of(old), Bytes.of(new))

    def read(self):
        """A snapshot; never waits."""
        return ReadTransaction(given_handle("begin_read", self._handle()))

    def write(self, *families, wait_ms_max=None, durable=True):
        """A transaction over `families`. As a context manager it commits when the block ends, and aborts if
        that raises."""
        numbers = (c_uint64 * len(families))(*(family.number for family in families))
        wait = NO_LIMIT if wait_ms_max is None else wait_ms_max
        handle = given_handle("begin_write", self._handle(), numbers, len(families), wait)
        return WriteTransaction(handle, durable)

    def apply(self, batch):
        """Makes the changes of a Batch in one durable commit; its number."""
        return given_number("apply", self._handle(), batch._handle())

    def checkpoint(self):
        call("checkpoint", self._handle())

    def verify(self):
        """Reads and checks everything; a list of what is wrong, a text each."""
        problems, text = c_uint64(), ctypes.c_void_p()
        call("verify", self._handle(), byref(problems), byref(text))
        try:
            return ctypes.string_at(text).decode(errors="replace").splitlines()
        finally:
            plain("string_free", text)

    def stats(self):
        """Figures since opening, as a dictionary."""
        return json.loads(given_text("stats_json", self._handle()))

    def prometheus(self):
        """The same as a text for Prometheus."""
        return given_text("stats_prometheus", self._handle())

    @property
    def key_bytes_max(self):
        return plain("key_bytes_max", self._handle())


class ReadTransaction:
    """One snapshot of all families. Used by one thread at a time. Ends when it and its tables are gone."""

    def __init__(self, handle):
        self._handle = Handle(handle, "read_free")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._handle.close()

    @property
    def commit_number(self):
        return plain("read_commit_number", self._handle())

    def family(self, name):
        return Family(given_number("read_open_family", self._handle(), Bytes.of(name)))

    def tables(self, family):
        return names("read_list_tables", self._handle(), family.number)

    def table(self, family, name, types=None):
        """`types`: (key, value), the names of what it has to hold; None: whatever it holds."""
        key, value = _types(types)
        handle = given_handle("read_open_table", self._handle(), family.number, Bytes.of(name), key, value)
        return ReadTable(self, handle)


class WriteTransaction:
    """Changes to the families it was begun with, whole or not at all. Used by one thread at a time."""

    def __init__(self, handle, durable):
        self._handle = Handle(handle, "write_free")
        self._durable = durable
        self._ended = False

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None and not self._ended:
                self.commit()
            elif not self._ended:
                self.abort()
        finally:
            self._handle.close()

    def commit(self):
        """Its number in the order of commits."""
        self._ended = True
        return given_number("commit", self._handle(), self._durable)

    def abort(self):
        self._ended = True
        plain("abort", self._handle())

    def tables(self, family):
        return names("write_list_tables", self._handle(), family.number)

    def table(self, family, name, create=False, types=None):
        key, value = _types(types)
        handle = given_handle("write_open_table", self._handle(), family.number, Bytes.of(name), key, value,
                              create)
        return WriteTable(self, handle)

    def drop_table(self, family, name):
        call("drop_table", self._handle(), family.number, Bytes.of(name))

    def rename_table(self, family, old, new):
        call("rename_table", self._handle(), family.number, Bytes.of(old), Bytes.of(new))

    def nested(self):
        """A block that undoes what it did if it raises."""
        return _Nested(self._handle)


class _Nested:
    def __init__(self, transaction):
        self._transaction = transaction
        self._savepoint = None

    def __enter__(self):
        self._savepoint = given_number("set_savepoint", self._transaction())

    def __exit__(self, kind, value, trace):
        if kind is not None:
            call("roll_back_to", self._transaction(), self._savepoint)
        call("release", self._transaction(), self._savepoint)


def _types(types):
    return (None, None) if types is None else tuple(name.encode() for name in types)


class ReadTable:
    """Reads like a dictionary of bytes in the order of keys."""

    def __init__(self, transaction, handle):
        self._transaction = transaction
        self._handle = Handle(handle, "table_free")

    @property
    def types(self):
        both = (plain(part, self._handle()) for part in ("key_type", "value_type"))
        return tuple(name.decode(errors="replace") for name in both)

    def get(self, key, default=None):
        handle = given_handle("get", self._handle(), Bytes.of(key))
        if not handle:
            return default
        value = Handle(handle, "value_free")
        return plain("value_bytes", value()).copy()

    def __getitem__(self, key):
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __contains__(self, key):
        return self.get(key) is not None

    def __len__(self):
        return given_number("length", self._handle())

    def count(self, **bounds):
        """Entries in a range: lower=, upper=, after=, through=, prefix=."""
        return given_number("count", self._handle(), byref(Range.of(**bounds)))

    def __iter__(self):
        return self.keys()

    def keys(self, reverse=False, **bounds):
        return self._scan(lambda cursor: cursor.key(), reverse, bounds)

    def values(self, reverse=False, **bounds):
        return self._scan(lambda cursor: cursor.value(), reverse, bounds)

    def items(self, reverse=False, **bounds):
        return self._scan(lambda cursor: (cursor.key(), cursor.value()), reverse, bounds)

    def _scan(self, read, reverse, bounds):
        cursor = _Cursor(given_handle("cursor_new", self._handle(), byref(Range.of(**bounds))))
        found = cursor.move("last" if reverse else "first")
        while found:
            yield read(cursor)
            found = cursor.move("prev" if reverse else "next")


class _Cursor:
    def __init__(self, handle):
        self._handle = Handle(handle, "cursor_free")

    def move(self, way):
        return given_number(way, self._handle(), kind=c_bool)

    def key(self):
        view = Bytes()
        call("cursor_key", self._handle(), byref(view))
        return view.copy()

    def value(self):
        view = Bytes()
        call("cursor_value", self._handle(), byref(view))
        return view.copy()


class WriteTable(ReadTable):
    """Reads what the transaction has changed, too."""

    def __setitem__(self, key, value):
        call("put", self._handle(), Bytes.of(key), Bytes.of(value))

    def __delitem__(self, key):
        if not self.delete(key):
            raise KeyError(key)

    def delete(self, key):
        """Whether there was an entry."""
        return given_number("delete", self._handle(), Bytes.of(key), kind=c_bool)

    def delete_range(self, **bounds):
        """How many entries there were."""
        return given_number("delete_range", self._handle(), byref(Range.of(**bounds)))

    def compare_and_swap(self, key, expected, desired):
        """Whether the value was `expected` (None: no entry), and is `desired` (None: no entry) now."""
        places = [None if value is None else pointer(Bytes.of(value)) for value in (expected, desired)]
        return given_number("compare_and_swap", self._handle(), Bytes.of(key), *places, kind=c_bool)

    def add(self, key, delta):
        """Adds to a counter; its value now."""
        return given_number("add_to_counter", self._handle(), Bytes.of(key), delta, kind=c_int64)


class Batch:
    """Changes put together without a transaction; Database.apply makes them in one."""

    def __init__(self):
        self._handle = Handle(plain("batch_new"), "batch_free")

    def put(self, family, table, key, value):
        call("batch_put", self._handle(), family.number, Bytes.of(table), Bytes.of(key), Bytes.of(value))

    def delete(self, family, table, key):
        call("batch_delete", self._handle(), family.number, Bytes.of(table), Bytes.of(key))

    def clear(self):
        plain("batch_clear", self._handle())

    def __len__(self):
        return plain("batch_changes", self._handle())
