//! `fewlabel label`: the server, asked as its page asks it, and as nobody should.

mod browser;
mod page_files;
mod people;
mod server;
mod strangers;
