//! A bounded cache: things are kept while they fit, and those not asked for lately go first.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A cache of shared values. Each has a weight; together they stay below a capacity.
#[derive(Debug)]
pub(crate) struct Shelf<K, V> {
    hasher: RandomState,
    shards: Box<[Mutex<Shard<K, V>>]>,
    capacity: usize,
}

#[derive(Debug)]
struct Shard<K, V> {
    places: HashMap<K, Place<V>>,
    /// Each key once, the next to be looked at first.
    order: VecDeque<K>,
    weight: usize,
}

#[derive(Debug)]
struct Place<V> {
    value: Arc<V>,
    weight: usize,
    /// Asked for since it was looked at last.
    used: bool,
}

impl<K: Hash + Eq + Clone, V> Shelf<K, V> {
    /// A shelf for a total weight, in so many parts with a lock each.
    pub(crate) fn new(capacity: usize, shards: usize) -> Shelf<K, V> {
        let shard = || Mutex::new(Shard { places: HashMap::new(), order: VecDeque::new(), weight: 0 });
        let shards = shards.max(1);
        Shelf {
            hasher: RandomState::new(),
            shards: std::iter::repeat_with(shard).take(shards).collect(),
            capacity: capacity / shards,
        }
    }

    /// The value of a key.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        let mut shard = self.shard(key)?;
        let place = shard.places.get_mut(key)?;
        place.used = true;
        Some(place.value.clone())
    }

    /// Keeps a value under a key, in place of an earlier one. What is heavier than a part of the shelf is not kept.
    pub(crate) fn put(&self, key: K, value: Arc<V>, weight: usize) {
        if weight > self.capacity {
            return;
        }
        let Some(mut shard) = self.shard(&key) else { return };
        let place = Place { value, weight, used: false };
        shard.weight += weight;
        match shard.places.insert(key.clone(), place) {
            Some(earlier) => shard.weight -= earlier.weight,
            None => shard.order.push_back(key),
        }
        shard.make_room(self.capacity);
    }

    /// Lets go of what was not asked for since the last call, and of what `keep` is against.
    pub(crate) fn tidy(&self, keep: impl Fn(&V) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let shard = &mut *shard;
            shard.places.retain(|_, place| {
                let stays = std::mem::take(&mut place.used) && keep(&place.value);
                shard.weight -= if stays { 0 } else { place.weight };
                stays
            });
            shard.order.retain(|key| shard.places.contains_key(key));
        }
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> Option<MutexGuard<'_, Shard<K, V>>> {
        let hash = self.hasher.hash_one(key) as usize;
        let shard = self.shards.get(hash % self.shards.len())?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Hash + Eq, V> Shard<K, V> {
    /// Takes things off, oldest first; what was used since gets another round.
    fn make_room(&mut self, capacity: usize) {
        while self.weight > capacity {
            let Some(key) = self.order.pop_front() else { return };
            match self.places.get_mut(&key) {
                Some(place) if place.used => {
                    place.used = false;
                    self.order.push_back(key);
                }
                Some(place) => {
                    self.weight -= place.weight;
                    self.places.remove(&key);
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_weight_is_bounded() {
        let shelf: Shelf<u32, u32> = Shelf::new(100, 1);
        for key in 0..50 {
            shelf.put(key, Arc::new(key), 10);
            shelf.get(&0);
        }
        assert_eq!(shelf.get(&0).as_deref(), Some(&0));
        assert_eq!(shelf.get(&49).as_deref(), Some(&49));
        assert_eq!((0..50).filter(|key| shelf.get(key).is_some()).count(), 10);
    }

    #[test]
    fn tidying_lets_go_of_what_nobody_asked_for() {
        let shelf: Shelf<u32, u32> = Shelf::new(100, 2);
        for key in 0..4 {
            shelf.put(key, Arc::new(key), 10);
        }
        shelf.get(&1);
        shelf.get(&2);
        shelf.tidy(|&value| value != 2);
        assert_eq!((0..4).filter(|key| shelf.get(key).is_some()).collect::<Vec<_>>(), [1]);
        shelf.put(3, Arc::new(7), 10);
        assert_eq!(shelf.get(&3).as_deref(), Some(&7));
    }

    #[test]
    fn a_newer_value_takes_the_place() {
        let shelf: Shelf<u32, u32> = Shelf::new(100, 1);
        for value in 0..1000 {
            shelf.put(1, Arc::new(value), 60);
        }
        assert_eq!(shelf.get(&1).as_deref(), Some(&999));
        shelf.put(2, Arc::new(0), 101);
        assert!(shelf.get(&2).is_none());
    }
}
