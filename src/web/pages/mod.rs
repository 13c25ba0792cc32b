//! Pages beside the chat. Each asks [`super::shell::Shell::open`] first, which holds the check
//! that the page may be seen, and then reads what it shows.

pub mod requests;
