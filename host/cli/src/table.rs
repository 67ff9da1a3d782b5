use comfy_table::{Cell, Table, presets};

use crate::{format, out};

/// Prints rows below a heading, without lines around them.
pub(crate) fn print<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> anyhow::Result<()> {
    out::line(format_args!("{}", render(heading, rows)))
}

fn render<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heading);
    for row in rows {
        table.add_row(row.map(|text| Cell::new(format::clean(&text))));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Prints names and values, one pair per line.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> anyhow::Result<()> {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, value) in pairs {
        // Further lines of a value stand below its first.
        let value = format::clean(value).replace('\n', &format!("\n{:width$}  ", ""));
        out::line(format_args!("{name:width$}  {value}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_columns_without_lines() {
        let rows = [["echo".into(), "1 KiB".into()], ["a-long-name".into(), String::new()]];
        assert_eq!(
            render(["ID", "SIZE"], rows),
            "ID           SIZE\necho         1 KiB\na-long-name"
        );
    }
}
