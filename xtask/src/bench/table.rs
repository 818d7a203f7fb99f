//! Prints measurements in columns.

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) measured: f64,
    /// The same by another program, on this machine.
    pub(super) baseline: Option<f64>,
    /// What the baseline is; may be empty.
    pub(super) baseline_name: String,
    pub(super) target: Option<Target>,
}

/// The most that something should take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target {
    /// In the row's unit.
    Value(f64),
    /// As a multiple of the baseline.
    Ratio(f64),
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        let baseline = self.baseline.filter(|b| *b > 0.0)?;
        Some(self.measured / baseline)
    }

    /// Whether the target is met; none if there is none, or no baseline to tell.
    pub(super) fn ok(&self) -> Option<bool> {
        match self.target? {
            Target::Value(target) => Some(self.measured <= target),
            Target::Ratio(target) => self.ratio().map(|ratio| ratio <= target),
        }
    }

    fn cells(&self) -> [String; 6] {
        let absent = || "-".to_owned();
        let quantity = |value: f64| format!("{} {}", number(value), self.unit);
        [
            self.name.clone(),
            quantity(self.measured),
            self.baseline.map_or_else(absent, |value| {
                format!("{} {}", quantity(value), self.baseline_name)
                    .trim_end()
                    .to_owned()
            }),
            self.ratio()
                .map_or_else(absent, |ratio| format!("{ratio:.2}x")),
            match self.target {
                Some(Target::Value(value)) => format!("<= {}", quantity(value)),
                Some(Target::Ratio(ratio)) => format!("<= {ratio:.2}x"),
                None => absent(),
            },
            match self.ok() {
                Some(true) => "yes".into(),
                Some(false) => "NO".into(),
                None => absent(),
            },
        ]
    }
}

/// The rows as aligned text.
pub(super) fn render(rows: &[Row]) -> String {
    let heading = ["name", "measured", "baseline", "ratio", "target", "ok?"].map(String::from);
    let lines: Vec<[String; 6]> = std::iter::once(heading)
        .chain(rows.iter().map(Row::cells))
        .collect();
    let mut widths = [0; 6];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let padded: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Three significant digits, more before the point.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned() {
        let row = |name: &str, measured, baseline, target| Row {
            name: name.into(),
            unit: "ms".into(),
            measured,
            baseline,
            baseline_name: "PyTorch".into(),
            target,
        };
        let rows = [
            row("step", 150.04, Some(100.0), Some(Target::Ratio(2.0))),
            row("swap", 7.5, None, Some(Target::Value(5.0))),
            row("call", 0.0421, None, None),
        ];
        assert_eq!(
            render(&rows),
            "name  measured  baseline        ratio  target      ok?\n\
             step  150 ms    100 ms PyTorch  1.50x  <= 2.00x    yes\n\
             swap  7.50 ms   -               -      <= 5.00 ms  NO\n\
             call  0.042 ms  -               -      -           -\n"
        );
        assert_eq!(row("", 1.0, None, Some(Target::Ratio(2.0))).ok(), None);
    }
}
