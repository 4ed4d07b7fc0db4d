//! The labelling page: a server on this machine, and the page that it serves.
//!
//! | file | holds |
//! |---|---|
//! | `server` | listening, limits, the orderly end |
//! | `guard` | who may ask: token, cookie, host, origin |
//! | `routes` | what can be asked; nothing here computes or decides |
//! | `wire` | the JSON of questions and answers, as `openapi.json` says it |
//! | `page` | the page's own files, built from `crates/app/page` |
//! | `give_way` | work behind a person's back leaves the processor to the person |

pub(crate) mod give_way;
mod guard;
mod page;
mod routes;
pub(crate) mod server;
pub(crate) mod wire;
