//! The index of objects, uploads and events. `SQLite`, one writer, group commit.
//!
//! A transaction makes an object (and its event) visible. All writes run on one thread, which
//! commits all queued writes together: one disk sync for many requests.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use s3s::{S3Error, S3Result};
use tokio::sync::{Notify, mpsc, oneshot};

use super::blobs::{Blobs, NewBlob};
use super::epochs::{Epochs, Reading};

/// The effects of a write that take place only if its transaction commits.
pub(super) struct Change<R> {
    /// The result.
    pub(super) value: R,
    /// A file that a row now refers to.
    pub(super) keep: Option<NewBlob>,
    /// Names of files that no row refers to any more.
    pub(super) remove: Vec<String>,
}

impl<R> From<R> for Change<R> {
    fn from(value: R) -> Self {
        Self {
            value,
            keep: None,
            remove: Vec::new(),
        }
    }
}

/// Runs inside the open transaction; the returned closure runs after the commit.
type Job = Box<dyn FnOnce(&Connection) -> Settled + Send>;

struct Settled {
    has_new_file: bool,
    finish: Box<dyn FnOnce(bool) -> Vec<String>>,
}

/// The index of one data directory.
pub(super) struct Index {
    jobs: Option<mpsc::UnboundedSender<Job>>,
    writer: Option<JoinHandle<()>>,
    readers: Mutex<Vec<Connection>>,
    path: PathBuf,
    epochs: Arc<Epochs>,
    /// Lock of the whole directory. It is here because it must be held until after the last commit.
    _lock: File,
}

/// Maximum number of idle connections that are kept open.
const IDLE_READERS: usize = 8;
/// Maximum number of writes in one transaction; limits how long the first of them waits.
const BATCH: usize = 256;

impl Index {
    /// Opens or creates the index and starts its writer. `on_commit` is notified after each commit.
    pub(super) fn open(
        path: PathBuf,
        blobs: Arc<Blobs>,
        on_commit: Arc<Notify>,
        lock: File,
    ) -> rusqlite::Result<Self> {
        let connection = connect(&path)?;
        super::schema::migrate(&connection)?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let epochs = Arc::new(Epochs::new());
        let writer = Writer {
            connection,
            blobs,
            epochs: epochs.clone(),
            on_commit,
        };
        let writer = std::thread::Builder::new()
            .name("s3-index".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self {
            jobs: Some(jobs),
            writer: Some(writer),
            readers: Mutex::default(),
            path,
            epochs,
            _lock: lock,
        })
    }

    /// Runs `work` in a transaction and returns when it is on disk. An error rolls back this `work`
    /// only.
    ///
    /// A caller that stops waiting changes nothing: a started write is completed.
    pub(super) async fn write<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> S3Result<Change<R>> + Send + 'static,
    ) -> S3Result<R> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = savepoint(connection, work);
            let has_new_file = result.as_ref().is_ok_and(|change| change.keep.is_some());
            let finish = Box::new(move |committed: bool| match result {
                Ok(change) if committed => {
                    if let Some(blob) = change.keep {
                        blob.keep();
                    }
                    // The caller may be gone; the write is valid all the same.
                    let _ = answer.send(Ok(change.value));
                    change.remove
                }
                Ok(_) => Vec::new(),
                Err(error) => {
                    let _ = answer.send(Err(error));
                    Vec::new()
                }
            });
            Settled {
                has_new_file,
                finish,
            }
        });
        let gone = || S3Error::internal_error(std::io::Error::other("the index did not commit"));
        self.jobs
            .as_ref()
            .ok_or_else(gone)?
            .send(job)
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Runs `look` on a snapshot. The files that it finds stay until the guard is dropped.
    pub(super) async fn read<R: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&Connection) -> S3Result<R> + Send + 'static,
    ) -> S3Result<(R, Reading)> {
        let index = self.clone();
        tokio::task::spawn_blocking(move || {
            let reading = index.epochs.enter();
            let idle = index
                .readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => connect(&index.path).map_err(S3Error::internal_error)?,
            };
            // One transaction, so that several statements see the same state.
            let snapshot = connection.transaction().map_err(S3Error::internal_error)?;
            let found = look(&snapshot);
            snapshot.finish().map_err(S3Error::internal_error)?;
            let mut readers = index.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < IDLE_READERS {
                readers.push(connection);
            }
            Ok((found?, reading))
        })
        .await
        .map_err(S3Error::internal_error)?
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        // Ends the writer's loop; the directory's lock must be held until its last commit.
        self.jobs = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the S3 index had panicked");
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // FULL: a commit is on the disk when it returns, so an acknowledged object survives a power
    // failure.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn savepoint<R>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> S3Result<R>,
) -> S3Result<R> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]).map(|_| ());
    run("SAVEPOINT job").map_err(S3Error::internal_error)?;
    let result = work(connection);
    if result.is_err() {
        run("ROLLBACK TO job").map_err(S3Error::internal_error)?;
    }
    run("RELEASE job").map_err(S3Error::internal_error)?;
    result
}

struct Writer {
    connection: Connection,
    blobs: Arc<Blobs>,
    epochs: Arc<Epochs>,
    on_commit: Arc<Notify>,
}

impl Writer {
    fn run(self, mut queue: mpsc::UnboundedReceiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut settled = Vec::new();
            let committed = self.batch(first, &mut queue, &mut settled);
            if let Err(error) = &committed {
                tracing::error!(%error, "the S3 index could not commit");
                // Without this, the connection would stay inside the failed transaction.
                let _ = self.connection.execute_batch("ROLLBACK");
            }
            let garbage: Vec<String> = settled
                .into_iter()
                .flat_map(|it| (it.finish)(committed.is_ok()))
                .collect();
            self.epochs
                .retire(garbage.iter().map(|name| self.blobs.path(name)).collect());
            self.on_commit.notify_one();
        }
    }

    fn batch(
        &self,
        first: Job,
        queue: &mut mpsc::UnboundedReceiver<Job>,
        settled: &mut Vec<Settled>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        settled.push(first(&self.connection));
        while settled.len() < BATCH
            && let Ok(job) = queue.try_recv()
        {
            settled.push(job(&self.connection));
        }
        if settled.iter().any(|it| it.has_new_file) {
            self.blobs.sync_folder()?;
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(())
    }
}
