//! Scales and their ticks: from values to places, pure.

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Linear,
    Log,
}

/// From values between `low` and `high` to `0.0..=1.0`.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    pub kind: Kind,
    pub low: f64,
    pub high: f64,
}

impl Axis {
    /// That shows all of these values; from 0 where linear, whole decades' halves where logarithmic.
    pub fn of(kind: Kind, values: impl IntoIterator<Item = f64>) -> Axis {
        let (low, high) = values
            .into_iter()
            .filter(|value| value.is_finite() && (kind == Kind::Linear || *value > 0.0))
            .fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high) = if low > high { (1.0, 10.0) } else { (low, high) };
        match kind {
            Kind::Linear => Axis {
                kind,
                low: 0.0,
                high: if high > 0.0 { high * 1.05 } else { 1.0 },
            },
            Kind::Log => {
                let low = 10f64.powf((low.log10() * 2.0).floor() / 2.0);
                let high = 10f64.powf((high.log10() * 2.0).ceil() / 2.0);
                Axis {
                    kind,
                    low,
                    high: if high > low { high } else { low * 10.0 },
                }
            }
        }
    }

    pub fn place(&self, value: f64) -> f64 {
        let place = match self.kind {
            Kind::Linear => (value - self.low) / (self.high - self.low),
            Kind::Log => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        };
        place.clamp(0.0, 1.0)
    }

    /// Round values between the ends: 1, 2, 5 times a power of ten.
    pub fn ticks(&self) -> Vec<f64> {
        match self.kind {
            Kind::Linear => {
                let rough = (self.high - self.low) / 5.0;
                let power = 10f64.powf(rough.log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0]
                    .into_iter()
                    .find(|factor| factor * power >= rough)
                    .unwrap_or(10.0)
                    * power;
                let count = (self.high / step).floor() as usize;
                (0..=count).map(|index| index as f64 * step).collect()
            }
            Kind::Log => {
                let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
                let few = (self.high / self.low).log10() <= 3.0;
                let factors: &[f64] = if few { &[1.0, 2.0, 5.0] } else { &[1.0] };
                let all = decades.flat_map(|decade| factors.iter().map(move |factor| factor * 10f64.powi(decade)));
                all.filter(|tick| (self.low * 0.999..=self.high * 1.001).contains(tick))
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let linear = Axis::of(Kind::Linear, [3.0, 1900.0]);
        assert_eq!(linear.ticks(), [0.0, 500.0, 1000.0, 1500.0]);
        let log = Axis::of(Kind::Log, [0.3, 40.0]);
        assert_eq!((log.low, log.high), (10f64.powf(-1.0), 100.0));
        let ticks: Vec<String> = log.ticks().iter().map(|tick| format!("{tick:.1}")).collect();
        assert_eq!(
            ticks,
            [
                "0.1", "0.2", "0.5", "1.0", "2.0", "5.0", "10.0", "20.0", "50.0", "100.0"
            ]
        );
    }

    #[test]
    fn places_are_in_order_and_inside() {
        for kind in [Kind::Linear, Kind::Log] {
            let axis = Axis::of(kind, [0.5, 8.0]);
            let places: Vec<f64> = [0.0, 0.5, 1.0, 8.0, 100.0].map(|value| axis.place(value)).into();
            assert!(places.is_sorted() && places[0] == 0.0 && places[4] == 1.0, "{places:?}");
        }
        // Nothing to show is no reason to fail.
        assert!(!Axis::of(Kind::Log, []).ticks().is_empty());
    }
}
