#!/usr/bin/python3
"""The module as a program uses it. MANIFOLDDB_LIBRARY names the library, PYTHONPATH this folder."""
import gc
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest
import unittest.mock

import manifolddb
from manifolddb import _library

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = os.path.join(HERE, "../capi/include/manifolddb_c.h")
DOCUMENT = os.path.join(HERE, "../docs/operating.md")


class ModuleTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "db")

    def shop(self, db):
        shop = db.family("shop", create=True)
        with db.write(shop) as txn:
            prices = txn.table(shop, "prices", create=True)
            for name, price in ((b"lamp", b"20"), (b"table", b"120"), (b"chair", b"49")):
                prices[name] = price
        return shop

    def expect(self, name, call, *arguments, **named):
        with self.assertRaises(manifolddb.Error) as caught:
            call(*arguments, **named)
        self.assertEqual(caught.exception.name, name)
        self.assertIn(name, str(caught.exception))
        return caught.exception

    def test_what_is_committed_is_there_after_reopening(self):
        with manifolddb.open(self.path) as db:
            self.shop(db)
        with manifolddb.open(self.path, read_only=True) as db:
            with db.read() as snapshot:
                prices = snapshot.table(snapshot.family("shop"), "prices")
                self.assertEqual(prices[b"lamp"], b"20")
                self.assertEqual(list(prices.items()),
                                 [(b"chair", b"49"), (b"lamp", b"20"), (b"table", b"120")])

    def test_a_table_reads_like_a_dictionary(self):
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            with db.read() as snapshot:
                prices = snapshot.table(shop, "prices")
                self.assertEqual(len(prices), 3)
                self.assertIn(b"lamp", prices)
                self.assertNotIn(b"bed", prices)
                self.assertIsNone(prices.get(b"bed"))
                self.assertEqual(prices.get(b"bed", b"none"), b"none")
                with self.assertRaises(KeyError):
                    prices[b"bed"]  # pylint: disable=pointless-statement
                self.assertEqual(list(prices), [b"chair", b"lamp", b"table"])
                self.assertEqual(list(prices.keys(reverse=True)), [b"table", b"lamp", b"chair"])
                self.assertEqual(list(prices.values(lower=b"d")), [b"20", b"120"])
                self.assertEqual(list(prices.keys(after=b"chair", upper=b"table")), [b"lamp"])
                self.assertEqual(list(prices.keys(through=b"lamp")), [b"chair", b"lamp"])
                self.assertEqual(prices.count(prefix=b"t"), 1)
                self.assertEqual(prices.sample_keys(9, seed=1), [b"chair", b"lamp", b"table"])
                self.assertEqual(prices.sample_keys(9, seed=1, lower=b"l"), [b"lamp", b"table"])
                self.assertEqual(len(prices.sample_keys(2, seed=1)), 2)
                self.expect("kInvalidArgument", prices.sample_keys, 1 << 40, seed=1)
                self.assertEqual(snapshot.tables(shop), [b"prices"])
                self.assertGreater(snapshot.commit_number, 0)
                self.assertEqual(prices.types, ("", ""))

    def test_any_bytes_are_keys_and_values(self):
        with manifolddb.open(self.path) as db:
            family = db.family(b"\xff\x00", create=True)
            every = bytes(range(256))
            with db.write(family) as txn:
                table = txn.table(family, "t", create=True)
                table[every] = every * 1000
                table[b"\0"] = b""
                self.assertEqual(table[every], every * 1000)
                self.assertEqual(table[b"\0"], b"")
            self.assertEqual(db.families(), [b"\xff\x00"])

    def test_a_bound_that_nobody_knows_is_refused(self):
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            with db.write(shop) as txn:
                prices = txn.table(shop, "prices")
                for call in (prices.delete_range, prices.count, prices.keys, prices.values, prices.items):
                    with self.assertRaises(TypeError):
                        call(prefx=b"l")
                with self.assertRaises(TypeError):
                    prices.keys(b"l")  # pylint: disable=too-many-function-args
                for bounds in ({}, {"prefix": None}, {"everything": True, "prefix": b"l"}):
                    with self.assertRaises(TypeError):
                        prices.delete_range(**bounds)
                self.assertEqual(len(prices), 3)
                self.assertEqual(prices.delete_range(prefix=b"l"), 1)
                self.assertEqual(prices.delete_range(everything=True), 2)

    def test_only_bytes_are_keys_and_values(self):
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            batch = manifolddb.Batch()
            with db.write(shop) as txn:
                prices = txn.table(shop, "prices")
                for wrong in (3, "lamp", None, [1], 1.0):
                    for call in (prices.get, prices.delete, lambda key, on=prices: on.add(key, 1),
                                 lambda key, on=prices: on.compare_and_swap(key, None, b""),
                                 lambda value, on=prices: on.__setitem__(b"bed", value),
                                 lambda value: batch.put(shop, "prices", b"bed", value)):
                        with self.assertRaises(TypeError):
                            call(wrong)
                for wrong in (3, "lamp", [1], 1.0):
                    with self.assertRaises(TypeError):
                        prices.count(lower=wrong)
                    with self.assertRaises(TypeError):
                        prices.compare_and_swap(b"lamp", wrong, b"")
                self.assertEqual(list(prices), [b"chair", b"lamp", b"table"])
                prices[bytearray(b"sofa")] = memoryview(b"x7y0z0")[1::2]
                self.assertEqual(prices[memoryview(b"sofa")], b"700")
            self.assertEqual(len(batch), 0)
            for wrong in (3, None):
                with self.assertRaises(TypeError):
                    db.family(wrong, create=True)

    def test_numbers_do_not_wrap(self):
        for wrong, error in (({"cache_bytes": -1}, OverflowError), ({"cache_bytes": 2**64}, OverflowError),
                             ({"checkpoint_interval_ms": 1.9}, TypeError), ({"page_size": "1"}, TypeError)):
            with self.assertRaises(error):
                manifolddb.open(self.path, **wrong)
        self.assertFalse(os.path.exists(self.path))
        with manifolddb.open(self.path, cache_bytes=1 << 20) as db:
            shop = self.shop(db)
            for wrong, error in ((-1, OverflowError), (2**64, OverflowError), (0.5, TypeError)):
                with self.assertRaises(error):
                    db.write(shop, wait_ms_max=wrong)
                with self.assertRaises(error):
                    manifolddb.Family(wrong)
            with db.write(shop) as txn:
                prices = txn.table(shop, "prices")
                for wrong, error in ((2**63, OverflowError), (-2**63 - 1, OverflowError), (1.0, TypeError)):
                    with self.assertRaises(error):
                        prices.add(b"c", wrong)
                self.assertNotIn(b"c", prices)
                self.assertEqual(prices.add(b"c", 2**63 - 1), 2**63 - 1)
                self.assertEqual(prices.add(b"d", -2**63), -2**63)

    def test_a_block_that_raises_aborts(self):
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            with self.assertRaises(ZeroDivisionError):
                with db.write(shop) as txn:
                    txn.table(shop, "prices")[b"bed"] = b"1"
                    1 / 0  # pylint: disable=pointless-statement
            with db.write(shop) as txn:
                self.assertNotIn(b"bed", txn.table(shop, "prices"))
                with self.assertRaises(ZeroDivisionError):
                    with txn.nested():
                        del txn.table(shop, "prices")[b"lamp"]
                        1 / 0  # pylint: disable=pointless-statement
                self.assertIn(b"lamp", txn.table(shop, "prices"))
                with txn.nested():
                    del txn.table(shop, "prices")[b"chair"]
            with db.read() as snapshot:
                self.assertEqual(list(snapshot.table(shop, "prices")), [b"lamp", b"table"])

    def test_changes_of_all_kinds(self):
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            with db.write(shop, durable=False) as txn:
                prices = txn.table(shop, "prices")
                self.assertTrue(prices.compare_and_swap(b"lamp", b"20", b"25"))
                self.assertFalse(prices.compare_and_swap(b"lamp", b"20", None))
                self.assertTrue(prices.compare_and_swap(b"bed", None, b"300"))
                self.assertEqual(prices.add(b"sold", 3), 3)
                self.assertEqual(prices.add(b"sold", -5), -2)
                self.assertFalse(prices.delete(b"nothing"))
                with self.assertRaises(KeyError):
                    del prices[b"nothing"]
                self.assertEqual(prices.delete_range(lower=b"t"), 1)
                txn.table(shop, "other", create=True, types=("string", "u64"))
                txn.rename_table(shop, "other", "numbers")
                self.assertEqual(txn.tables(shop), [b"numbers", b"prices"])
                self.expect("kTypeMismatch", txn.table, shop, "numbers", types=("u64", "u64"))
                txn.drop_table(shop, "numbers")
            batch = manifolddb.Batch()
            batch.put(shop, "prices", b"sofa", b"700")
            batch.delete(shop, "prices", b"bed")
            self.assertEqual(len(batch), 2)
            self.assertGreater(db.apply(batch), 0)
            batch.clear()
            self.assertEqual(len(batch), 0)
            with db.read() as snapshot:
                self.assertEqual(list(snapshot.table(shop, "prices")), [b"chair", b"lamp", b"sofa", b"sold"])

    def test_savepoints_take_a_transaction_back(self):
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            with db.write(shop) as txn:
                prices = txn.table(shop, "prices")
                outer = txn.savepoint()
                del prices[b"lamp"]
                inner = txn.savepoint()
                del prices[b"chair"]
                self.assertEqual(txn.savepoints(), 2)
                inner.roll_back()
                self.assertEqual(list(prices), [b"chair", b"table"])
                outer.roll_back()
                self.assertEqual(list(prices), [b"chair", b"lamp", b"table"])
                self.expect("kInvalidArgument", inner.roll_back)
                outer.release()
                self.assertEqual(txn.savepoints(), 0)

    def test_persistent_savepoints_take_the_database_back(self):
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            self.assertEqual(db.savepoints(), [])
            number = db.create_savepoint("monday")
            self.expect("kAlreadyExists", db.create_savepoint, "monday")
            with db.write(shop) as txn:
                txn.table(shop, "prices").delete_range(everything=True)
        with manifolddb.open(self.path) as db:
            self.assertEqual(db.savepoints(), [b"monday"])
            with db.read("monday") as then:
                self.assertEqual(then.commit_number, number)
                self.assertEqual(len(then.table(then.family("shop"), "prices")), 3)
            self.expect("kNoSuchSavepoint", db.read, "tuesday")
            self.expect("kNoSuchSavepoint", db.restore_savepoint, "tuesday")
            self.assertGreater(db.restore_savepoint("monday"), number)
            with db.read() as snapshot:
                self.assertEqual(len(snapshot.table(db.family("shop"), "prices")), 3)
            db.delete_savepoint("monday")
            self.assertEqual(db.savepoints(), [])
            self.assertEqual(db.verify(), [])

    def test_how_a_transaction_is_begun_and_ended(self):
        with manifolddb.open(self.path) as db:
            shop, other = self.shop(db), db.family("other", create=True)
            with db.write(shop) as txn:
                self.expect("kBusy", db.write, shop, wait_ms_max=0)
                txn.add_family(other)
                self.expect("kBusy", db.write, other, wait_ms_max=0)
            with self.assertRaises(TypeError):
                db.write(shop, patience=1)
            txn = db.write(shop, run_ms_max=0)
            self.expect("kLimit", self.call_until_it_fails, txn, shop)
            txn.abort()
            groups = db.stats()["log_groups"]
            with db.write(shop, log=False) as txn:
                txn.table(shop, "prices")[b"bed"] = b"1"
            txn = db.write(shop)
            txn.table(shop, "prices")[b"sofa"] = b"2"
            self.assertTrue(db.is_durable(txn.commit(through_checkpoint=True)))
            self.assertEqual(db.stats()["log_groups"], groups)
            with db.write(shop, durable=False) as txn:
                txn.table(shop, "prices")[b"desk"] = b"3"
            self.assertFalse(db.is_durable(txn.commit_number))
            db.await_durable(txn.commit_number)
            self.assertTrue(db.is_durable(txn.commit_number))

    def call_until_it_fails(self, txn, family):
        while True:
            txn.table(family, "prices")

    def test_a_multimap_has_many_values_for_a_key(self):
        with manifolddb.open(self.path) as db:
            shop = db.family("shop", create=True)
            with db.write(shop) as txn:
                tags = txn.multimap(shop, "tags", create=True)
                for key, value in ((b"red", b"2"), (b"blue", b"9"), (b"red", b"1"), (b"a\0", b"\0")):
                    self.assertTrue(tags.insert(key, value))
                self.assertFalse(tags.insert(b"red", b"1"))
                self.assertTrue(tags.insert(b"red", b"3"))
                self.assertTrue(tags.remove(b"red", b"3"))
                self.assertFalse(tags.remove(b"red", b"3"))
            with db.read() as snapshot:
                tags = snapshot.multimap(shop, "tags")
                self.assertEqual(len(tags), 4)
                self.assertEqual(list(tags), [b"a\0", b"blue", b"red"])
                self.assertEqual(list(tags.keys(reverse=True)), [b"red", b"blue", b"a\0"])
                self.assertEqual(list(tags.values_of(b"red")), [b"1", b"2"])
                self.assertEqual(list(tags.values_of(b"red", reverse=True)), [b"2", b"1"])
                self.assertEqual(list(tags.values_of(b"re")), [])
                self.assertEqual(tags.count_of(b"red"), 2)
                self.assertIn((b"a\0", b"\0"), tags)
                self.assertNotIn((b"a", b"\0"), tags)
                self.assertEqual(list(tags.pairs()), [(b"a\0", b"\0"), (b"blue", b"9"), (b"red", b"1"),
                                                      (b"red", b"2")])
                self.assertEqual(tags.types, ("multimap<bytes, bytes>", "tuple<>"))
                self.expect("kTypeMismatch", snapshot.multimap, shop, "tags", types=("u64", "bytes"))
            with db.write(shop) as txn:
                self.assertEqual(txn.multimap(shop, "tags").remove_all(b"red"), 2)
            with db.write(shop) as txn:
                self.assertEqual(list(txn.multimap(shop, "tags")), [b"a\0", b"blue"])

    def test_what_ends_in_a_nested_block_hides_nothing(self):
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            with self.assertRaises(ZeroDivisionError):
                with db.write(shop) as txn:
                    with txn.nested():
                        del txn.table(shop, "prices")[b"lamp"]
                        txn.commit()
                        1 / 0  # pylint: disable=pointless-statement
            with db.read() as snapshot:
                self.assertNotIn(b"lamp", snapshot.table(shop, "prices"))
            self.expect("kTransactionEnded", self.commit_nested, db, shop)

    def commit_nested(self, db, shop):
        with db.write(shop) as txn:
            with txn.nested():
                txn.commit()

    def test_a_listing_raises_what_is_raised_in_it(self):
        with manifolddb.open(self.path) as db:
            self.shop(db)
            db.family("store", create=True)
            with unittest.mock.patch.object(_library.Bytes, "copy", side_effect=KeyboardInterrupt) as copy:
                with self.assertRaises(KeyboardInterrupt):
                    db.families()
            self.assertEqual(copy.call_count, 1)
            self.assertEqual(db.families(), [b"shop", b"store"])

    def test_paths_are_those_of_the_system(self):
        for name in ("caf\u00e9", "odd\udcff", b"odd\xfe"):
            path = os.path.join(os.fsencode(self.folder.name), os.fsencode(name))
            manifolddb.open(os.fsdecode(path)).close()
            self.assertTrue(os.path.exists(path))
            for way in (path, pathlib.Path(os.fsdecode(path))):
                manifolddb.open(way, create_if_missing=False).close()
        with self.assertRaises(ValueError):
            manifolddb.open(self.path + "\0tail")
        with self.assertRaises(TypeError):
            manifolddb.open(3)
        self.assertFalse(os.path.exists(self.path))
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            with db.write(shop) as txn, self.assertRaises(ValueError):
                txn.table(shop, "t", create=True, types=("u64\0", ""))
        self.assertNotIn("open", manifolddb.__all__)

    def test_errors_say_what_and_what_to_do(self):
        missing = os.path.join(self.folder.name, "nowhere", "db")
        error = self.expect("kNotFound", manifolddb.open, missing)
        self.assertEqual(error.category, "kCaller")
        self.assertIn(missing, str(error))
        folder = self.expect("kInvalidArgument", manifolddb.open, self.folder.name)
        self.assertIn("posix_storage.open", str(folder.__cause__))
        self.assertEqual(folder.__cause__.category, "kCaller")
        self.assertIsNone(folder.__cause__.__cause__)
        wrong = self.expect("kInvalidArgument", manifolddb.open, self.path, page_size=1000, cache_bytes=0)
        self.assertIn("page_size", str(wrong))
        self.assertIn("cache_bytes", str(wrong))
        with self.assertRaises(TypeError):
            manifolddb.open(self.path, cash_bytes=1)
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            self.expect("kNoSuchColumnFamily", db.family, "nothing")
            snapshot = db.read()
            self.expect("kNoSuchTable", snapshot.table, shop, "nothing")
            self.expect("kBusy", db.close)
            snapshot.close()
            self.expect("kLocked", manifolddb.open, self.path)
            other = db.write(shop)
            self.expect("kBusy", db.write, shop, wait_ms_max=0)
            other.abort()
            self.expect("kTransactionEnded", other.table, shop, "prices")
            del other

    def test_families_are_renamed_and_dropped(self):
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            db.rename_family("shop", "store")
            self.assertEqual(db.family("store"), shop)
            db.drop_family("store")
            self.assertEqual(db.families(), [])

    def test_objects_may_go_in_any_order(self):
        db = manifolddb.open(self.path)
        shop = self.shop(db)
        snapshot = db.read()
        items = snapshot.table(shop, "prices").items()
        self.assertEqual(next(items), (b"chair", b"49"))
        del db, snapshot
        gc.collect()
        self.assertEqual(next(items), (b"lamp", b"20"))
        del items
        gc.collect()
        with manifolddb.open(self.path) as again:  # hence the first one has been closed
            self.assertEqual(again.families(), [b"shop"])

    def test_leaving_a_block_ends_the_transaction(self):
        with manifolddb.open(self.path) as db:
            shop = self.shop(db)
            with db.read() as snapshot:
                prices = snapshot.table(shop, "prices")
                items = prices.items()
                next(items)
            self.expect("kTransactionEnded", prices.get, b"lamp")
            self.expect("kTransactionEnded", next, items)
            with db.write(shop) as txn:
                prices = txn.table(shop, "prices")
            self.expect("kTransactionEnded", prices.delete, b"lamp")

    def test_threads_write_their_own_families(self):
        with manifolddb.open(self.path) as db:
            def work(number):
                family = db.family(f"f{number}", create=True)
                for i in range(20):
                    with db.write(family, durable=False) as txn:
                        txn.table(family, "t", create=True).add(b"count", i)

            threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            with db.read() as snapshot:
                for number in range(4):
                    value = snapshot.table(snapshot.family(f"f{number}"), "t")[b"count"]
                    self.assertEqual(len(value), 8)
                    self.assertEqual(value[-1], sum(range(20)))

    def test_closing_beside_calls_of_other_threads(self):
        for _ in range(20):
            db = manifolddb.open(self.path)
            ends = []

            def work(db=db, ends=ends):
                try:
                    while True:
                        db.stats()
                        db.families()
                except manifolddb.Error as error:
                    ends.append(error.name)

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            self.close_between(db)
            for thread in threads:
                thread.join()
            self.assertEqual(ends, ["kClosed"] * 4)
            db.close()
            self.expect("kClosed", db.checkpoint)

    def close_between(self, db):
        while True:
            try:
                return db.close()
            except manifolddb.Error as error:  # a listing is a transaction
                self.assertEqual(error.name, "kBusy")

    def test_collecting_garbage_in_another_thread_frees_nothing_there(self):
        freed = []

        def plain(name, *arguments, call=_library.plain):
            if name.endswith("_free"):
                freed.append((name, threading.current_thread()))
            return call(name, *arguments)

        with manifolddb.open(self.path) as db, unittest.mock.patch.object(_library, "plain", plain):
            shop = self.shop(db)
            for begin in (db.read, lambda: db.write(shop)):
                with begin() as transaction:
                    prices = transaction.table(shop, "prices")
                    self.leave_in_a_cycle(transaction.table(shop, "prices"))
                    freed.clear()
                    self.in_a_thread(gc.collect)
                    self.assertEqual(freed, [])
                    len(prices)
                    names = sorted(name for name, thread in freed)
                    self.assertEqual(names, ["cursor_free", "table_free"])
                    self.assertEqual({thread for _, thread in freed}, {threading.current_thread()})
            freed.clear()
            self.leave_in_a_cycle(db.read().table(shop, "prices"))  # the transaction as well
            self.in_a_thread(gc.collect)
            self.assertEqual(sorted(name for name, _ in freed), ["cursor_free", "read_free", "table_free"])

    def leave_in_a_cycle(self, table):
        items = table.items()
        next(items)
        cycle = [items]
        cycle.append(cycle)

    def in_a_thread(self, call):
        gc.disable()
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        gc.enable()

    def test_figures_and_checks(self):
        with manifolddb.open(self.path, background_thread=False) as db:
            self.shop(db)
            db.checkpoint()
            stats = db.stats()
            self.assertGreaterEqual(stats["checkpoints"], 1)
            self.assertEqual(stats["checkpoint_history"][-1]["commit_number"], stats["commit_number"])
            self.assertIn("# TYPE manifolddb_commits_total counter\n", db.prometheus())
            self.assertIn('\nmanifolddb_commits_total{database="shop"} ', db.prometheus(database="shop"))
            with self.assertRaises(ValueError):
                db.prometheus("a\0b")
            (family,) = db.family_stats()
            self.assertEqual((family["name"], family["tables"][0]["entries"]), ("shop", 3))
            self.assertNotIn("depth", str(family))
            self.assertIn("depth", str(db.family_stats(shape=True)))
            self.assertIn('manifolddb_table_entries{database="x",family="shop",table="prices"} 3\n',
                          db.family_prometheus("x"))
            self.assertEqual(db.verify(), [])
            self.assertEqual(db.key_bytes_max, 2048)
            self.assertEqual(manifolddb.__version__, manifolddb.version())

    def test_options_change_while_it_is_open(self):
        with manifolddb.open(self.path, cache_bytes=1 << 20, background_thread=False) as db:
            db.set_options(cache_bytes=2 << 20, checkpoint_interval_ms=0)
            options = db.options()
            self.assertEqual((options["cache_bytes"], options["checkpoint_interval_ms"]), (2 << 20, 0))
            self.assertEqual((options["page_size"], options["background_thread"]), (8192, 0))
            self.assertEqual(db.stats()["cache_bytes_max"], 2 << 20)
            for wrong in ({"cache_bytes": 3 << 20, "log_bytes_max": 1},
                          {"cache_bytes": 3 << 20, "page_size": 4096}):
                self.expect("kInvalidArgument", db.set_options, **wrong)
                self.assertEqual(db.options(), options)

    def test_the_file_gets_shorter(self):
        with manifolddb.open(self.path, background_thread=False) as db:
            shop = self.shop(db)
            for put in (True, False):
                with db.write(shop) as txn:
                    table = txn.table(shop, "large", create=True)
                    for i in range(48):
                        if put:
                            table[b"%d" % i] = bytes(1 << 20)
                        else:
                            del table[b"%d" % i]
                db.checkpoint()
            was = os.path.getsize(self.path)
            before, after = db.shrink_file()
            self.assertEqual((before, after), (was, os.path.getsize(self.path)))
            self.assertLess(after, before - (24 << 20))
            with db.read() as snapshot:
                self.assertEqual(snapshot.table(shop, "prices")[b"lamp"], b"20")

    def test_the_document_shows_a_program_that_runs(self):
        with open(DOCUMENT, encoding="utf-8") as file:
            programs = re.findall(r"^```python\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
        self.assertEqual(len(programs), 1)
        run = subprocess.run((sys.executable, "-B", "-c", programs[0]), cwd=self.folder.name, check=True,
                             text=True, stdout=subprocess.PIPE)
        self.assertEqual(run.stdout, "b'lamp' b'19.90'\n")

    def test_every_function_of_the_header_is_declared(self):
        with open(HEADER, encoding="utf-8") as file:
            declared = re.findall(r"^MANIFOLDDB_C_API[^;]*?\bmanifolddb_(\w+)\(([^;]*)\);", file.read(),
                                  re.MULTILINE | re.DOTALL)
        self.assertEqual({name for name, _ in declared}, {*_library._CALLS, *_library._PLAIN})
        for name, parameters in declared:
            takes = _library._CALLS.get(name)
            count = 0 if parameters == "void" else parameters.count(",") + 1
            wanted = len(_library._types(takes)) + 1 if takes else len(_library._PLAIN[name][1])
            self.assertEqual(count, wanted, name)


if __name__ == "__main__":
    unittest.main()
