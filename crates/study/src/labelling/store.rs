//! A project on disk: one SQLite file with the images' names and one log that is only added to.
//!
//! | table | holds |
//! |---|---|
//! | `meta` | where the images lie, the seed, who made the project |
//! | `images` | one row an image: its name, its group, the digest of its values |
//! | `events` | everything that happened, in its order; triggers refuse to change or remove a row |
//!
//! An event is on disk (write-ahead log, synced) before [`Store::append`] returns. A client's id
//! stands beside it and is there once only, so that sending again is harmless.

use crate::error::{AtPath, StudyError};
use crate::labelling::event::{Event, ImageId, Kept};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};
use std::path::{Path, PathBuf};

/// The file of a project's folder.
const FILE: &str = "project.sqlite";
/// Stands in the file's header: `FLab`.
const APPLICATION: i32 = 0x464C_6162;
/// The version of these tables.
const VERSION: i32 = 1;

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;
CREATE TABLE images (
    id INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL UNIQUE, grouped TEXT, digest BLOB
) STRICT;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, client TEXT UNIQUE,
    annotator TEXT NOT NULL, image INTEGER REFERENCES images (id), body TEXT NOT NULL
) STRICT;
CREATE TRIGGER events_stay BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TRIGGER events_are_kept BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
";

/// An image as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredImage {
    /// Its number.
    pub id: ImageId,
    /// Its name: the path from the folder of the images, or split and row of an array.
    pub name: String,
    /// What it must not be torn from, such as the patient.
    pub group: Option<String>,
    /// BLAKE3 of its values, once it was read.
    pub digest: Option<[u8; 32]>,
}

/// An open project.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    database: Connection,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Appended {
    /// It is on disk.
    Kept(Kept),
    /// The client had sent it before; this was kept then.
    Known(Kept),
}

impl Store {
    /// Whether `folder` holds a project.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Makes a project in `folder`, which is there.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn create(folder: &Path) -> Result<Self, StudyError> {
        let path = folder.join(FILE);
        let mut database = Connection::open(&path).map_err(|error| failed(&path, &error))?;
        let made = (|| {
            durable(&database)?;
            let change = database.transaction()?;
            change.execute_batch(TABLES)?;
            change.pragma_update(None, "application_id", APPLICATION)?;
            change.pragma_update(None, "user_version", VERSION)?;
            change.commit()
        })();
        made.map_err(|error| failed(&path, &error))?;
        Ok(Self { path, database })
    }

    /// Opens the project in `folder`.
    ///
    /// # Errors
    /// If there is none, it is damaged, or a later version of this program made it.
    pub fn open(folder: &Path) -> Result<Self, StudyError> {
        let path = folder.join(FILE);
        std::fs::metadata(&path).at("open", &path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database =
            Connection::open_with_flags(&path, flags).map_err(|error| failed(&path, &error))?;
        let number = |name: &str| -> rusqlite::Result<i32> {
            database.pragma_query_value(None, name, |row| row.get(0))
        };
        let read = (|| {
            database.busy_timeout(std::time::Duration::from_secs(5))?;
            Ok((number("application_id")?, number("user_version")?))
        })();
        let (application, version) = read.map_err(|error| failed(&path, &error))?;
        if application != APPLICATION {
            return Err(StudyError::damaged(&path, "is no project of Fewlabel"));
        }
        if version > VERSION {
            let what = format!(
                "was made by a later version of Fewlabel (project format {version}, this program \
                 knows up to {VERSION}): update Fewlabel"
            );
            return Err(StudyError::damaged(&path, what));
        }
        durable(&database).map_err(|error| failed(&path, &error))?;
        Ok(Self { path, database })
    }

    /// The project's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a fact about the project.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn set(&self, key: &str, value: &str) -> Result<(), StudyError> {
        let text = "INSERT INTO meta VALUES (?1, ?2)
                    ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let done = self.database.execute(text, [key, value]);
        done.map(drop).map_err(|error| failed(&self.path, &error))
    }

    /// A fact about the project, if it is known.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn get(&self, key: &str) -> Result<Option<String>, StudyError> {
        let text = "SELECT value FROM meta WHERE key = ?1";
        let found = self.database.query_row(text, [key], |row| row.get(0)).optional();
        found.map_err(|error| failed(&self.path, &error))
    }

    /// Keeps images that are new, all or none; the others stay as they are.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn add_images<'a>(
        &mut self,
        images: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<(), StudyError> {
        self.changed(|change| {
            let text = "INSERT INTO images (name, grouped) VALUES (?1, ?2)
                        ON CONFLICT (name) DO UPDATE SET grouped = excluded.grouped
                        WHERE grouped IS NOT excluded.grouped";
            let mut add = change.prepare(text)?;
            images
                .into_iter()
                .try_for_each(|(name, group)| add.execute(params![name, group]).map(drop))
        })
    }

    /// Keeps the digests of images that were read.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn set_digests(
        &mut self,
        digests: impl IntoIterator<Item = (ImageId, [u8; 32])>,
    ) -> Result<(), StudyError> {
        self.changed(|change| {
            let text = "UPDATE images SET digest = ?2 WHERE id = ?1 AND digest IS NOT ?2";
            let mut set = change.prepare(text)?;
            digests
                .into_iter()
                .try_for_each(|(id, digest)| set.execute(params![id, &digest[..]]).map(drop))
        })
    }

    /// Gives images that were moved their new names.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn rename_images(&mut self, names: &[(ImageId, String)]) -> Result<(), StudyError> {
        self.changed(|change| {
            let mut rename = change.prepare("UPDATE images SET name = ?2 WHERE id = ?1")?;
            names.iter().try_for_each(|(id, name)| rename.execute(params![id, name]).map(drop))
        })
    }

    /// Images under names that are to be given to older ones.
    ///
    /// # Errors
    /// If an event speaks of one, or they cannot be removed.
    pub fn remove_images(&mut self, ids: &[ImageId]) -> Result<(), StudyError> {
        self.changed(|change| {
            let mut remove = change.prepare("DELETE FROM images WHERE id = ?1")?;
            ids.iter().try_for_each(|id| remove.execute([id]).map(drop))
        })
    }

    /// Every image, by its number.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn images(&self) -> Result<Vec<StoredImage>, StudyError> {
        let read = (|| {
            let text = "SELECT id, name, grouped, digest FROM images ORDER BY id";
            let mut all = self.database.prepare(text)?;
            let rows = all.query_map([], |row| {
                let digest: Option<Vec<u8>> = row.get(3)?;
                let digest = digest.and_then(|digest| digest.try_into().ok());
                Ok(StoredImage { id: row.get(0)?, name: row.get(1)?, group: row.get(2)?, digest })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })();
        read.map_err(|error| failed(&self.path, &error))
    }

    /// Every event, in its order.
    ///
    /// # Errors
    /// If the file cannot be read, or an event is of a kind that this version does not know.
    pub fn events(&self) -> Result<Vec<Kept>, StudyError> {
        let read = (|| {
            let text = "SELECT seq, time, annotator, body FROM events ORDER BY seq";
            let mut all = self.database.prepare(text)?;
            let rows = all.query_map([], |row| {
                let body: String = row.get(3)?;
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, body))
            })?;
            rows.collect::<rusqlite::Result<Vec<(i64, String, String, String)>>>()
        })();
        let rows = read.map_err(|error| failed(&self.path, &error))?;
        rows.into_iter().map(|row| self.kept(row)).collect()
    }

    /// Adds an event. It is on disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written; then nothing was.
    pub fn append(
        &mut self,
        client: Option<&str>,
        annotator: &str,
        event: &Event,
    ) -> Result<Appended, StudyError> {
        if let Some(client) = client
            && let Some(known) = self.known(client)?
        {
            return Ok(Appended::Known(known));
        }
        let mut kept = self.append_all([(client, annotator, event)])?;
        Ok(Appended::Kept(kept.remove(0)))
    }

    /// What was kept of a client's id.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn known(&self, client: &str) -> Result<Option<Kept>, StudyError> {
        let text = "SELECT seq, time, annotator, body FROM events WHERE client = ?1";
        let found = self.database.query_row(text, [client], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
        });
        let found = found.optional().map_err(|error| failed(&self.path, &error))?;
        found.map(|row| self.kept(row)).transpose()
    }

    /// Adds several events, all or none.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn append_all<'a>(
        &mut self,
        events: impl IntoIterator<Item = (Option<&'a str>, &'a str, &'a Event)>,
    ) -> Result<Vec<Kept>, StudyError> {
        self.changed(|change| {
            let text = "INSERT INTO events (time, client, annotator, image, body)
                        VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?1, ?2, ?3, ?4)
                        RETURNING seq, time";
            let mut add = change.prepare_cached(text)?;
            let each = events.into_iter().map(|(client, annotator, event)| {
                let image = match event {
                    Event::Answer { image, .. } | Event::Flag { image, .. } => Some(*image),
                    _ => None,
                };
                let body = serde_json::to_string(event).expect("plain data");
                let (seq, time) = add
                    .query_row(params![client, annotator, image, body], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?;
                Ok(Kept { seq, time, annotator: annotator.to_owned(), event: event.clone() })
            });
            each.collect()
        })
    }

    /// Everything that is in the write-ahead log goes into the file itself, so that the file alone
    /// is the whole project.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn settle(&self) -> Result<(), StudyError> {
        let done = self.database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        done.map_err(|error| failed(&self.path, &error))
    }

    /// Looks over the whole file.
    ///
    /// # Errors
    /// Says what is damaged.
    pub fn check(&self) -> Result<(), StudyError> {
        let found: rusqlite::Result<String> =
            self.database.query_row("PRAGMA integrity_check", [], |row| row.get(0));
        match found.map_err(|error| failed(&self.path, &error))?.as_str() {
            "ok" => Ok(()),
            what => Err(StudyError::damaged(&self.path, format!("is damaged: {what}"))),
        }
    }

    fn kept(
        &self,
        (seq, time, annotator, body): (i64, String, String, String),
    ) -> Result<Kept, StudyError> {
        let event = serde_json::from_str(&body).map_err(|error| {
            StudyError::damaged(&self.path, format!("event {seq} is not understood: {error}"))
        })?;
        Ok(Kept { seq, time, annotator, event })
    }

    fn changed<T>(
        &mut self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StudyError> {
        let done = (|| {
            let change = self.database.transaction()?;
            let made = work(&change)?;
            change.commit()?;
            Ok(made)
        })();
        done.map_err(|error| failed(&self.path, &error))
    }
}

/// Every commit is synced before it returns.
fn durable(database: &Connection) -> rusqlite::Result<()> {
    database.pragma_update(None, "journal_mode", "wal")?;
    database.pragma_update(None, "synchronous", "full")?;
    database.pragma_update(None, "foreign_keys", true)
}

fn failed(path: &Path, error: &rusqlite::Error) -> StudyError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            StudyError::damaged(path, "cannot be written: the disk is full")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StudyError::damaged(path, "is damaged, or no project of Fewlabel")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StudyError::damaged(path, "is being written by another program")
        }
        _ => StudyError::damaged(path, format!("cannot be read or written: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labelling::event::{Given, Said};

    fn answer(image: ImageId, class: u32) -> Event {
        Event::Answer { image, given: Given::new(Said::Class(class)) }
    }

    fn project() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::create(folder.path()).unwrap();
        store.add_images([("a.png", None), ("b.png", Some("p1"))]).unwrap();
        (folder, store)
    }

    #[test]
    fn what_was_kept_is_there_again_and_a_client_s_id_counts_once() {
        let (folder, mut store) = project();
        let first = store.append(Some("x"), "ann", &answer(1, 0)).unwrap();
        let Appended::Kept(kept) = first else { panic!("it is new") };
        assert!(kept.time.ends_with('Z') && kept.seq == 1);
        let again = store.append(Some("x"), "ann", &answer(2, 1)).unwrap();
        assert_eq!(again, Appended::Known(kept.clone()));
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.events().unwrap(), [kept]);
        let images = store.images().unwrap();
        assert_eq!((images[0].name.as_str(), images[1].group.as_deref()), ("a.png", Some("p1")));
        store.check().unwrap();
    }

    #[test]
    fn events_are_only_added_and_speak_of_images_that_are_there() {
        let (_folder, mut store) = project();
        store.append(None, "ann", &answer(1, 0)).unwrap();
        for text in ["DELETE FROM events", "UPDATE events SET body = ''"] {
            let error = store.database.execute(text, []).unwrap_err().to_string();
            assert!(error.contains("only added"), "{error}");
        }
        assert!(store.append(None, "ann", &answer(9, 0)).is_err());
        assert_eq!(store.events().unwrap().len(), 1);
    }

    #[test]
    fn other_files_and_later_projects_are_refused_in_one_sentence() {
        let (folder, store) = project();
        store.database.pragma_update(None, "user_version", 7).unwrap();
        drop(store);
        let error = Store::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("format 7") && error.contains("update"), "{error}");
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join(FILE), "this is a long text and no database ".repeat(40))
            .unwrap();
        let error = Store::open(other.path()).unwrap_err().to_string();
        assert!(error.ends_with("is damaged, or no project of Fewlabel"), "{error}");
        assert!(Store::open(Path::new("/no/such")).is_err());
    }

    /// A power cut may leave any part of the log: what it holds whole is there, the rest is not.
    #[test]
    fn a_log_that_is_cut_anywhere_loses_no_more_than_its_end() {
        let (folder, mut store) = project();
        store.settle().unwrap();
        let mut sizes = Vec::new();
        let log = folder.path().join("project.sqlite-wal");
        for n in 0..8 {
            store.append(Some(&n.to_string()), "ann", &answer(1, n)).unwrap();
            sizes.push(std::fs::metadata(&log).unwrap().len());
        }
        let (file, bytes) = (std::fs::read(store.path()).unwrap(), std::fs::read(&log).unwrap());
        let mut stream = fewlabel_engine::rng::Key::new(5, 5).stream();
        for _ in 0..40 {
            let cut = (stream.unit_f64() * bytes.len() as f64) as usize;
            let copy = tempfile::tempdir().unwrap();
            std::fs::write(copy.path().join(FILE), &file).unwrap();
            std::fs::write(copy.path().join("project.sqlite-wal"), &bytes[..cut]).unwrap();
            let store = Store::open(copy.path()).unwrap();
            store.check().unwrap();
            let whole = sizes.iter().filter(|&&size| size <= cut as u64).count();
            assert_eq!(store.events().unwrap().len(), whole, "cut at {cut} of {}", bytes.len());
        }
    }
}
