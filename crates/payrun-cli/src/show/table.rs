//! Tables: a header, a line, rows; at most 80 columns wide.

use super::tame;
use crate::screen::WIDTH;
use comfy_table::{CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, TableStyle};

const INDENT: &str = "  ";

const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('-').junction(' '))
    .content_lines(ContentLineStyle::none().junction(' '));

/// A table in the making.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// Columns by their titles; those that begin with `>` are aligned to the right.
    pub(crate) fn new(titles: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(STYLE)
            .force_no_tty()
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(WIDTH - INDENT.len()).unwrap_or(u16::MAX))
            .set_header(titles.iter().map(|title| title.trim_start_matches('>')));
        for (index, title) in titles.iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, 1));
                if title.starts_with('>') {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        Self(table)
    }

    /// Adds a row. A cell cannot move the cursor or break the line, whatever is in it.
    pub(crate) fn row<I>(&mut self, cells: I)
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.0.add_row(cells.into_iter().map(|cell| tame(cell.as_ref())));
    }

    /// The lines, indented, each with its end.
    pub(crate) fn text(&self) -> String {
        self.0
            .lines()
            .map(|line| format!("{INDENT}{}\n", line.trim_end()).replace("\n\n", "\n"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_are_wrapped_within_the_width() {
        let mut table = Table::new(&["Reference", ">Amount", "Reason"]);
        table.row(["EMP-1", "KES 1,500", &"the recipient's account was not found ".repeat(4)]);
        table.row(["EMP-2\u{1b}[2J", "KES 20", ""]);
        let text = table.text();
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        insta::assert_snapshot!(text);
    }
}
