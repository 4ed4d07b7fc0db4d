//! `fewlabel schema`: the JSON Schema of a study file, for editors.

use crate::screen;

pub(crate) fn run() -> anyhow::Result<()> {
    screen::print_json(&fewlabel_study::ask::schema::schema())
}
