//! Fewer points that look the same.

/// Keeps at most `wanted` points, chosen so that a line through them looks like a line through all:
/// largest triangle three buckets, section 4.2 of S. Steinarsson, "Downsampling Time Series for
/// Visual Representation", University of Iceland, 2013. The first and the last point always stay.
/// Fewer than three wanted points count as three.
pub(crate) fn largest_triangle(points: &[(f64, f64)], wanted: usize) -> Vec<(f64, f64)> {
    let wanted = wanted.max(3);
    let ([first, inner @ .., last], true) = (points, points.len() > wanted) else {
        return points.to_vec();
    };
    let buckets = wanted - 2;
    let bucket = |number: usize| {
        let from = number * inner.len() / buckets;
        let to = (number + 1) * inner.len() / buckets;
        inner.get(from..to).unwrap_or_default()
    };
    let mut kept = Vec::with_capacity(wanted);
    let mut left = *first;
    kept.push(left);
    for number in 0..buckets {
        let right = if number + 1 < buckets {
            mean(bucket(number + 1))
        } else {
            *last
        };
        let area = |point: &(f64, f64)| {
            ((left.0 - right.0) * (point.1 - left.1) - (left.0 - point.0) * (right.1 - left.1))
                .abs()
        };
        let largest = bucket(number)
            .iter()
            .max_by(|a, b| area(a).total_cmp(&area(b)));
        if let Some(point) = largest {
            left = *point;
            kept.push(left);
        }
    }
    kept.push(*last);
    kept
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a bucket is far below 2^52 points"
)]
fn mean(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len().max(1) as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    (x / count, y / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_and_a_spike_stay_and_order_is_kept() {
        let mut points: Vec<(f64, f64)> = (0..10_000)
            .map(|x| (f64::from(x), (f64::from(x) / 500.0).sin()))
            .collect();
        points[4321].1 = 50.0;
        let few = largest_triangle(&points, 100);
        assert_eq!(few.len(), 100);
        assert_eq!((few[0], few[99]), (points[0], points[9999]));
        assert!(few.contains(&(4321.0, 50.0)));
        assert!(few.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(largest_triangle(&points[..99], 100), points[..99]);
        assert_eq!(largest_triangle(&[], 0), []);
    }
}
