//! `payrun explain`: what a problem means, with an example.

use crate::args::{ExplainArgs, Form};
use crate::fault::Fault;
use crate::nearest::nearest;
use crate::screen::Screen;
use crate::show;
use payrun::Exit;
use payrun::csv::Code;

/// Explains one code, or lists all.
pub(super) fn explain(args: &ExplainArgs, screen: Screen) -> Result<Exit, Fault> {
    match (args.code.as_deref().map(code).transpose()?, screen.form()) {
        (None, Form::Json) => screen.json(&show::codes_json())?,
        (None, Form::Text | Form::Csv) => screen.data(&show::codes())?,
        (Some(code), Form::Json) => screen.json(&show::page_json(code))?,
        (Some(code), Form::Text | Form::Csv) => screen.data(&show::page(code))?,
    }
    Ok(Exit::Done)
}

fn code(word: &str) -> Result<Code, Fault> {
    Code::from_word(word).ok_or_else(|| {
        let words = Code::ALL.iter().map(|code| code.word());
        let hint = match nearest(word, words) {
            Some(near) => format!("Did you mean this? payrun explain {near}"),
            None => "All of them: payrun explain".to_owned(),
        };
        Fault::usage(format!("no problem is called '{}'", show::tame(word)), hint)
    })
}
