//! The tables of the index.

use rusqlite::Connection;

const VERSION: i64 = 2;

/// Keys are blobs, so they sort by bytes, as S3 lists them, independent of collations.
const SCHEMA: &str = "
    CREATE TABLE bucket (
        name       TEXT PRIMARY KEY,
        created_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE object (
        id          INTEGER PRIMARY KEY,
        bucket      TEXT NOT NULL REFERENCES bucket (name),
        key         BLOB NOT NULL,
        size        INTEGER NOT NULL,
        etag        TEXT NOT NULL,
        modified_ms INTEGER NOT NULL,
        headers     TEXT NOT NULL,
        UNIQUE (bucket, key)
    ) STRICT;

    -- The content of an object, in order: one file, or one per part. Copies share files.
    CREATE TABLE piece (
        object INTEGER NOT NULL REFERENCES object (id) ON DELETE CASCADE,
        start  INTEGER NOT NULL,
        size   INTEGER NOT NULL,
        blob   TEXT NOT NULL,
        PRIMARY KEY (object, start)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX piece_by_blob ON piece (blob);

    CREATE TABLE upload (
        id         TEXT PRIMARY KEY,
        bucket     TEXT NOT NULL REFERENCES bucket (name),
        key        BLOB NOT NULL,
        created_ms INTEGER NOT NULL,
        headers    TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX upload_by_key ON upload (bucket, key, id);

    CREATE TABLE part (
        upload      TEXT NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
        number      INTEGER NOT NULL,
        size        INTEGER NOT NULL,
        etag        TEXT NOT NULL,
        modified_ms INTEGER NOT NULL,
        blob        TEXT NOT NULL,
        PRIMARY KEY (upload, number)
    ) STRICT, WITHOUT ROWID;

    -- AUTOINCREMENT: a number is never given twice, so acknowledging one cannot lose a later event.
    CREATE TABLE event (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        body     TEXT NOT NULL
    ) STRICT;

    PRAGMA user_version = 1;
";

/// Version 1 to 2: the CORS rules that were set for a bucket (JSON), which replace its configured
/// origins.
const CORS: &str = "
    CREATE TABLE cors (
        bucket TEXT PRIMARY KEY REFERENCES bucket (name) ON DELETE CASCADE,
        rules  TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    PRAGMA user_version = 2;
";

/// Creates the tables in a new file; rejects a file of a later version.
pub(super) fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        0 => connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} {CORS} COMMIT;")),
        1 => connection.execute_batch(&format!("BEGIN IMMEDIATE; {CORS} COMMIT;")),
        VERSION => Ok(()),
        later => Err(rusqlite::Error::ToSqlConversionFailure(
            format!(
                "the index has version {later}, this program supports {VERSION}: use a newer program or another directory"
            )
            .into(),
        )),
    }
}
