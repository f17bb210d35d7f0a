"""manifolddb from Python: column families, tables of bytes, transactions, over libmanifolddb_c.so.

    import manifolddb

    with manifolddb.open("shop.db") as db:
        shop = db.family("shop", create=True)
        with db.write(shop) as txn:
            txn.table(shop, "prices", create=True)[b"lamp"] = b"19.90"
        with db.read() as snapshot:
            for key, value in snapshot.table(shop, "prices").items(prefix=b"l"):
                print(key, value)

Keys and values are bytes; names of families and tables are str (UTF-8) or bytes. Calls that fail raise Error.
The library is looked for as libmanifolddb_c.so.0, or where the environment variable MANIFOLDDB_LIBRARY says.
"""
from ._library import Error, version
from ._database import (Batch, Database, Family, ReadMultimap, ReadTable, ReadTransaction, Savepoint,
                        WriteMultimap, WriteTable, WriteTransaction, open)

# Without open: `import *` must not take the place of the one that opens files.
__all__ = ["Batch", "Database", "Error", "Family", "ReadMultimap", "ReadTable", "ReadTransaction",
           "Savepoint", "WriteMultimap", "WriteTable", "WriteTransaction", "version"]
__version__ = version()
