//! Files to domain: the policy repo of one revision, read, cross-checked and immutable.
//!
//! The only user of YAML. A load reads everything, tells every problem it finds, and gives either
//! a whole `PolicyRepo` or none: nothing is taken from a revision with an error. In order:
//! `files` (what there is), `layout` (which file is of which kind), `yaml` (text to a tree),
//! `decode` and `raw` (the tree to what is written), `check` (to what is meant).

mod check;
mod decode;
pub mod edit;
mod files;
mod layout;
mod load;
mod raw;
mod report;
pub mod schema;
mod yaml;

pub use files::{Files, FilesError, MAX_FILE, blob_id};
pub use load::{Loaded, load};
