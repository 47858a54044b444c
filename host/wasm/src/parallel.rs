//! Does the same to several things at once, on as many threads as there are processors.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

/// Stack of a worker, in bytes; the deepest guest stack and the compiler fit in it.
const STACK: usize = 8 << 20;

/// Applies a function to every item; the results keep the order. One item, or none, needs no thread.
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    if items.len() < 2 {
        return items.into_iter().map(work).collect();
    }
    let workers = std::thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(items.len());
    let total = items.len();
    let waiting = Mutex::new(items.into_iter().enumerate());
    let results = Mutex::new(Vec::with_capacity(total));
    let run = || {
        loop {
            let next = lock(&waiting).next();
            let Some((position, item)) = next else { break };
            let result = work(item);
            lock(&results).push((position, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..workers {
            // Where no thread can be had, this one does the work.
            drop(
                std::thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, run),
            );
        }
        run();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(position, _)| *position);
    results.into_iter().map(|(_, result)| result).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_keep_their_order() {
        let doubled = super::map((0..100).collect(), |number: u32| number * 2);
        assert_eq!(
            doubled,
            (0..100).map(|number| number * 2).collect::<Vec<_>>()
        );
        assert!(super::map(Vec::new(), |number: u32| number).is_empty());
    }
}
