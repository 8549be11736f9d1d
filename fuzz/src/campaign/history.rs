//! The history of a campaign over time, and its chart.

use serde::{Deserialize, Serialize};

/// The most points of a history. One with more loses every second of them.
const POINTS: usize = 120;
/// The columns of a chart.
const COLUMNS: usize = 60;
/// The marks of a chart, by height.
const MARKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The totals at one time.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Point {
    /// The seconds since the campaign began.
    pub seconds: f64,
    /// The inputs so far.
    pub inputs: u64,
    /// The counts that are not zero any more.
    pub new: u64,
    /// The findings so far.
    pub findings: u64,
}

/// The totals at several times, in order, about evenly apart.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct History {
    /// The least number of seconds between two points.
    apart: f64,
    points: Vec<Point>,
}

impl Default for History {
    fn default() -> History {
        History { apart: 0.5, points: vec![Point::default()] }
    }
}

impl History {
    /// Adds the totals of now, unless the last ones are recent.
    pub(super) fn add(&mut self, now: Point) {
        let last = self.points.last().map_or(0.0, |point| point.seconds);
        if now.seconds - last < self.apart {
            return;
        }
        self.points.push(now);
        if self.points.len() > POINTS {
            let mut odd = false;
            self.points.retain(|_| {
                odd = !odd;
                odd
            });
            self.apart *= 2.0;
        }
    }

    /// Returns a line of marks: how fast a total grew, from the beginning until `now`.
    pub(super) fn chart(&self, now: Point, total: impl Fn(&Point) -> u64) -> String {
        let points: Vec<Point> = self.points.iter().copied().chain([now]).collect();
        let mut rates = [0.0; COLUMNS];
        for pair in points.windows(2) {
            let span = pair[1].seconds - pair[0].seconds;
            if span <= 0.0 {
                continue;
            }
            let grown = total(&pair[1]).saturating_sub(total(&pair[0]));
            for (column, rate) in rates.iter_mut().enumerate() {
                let [from, to] = [column, column + 1].map(|column| as_float(column) / as_float(COLUMNS) * now.seconds);
                let overlap = pair[1].seconds.min(to) - pair[0].seconds.max(from);
                #[expect(clippy::cast_precision_loss, reason = "a chart")]
                let grown = grown as f64;
                *rate += grown * overlap.max(0.0) / span;
            }
        }
        let highest = rates.iter().copied().fold(0.0, f64::max);
        rates.iter().map(|&rate| mark(rate, highest)).collect::<String>().trim_end().to_string()
    }
}

/// Returns the mark of a rate. Anything above zero is seen.
fn mark(rate: f64, highest: f64) -> char {
    if rate <= 0.0 {
        return MARKS[0];
    }
    let top = MARKS.len() - 1;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of marks")]
    let height = (rate / highest * as_float(top)).ceil() as usize;
    MARKS[height.clamp(1, top)]
}

#[expect(clippy::cast_precision_loss, reason = "numbers of columns are small")]
fn as_float(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(seconds: u32, inputs: u64) -> Point {
        Point { seconds: seconds.into(), inputs, ..Point::default() }
    }

    #[test]
    fn a_course_stays_short() {
        let mut history = History::default();
        (1..=10_000).for_each(|second| history.add(point(second, u64::from(second) * 7)));
        assert!((POINTS / 2..=POINTS).contains(&history.points.len()), "{}", history.points.len());
        assert_eq!(history.points[0], Point::default());
        let flat = history.chart(point(10_000, 70_000), |point| point.inputs);
        assert_eq!(flat, "█".repeat(COLUMNS), "an even rate is a flat chart");
    }

    #[test]
    fn a_chart_shows_when_something_grew() {
        let mut history = History::default();
        [(15, 100), (30, 100), (45, 200), (60, 300)]
            .into_iter()
            .for_each(|(at, inputs)| history.add(point(at, inputs)));
        let chart: Vec<char> = history.chart(point(120, 300), |point| point.inputs).chars().collect();
        let chart = |second: usize| chart.get(second * COLUMNS / 120).copied().unwrap_or(' ');
        assert_eq!([5, 20, 40, 55, 90].map(chart), ['█', ' ', '█', '█', ' ']);
        assert_eq!(History::default().chart(point(9, 0), |point| point.inputs), "");
    }
}
