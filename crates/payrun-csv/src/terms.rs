//! What every pass over a file goes by.

use crate::effort::Effort;
use crate::header::Header;
use crate::rules::Rules;
use crate::scan::Classes;

/// Settled once the header is read.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'s> {
    pub(crate) header: &'s Header,
    pub(crate) rules: &'s Rules,
    pub(crate) classes: &'s Classes,
    pub(crate) effort: Effort,
}
