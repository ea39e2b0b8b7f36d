//! Answers from the folder: which documents are there, in which forms, and their bytes.
//!
//! The folder is the truth: it is never copied, watched or scanned to answer. What is remembered is checked against
//! the file system for every answer, at the cost of one or two calls that do not touch the disk.

mod arrivals;
mod coded;
mod content;
mod document;
mod ending;
mod folder;
mod language;
mod listing;
mod media;
mod names;
mod resolve;
mod root;
mod rules;
mod shelf;
mod stamp;
mod writing;

pub use folder::{Body, FileState, Folder, FolderOptions, Opened, Standing};
pub use listing::{Entry, Listing};
pub use rules::Rules;
pub use writing::{Spot, is_writable_path, media_type_of};
