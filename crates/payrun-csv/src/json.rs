//! The JSON that `payrun validate --format json` prints: its keys and their order are a promise to scripts.

use crate::{Problem, Validated};
use payrun_core::Tally;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::io::{self, Write};

#[derive(serde::Serialize)]
struct Beginning<'v> {
    file: &'v str,
    sha256: String,
    rows: u64,
    payments: u64,
    rejected_rows: u64,
    errors: u64,
    warnings: u64,
    totals: Totals<'v>,
    delimiter: Option<String>,
    encoding: Option<String>,
}

struct Totals<'v>(&'v Tally);

impl Serialize for Totals<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (currency, total) in self.0.iter() {
            let total = TotalOutput { count: total.count, sum: total.sum.text() };
            map.serialize_entry(currency.code(), &total)?;
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct TotalOutput {
    count: u64,
    /// Decimal text: no reader may make a binary fraction of it.
    sum: String,
}

#[derive(serde::Serialize)]
struct ProblemOutput<'v> {
    severity: &'static str,
    code: &'static str,
    row: Option<u64>,
    line: Option<u64>,
    column: Option<&'v str>,
    value: Option<&'v str>,
    message: &'v str,
    hint: &'v str,
}

impl<'v> ProblemOutput<'v> {
    fn of(problem: &'v Problem) -> Self {
        Self {
            severity: problem.severity().word(),
            code: problem.code.word(),
            row: problem.row,
            line: problem.line,
            column: problem.column.as_deref(),
            value: problem.value.as_deref(),
            message: &problem.message,
            hint: &problem.hint,
        }
    }
}

/// Writes all that it is given but the first byte.
struct ButFirst<W> {
    writer: W,
    is_first: bool,
}

impl<W: Write> Write for ButFirst<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() || !std::mem::replace(&mut self.is_first, false) {
            return self.writer.write(bytes);
        }
        self.writer.write_all(bytes.get(1..).unwrap_or_default())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Validated {
    /// Writes the file's validation as one JSON object on one line, with a line feed behind it. Problems are written as
    /// they are found, so any number of them needs no memory.
    ///
    /// # Errors
    /// What the writer says, or that the file cannot be read any more as it was.
    pub fn write_json(&self, mut writer: impl Write) -> io::Result<()> {
        let beginning = Beginning {
            file: &self.source.name,
            sha256: self.source.sha256.to_string(),
            rows: self.rows,
            payments: self.payment_count(),
            rejected_rows: self.rejected_rows,
            errors: self.errors(),
            warnings: self.warnings(),
            totals: Totals(&self.totals),
            delimiter: self.delimiter.map(|byte| char::from(byte).to_string()),
            encoding: self.encoding.map(|encoding| encoding.to_string()),
        };
        let beginning = serde_json::to_string(&beginning)?;
        // The list is the object's last member; its end is written by hand, so that the list can be streamed.
        let open = beginning.strip_suffix('}').unwrap_or(&beginning);
        write!(writer, "{open},\"problems\":[")?;
        self.write_problems(ButFirst { writer: &mut writer, is_first: true }, |text, problem| {
            text.push(b',');
            Ok(serde_json::to_writer(text, &ProblemOutput::of(problem))?)
        })?;
        writeln!(writer, "]}}")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_shape_is_what_scripts_rely_on() {
        let file = "recipient_name,recipient_email,recipient_phone,Amount,currency,reference\n\
            Jane Doe,jane@example.com,+254712345678,1500,KES,EMP-1\n\
            John Doe,john@example.com,+256772345678,1.000,UGX,EMP-2\n\
            Joan Doe,joan@example.com,+256772345678,700.50,GHS,EMP-3\n\
            short\n";
        let mut json = Vec::new();
        let validated = crate::read(file.as_bytes(), "june.csv").unwrap();
        validated.write_json(&mut json).unwrap();
        let expected = concat!(
            r#"{"file":"june.csv","#,
            r#""sha256":"SHA","#,
            r#""rows":4,"payments":2,"rejected_rows":2,"errors":2,"warnings":1,"#,
            r#""totals":{"GHS":{"count":1,"sum":"700.5"},"KES":{"count":1,"sum":"1500"}},"#,
            r#""delimiter":",","encoding":"utf-8","problems":["#,
            r#"{"severity":"error","code":"amount-ambiguous","row":2,"line":3,"column":"Amount","value":"1.000","#,
            r#""message":"\"1.000\" can be read as 1000 or as 1.","#,
            r#""hint":"Write 1000 or 1: no separator between thousands, a point before decimals."},"#,
            r#"{"severity":"warning","code":"phone-other-country","row":3,"line":4,"column":"recipient_phone","#,
            r#""value":"+256772345678","message":"The number is one of Uganda, but the currency is GHS.","#,
            r#""hint":"Compare number and currency; if both are right, leave them."},"#,
            r#"{"severity":"error","code":"row-too-short","row":4,"line":5,"column":null,"value":null,"#,
            r#""message":"The row has 1 cell but the header has 6.","#,
            r#""hint":"Compare the row with the header, and fill in what is missing."}"#,
            "]}\n",
        )
        .replace("SHA", &validated.source.sha256.to_string());
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
