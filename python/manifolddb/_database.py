"""Databases, transactions, tables. What is made from a transaction keeps it, and that keeps its database, so
objects may be dropped in any order; leaving a block, or close(), ends a transaction whoever has it."""
import ctypes
import json
import os
from ctypes import byref, c_bool, c_int64, c_uint64, pointer

from ._library import (Bytes, Handle, Range, call, given_handle, given_number, given_text, names,
                       plain, signed, string, unsigned)

_OPTIONS = {
    "create_if_missing": 1, "read_only": 2, "page_size": 3, "write_unit": 4, "log_bytes_initial": 5,
    "log_bytes_max": 6, "cache_bytes": 7, "dirty_bytes_max": 8, "checkpoint_interval_ms": 9,
    "background_thread": 10,
}
_WRITE_OPTIONS = {"wait_ms_max": 1, "run_ms_max": 2, "log": 3}


class Family:
    """A column family, for good: renaming keeps it."""

    def __init__(self, number):
        self.number = unsigned(number)

    def __eq__(self, other):
        return isinstance(other, Family) and other.number == self.number

    def __hash__(self):
        return hash(self.number)

    def __repr__(self):
        return f"Family({self.number})"


def _chosen(kind, known, options):
    chosen = Handle(plain(kind + "_new"), kind + "_free")
    for name, value in options.items():
        if name not in known:
            raise TypeError(f"there is no option {name!r}; there are {', '.join(known)}")
        if value is not None:
            call(kind + "_set", chosen(), known[name], unsigned(value))
    return chosen


def open(path, **options):  # pylint: disable=redefined-builtin
    """Opens or creates the database at `path`. Options: those of manifolddb/options.h, cache_bytes=1 << 30,
    read_only=True, create_if_missing=False; background_thread=False: checkpoints run within calls."""
    chosen = _chosen("options", _OPTIONS, options)
    return Database(given_handle("open", string(os.fsencode(path)), chosen()))


class Database:
    """Thread-safe. A context manager: leaving it closes the database."""

    def __init__(self, handle):
        self._handle = Handle(handle, "database_free")
        self._closed = False

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
        """Writes a checkpoint and gives up the files. Error (kBusy) while transactions are open. Calls after
        it are Error (kClosed); other threads may be in the middle of some, so the handle goes with the
        object."""
        if not self._closed:
            call("close", self._handle())
            self._closed = True

    def family(self, name, create=False):
        return Family(given_number("open_or_create_family" if create else "open_family", self._handle(),
                                   Bytes.name(name)))

    def families(self):
        """Their names, bytes, in order."""
        return names("list_families", self._handle())

    def drop_family(self, name):
        call("drop_family", self._handle(), Bytes.name(name))

    def rename_family(self, old, new):
        call("rename_family", self._handle(), Bytes.name(old), Bytes.name(new))

    def read(self, savepoint=None):
        """A snapshot; never waits. Or of a persistent savepoint, whose families are opened from it."""
        if savepoint is not None:
            return ReadTransaction(given_handle("savepoint_read", self._handle(), Bytes.name(savepoint)))
        return ReadTransaction(given_handle("begin_read", self._handle()))

    def create_savepoint(self, name):
        """Keeps the state of the whole database under a name, across closing and crashes; the number of the
        commit whose state it is."""
        return given_number("savepoint_create", self._handle(), Bytes.name(name))

    def savepoints(self):
        """The names of persistent savepoints, bytes, in order."""
        return names("savepoint_list", self._handle())

    def restore_savepoint(self, name):
        """Makes the whole database what it was; the number of the commit that does it."""
        return given_number("savepoint_restore", self._handle(), Bytes.name(name))

    def delete_savepoint(self, name):
        """Gives back what only this one keeps."""
        call("savepoint_delete", self._handle(), Bytes.name(name))

    def write(self, *families, durable=True, **options):
        """A transaction over `families`. As a context manager it commits when the block ends, and aborts if
        that raises. `durable=False`: a crash may take it, until await_durable(its number). Options: those of
        manifolddb/write_options.h: wait_ms_max=0, run_ms_max=1000, log=False."""
        numbers = (c_uint64 * len(families))(*(family.number for family in families))
        chosen = _chosen("write_options", _WRITE_OPTIONS, options)
        handle = given_handle("begin_write_with", self._handle(), numbers, len(families), chosen())
        return WriteTransaction(handle, durable)

    def await_durable(self, commit_number):
        """Returns when this commit, and all before it, survive every crash."""
        call("await_durable", self._handle(), unsigned(commit_number))

    def is_durable(self, commit_number):
        return given_number("is_durable", self._handle(), unsigned(commit_number), kind=c_bool)

    def apply(self, batch):
        """Makes the changes of a Batch in one durable commit; its number."""
        return given_number("apply", self._handle(), batch._handle())

    def set_options(self, **options):
        """Changes, amid transactions, all of these or, if one is wrong, none: log_bytes_max, cache_bytes,
        dirty_bytes_max, checkpoint_interval_ms. For this opening alone."""
        chosen = _chosen("options", _OPTIONS, options)
        call("set_options", self._handle(), chosen())

    def options(self):
        """What the database runs with, as a dictionary."""
        return {name: given_number("current_option", self._handle(), number)
                for name, number in _OPTIONS.items()}

    def checkpoint(self):
        call("checkpoint", self._handle())

    def shrink_file(self):
        """Makes the data file shorter, while others read and write; its length in bytes before and after."""
        before, after = c_uint64(), c_uint64()
        call("shrink_file", self._handle(), byref(before), byref(after))
        return before.value, after.value

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

    def prometheus(self, database=None):
        """The same as a text for Prometheus; `database`: the value of the label of that name."""
        label = None if database is None else string(database.encode())
        return given_text("stats_prometheus", self._handle(), label)

    def family_stats(self, shape=False):
        """The same of each family and its tables, a list. `shape`: how tables lie in their pages as well, for
        which all of them are read."""
        return json.loads(given_text("family_stats_json", self._handle(), shape))

    def family_prometheus(self, database=None, shape=False):
        label = None if database is None else string(database.encode())
        return given_text("family_stats_prometheus", self._handle(), shape, label)

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
        return Family(given_number("read_open_family", self._handle(), Bytes.name(name)))

    def tables(self, family):
        return names("read_list_tables", self._handle(), family.number)

    def table(self, family, name, types=None):
        """`types`: (key, value), the names of what it has to hold; None: whatever it holds."""
        key, value = _types(types)
        handle = given_handle("read_open_table", self._handle(), family.number, Bytes.name(name), key, value)
        return ReadTable(self, handle)

    def multimap(self, family, name, types=("bytes", "bytes")):
        """A table of many values for each key; `types`: of keys and values."""
        return ReadMultimap(self.table(family, name, _multimap_types(types)))


class WriteTransaction:
    """Changes to the families it was begun with, whole or not at all. Used by one thread at a time."""

    def __init__(self, handle, durable):
        self._handle = Handle(handle, "write_free")
        self._durable = durable
        self._ended = False
        self.commit_number = None  # once it is committed

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

    def commit(self, *, through_checkpoint=False):
        """Its number in the order of commits. `through_checkpoint`: pages are written instead of the log."""
        self._ended = True
        if through_checkpoint:
            self.commit_number = given_number("commit_through_checkpoint", self._handle())
        else:
            self.commit_number = given_number("commit", self._handle(), self._durable)
        return self.commit_number

    def add_family(self, family):
        """Takes one more, without waiting: Error (kBusy) if another transaction holds it."""
        call("add_family", self._handle(), family.number)

    def abort(self):
        self._ended = True
        plain("abort", self._handle())

    def tables(self, family):
        return names("write_list_tables", self._handle(), family.number)

    def table(self, family, name, create=False, types=None):
        key, value = _types(types)
        handle = given_handle("write_open_table", self._handle(), family.number, Bytes.name(name), key, value,
                              create)
        return WriteTable(self, handle)

    def drop_table(self, family, name):
        call("drop_table", self._handle(), family.number, Bytes.name(name))

    def rename_table(self, family, old, new):
        call("rename_table", self._handle(), family.number, Bytes.name(old), Bytes.name(new))

    def multimap(self, family, name, create=False, types=("bytes", "bytes")):
        """A table of many values for each key; `types`: of keys and values."""
        return WriteMultimap(self.table(family, name, create, _multimap_types(types)))

    def savepoint(self):
        """A place that the transaction can be taken back to."""
        return Savepoint(self, given_number("set_savepoint", self._handle()))

    def savepoints(self):
        """How many there are."""
        return given_number("list_savepoints", self._handle())

    def nested(self):
        """A block that undoes what it did if it raises."""
        return _Nested(self)


class Savepoint:
    """Of a write transaction; in memory, and gone with it."""

    def __init__(self, transaction, number):
        self._transaction = transaction
        self._number = number

    def roll_back(self):
        """Undoes what was done since. The savepoint stays; those set since are gone."""
        call("roll_back_to", self._transaction._handle(), self._number)

    def release(self):
        """Gives it up, and those set since: the changes stay."""
        call("release", self._transaction._handle(), self._number)


class _Nested:
    def __init__(self, transaction):
        self._transaction = transaction
        self._savepoint = None

    def __enter__(self):
        self._savepoint = self._transaction.savepoint()

    def __exit__(self, kind, value, trace):
        if kind is not None and self._transaction._ended:
            return  # with the transaction; what the block has raised is what is to be told
        if kind is not None:
            self._savepoint.roll_back()
        self._savepoint.release()


def _types(types):
    return (None, None) if types is None else tuple(string(name.encode()) for name in types)


def _multimap_types(types):
    key, value = types
    return (f"multimap<{key}, {value}>", "tuple<>")


class ReadTable:
    """Reads like a dictionary of bytes in the order of keys."""

    def __init__(self, transaction, handle):
        self._transaction = transaction
        self._handle = Handle(handle, "table_free", transaction._handle)

    @property
    def types(self):
        both = (plain(part, self._handle()) for part in ("key_type", "value_type"))
        return tuple(name.decode(errors="replace") for name in both)

    def get(self, key, default=None):
        handle = given_handle("get", self._handle(), Bytes.of(key))
        if not handle:
            return default
        try:
            return plain("value_bytes", handle).copy()
        finally:
            plain("value_free", handle)

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

    def sample_keys(self, count, seed, **bounds):
        """`count` keys of a range, drawn at random without bias, as a list in their order; all where there
        are no more. The same for the same seed and snapshot."""
        return names("sample_keys", self._handle(), byref(Range.of(**bounds)), unsigned(count),
                     unsigned(seed))

    def __iter__(self):
        return self.keys()

    def keys(self, *, reverse=False, **bounds):
        return self._scan(lambda cursor: cursor.key(), reverse, Range.of(**bounds))

    def values(self, *, reverse=False, **bounds):
        return self._scan(lambda cursor: cursor.value(), reverse, Range.of(**bounds))

    def items(self, *, reverse=False, **bounds):
        return self._scan(lambda cursor: (cursor.key(), cursor.value()), reverse, Range.of(**bounds))

    def _scan(self, read, reverse, within):
        handle = given_handle("cursor_new", self._handle(), byref(within))
        cursor = _Cursor(Handle(handle, "cursor_free", self._transaction._handle))
        found = cursor.move("last" if reverse else "first")
        while found:
            yield read(cursor)
            found = cursor.move("prev" if reverse else "next")


class _Cursor:
    def __init__(self, handle):
        self._handle = handle

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

    def pair(self):
        parts = []
        for part in ("pair_key", "pair_value"):
            view = Bytes()
            call(part, self._handle(), byref(view))
            parts.append(view.copy())
        return tuple(parts)


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

    def delete_range(self, *, everything=False, **bounds):
        """How many entries there were. Bounds as of count(); without any, the whole table has to be wished
        for: everything=True."""
        within = Range.of(**bounds)
        if bool(within.kept) == bool(everything):
            raise TypeError("delete_range takes bounds, or everything=True for all entries; one of the two")
        return given_number("delete_range", self._handle(), byref(within))

    def compare_and_swap(self, key, expected, desired):
        """Whether the value was `expected` (None: no entry), and is `desired` (None: no entry) now."""
        places = [None if value is None else pointer(Bytes.of(value)) for value in (expected, desired)]
        return given_number("compare_and_swap", self._handle(), Bytes.of(key), *places, kind=c_bool)

    def add(self, key, delta):
        """Adds to a counter; its value now."""
        return given_number("add_to_counter", self._handle(), Bytes.of(key), signed(delta), kind=c_int64)


class ReadMultimap:
    """For each key a set of values, in the order of their bytes. Keys and values as their types encode
    them."""

    def __init__(self, table):
        self._table = table
        self._handle = table._handle

    @property
    def types(self):
        return self._table.types

    def __len__(self):
        """How many pairs there are."""
        return len(self._table)

    def __contains__(self, pair):
        key, value = pair
        return given_number("contains", self._handle(), Bytes.of(key), Bytes.of(value), kind=c_bool)

    def count_of(self, key):
        """How many values the key has."""
        return given_number("count_of", self._handle(), Bytes.of(key))

    def values_of(self, key, *, reverse=False):
        cursor = self._cursor(given_handle("cursor_of", self._handle(), Bytes.of(key)))
        return self._walk(cursor, reverse, lambda: cursor.pair()[1])

    def pairs(self, *, reverse=False):
        cursor = self._cursor(given_handle("cursor_new", self._handle(), None))
        return self._walk(cursor, reverse, cursor.pair)

    def keys(self, *, reverse=False):
        """Each once."""
        cursor = self._cursor(given_handle("cursor_new", self._handle(), None))
        return self._walk(cursor, reverse, lambda: cursor.pair()[0], "_key")

    def __iter__(self):
        return self.keys()

    def _cursor(self, handle):
        return _Cursor(Handle(handle, "cursor_free", self._table._transaction._handle))

    def _walk(self, cursor, reverse, read, step=""):
        found = cursor.move("last" if reverse else "first")
        while found:
            yield read()
            found = cursor.move(("prev" if reverse else "next") + step)


class WriteMultimap(ReadMultimap):
    """Reads what the transaction has changed, too."""

    def insert(self, key, value):
        """Whether it was not there."""
        return given_number("insert", self._handle(), Bytes.of(key), Bytes.of(value), kind=c_bool)

    def remove(self, key, value):
        """Whether it was there."""
        return given_number("remove", self._handle(), Bytes.of(key), Bytes.of(value), kind=c_bool)

    def remove_all(self, key):
        """How many values the key had."""
        return given_number("remove_all", self._handle(), Bytes.of(key))


class Batch:
    """Changes put together without a transaction; Database.apply makes them in one."""

    def __init__(self):
        self._handle = Handle(plain("batch_new"), "batch_free")

    def put(self, family, table, key, value):
        call("batch_put", self._handle(), family.number, Bytes.name(table), Bytes.of(key), Bytes.of(value))

    def delete(self, family, table, key):
        call("batch_delete", self._handle(), family.number, Bytes.name(table), Bytes.of(key))

    def clear(self):
        plain("batch_clear", self._handle())

    def __len__(self):
        return plain("batch_changes", self._handle())
