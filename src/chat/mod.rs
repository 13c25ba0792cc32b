//! Chat platforms: each translates between its own words and those of `ports::chat`, and nothing
//! else.

pub mod console;
pub mod matrix;
pub mod mattermost;
pub mod tls;
