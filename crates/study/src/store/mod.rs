//! What lies on disk: the study's folder, records, checkpoints, files whole or absent.

pub(crate) mod atomic_file;
pub(crate) mod checkpoint;
pub mod image_cache;
pub(crate) mod kept;
pub(crate) mod npy_writer;
pub mod record;
pub mod study_dir;
pub(crate) mod whole_folder;
