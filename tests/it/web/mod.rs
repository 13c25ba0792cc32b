//! The console over real TCP: names, origins, tokens, sessions, and what people write.

mod drift;
mod guarding;
mod live;
mod pages;
mod records;
mod shell;
mod signing_in;
mod site;
mod work;
