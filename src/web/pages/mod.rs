//! Pages beside the chat. Each asks [`super::shell::Shell::open`] first, which holds the check
//! that the page may be seen, and then reads what it shows.

mod form;
pub mod intent;
pub mod intents;
mod needs;
pub mod request;
pub mod requests;
pub mod run;
pub mod runs;
mod said;
mod sight;
pub mod status;
