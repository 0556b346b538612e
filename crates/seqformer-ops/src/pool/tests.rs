use super::*;

const MIB: usize = 1 << 20;

/// Addresses that nobody reads, up to a limit.
struct Counted {
    next: usize,
    mapped: HashMap<usize, usize>,
    limit: usize,
}

impl Counted {
    fn bytes(&self) -> usize {
        self.mapped.values().sum()
    }
}

impl Pages for Counted {
    fn map(&mut self, bytes: usize) -> Option<usize> {
        if self.bytes() + bytes > self.limit {
            return None;
        }
        self.next += bytes;
        self.mapped.insert(self.next, bytes);
        Some(self.next)
    }

    fn unmap(&mut self, address: usize, bytes: usize) {
        assert_eq!(
            self.mapped.remove(&address),
            Some(bytes),
            "a block is unmapped as it was mapped"
        );
    }
}

fn pool(limit: usize) -> Pool<Counted> {
    Pool::new(Counted { next: 0, mapped: HashMap::new(), limit })
}

#[test]
fn a_freed_block_serves_the_next_of_about_its_size() {
    let mut pool = pool(usize::MAX);
    let first = pool.allocate(16 * MIB).unwrap();
    assert!(pool.free(first));
    assert_eq!(pool.allocate(15 * MIB), Some(first));
    assert!(pool.free(first) && !pool.free(first));
    let smaller = pool.allocate(4 * MIB).unwrap();
    assert_ne!(smaller, first, "a block is not lent for a quarter of it");
}

#[test]
fn what_is_mapped_is_bounded_by_what_was_lent_at_once() {
    let mut pool = pool(usize::MAX);
    let (mut lent, mut random) = (Vec::new(), 1_u64);
    let (mut most, mut bytes) = (0, 0);
    for _ in 0..5000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let draw = (random >> 33) as usize;
        if lent.len() < 20 && draw.is_multiple_of(2) {
            let size = MIB + draw % (64 * MIB);
            lent.push(pool.allocate(size).unwrap());
        } else if !lent.is_empty() {
            assert!(pool.free(lent.swap_remove(draw % lent.len())));
        }
        bytes = lent.iter().map(|address| pool.pages.mapped[address]).sum();
        most = most.max(bytes);
        assert!(pool.pages.bytes() <= most + spare(most), "{} of {most}", pool.pages.bytes());
    }
    assert_eq!(pool.lent_bytes, bytes);
    assert_eq!(pool.pages.bytes(), pool.lent_bytes + pool.kept_bytes);
    assert!(lent.iter().collect::<BTreeSet<_>>().len() == lent.len(), "no block is lent twice");
}

#[test]
fn kept_blocks_give_way_when_the_system_has_no_more() {
    let mut pool = pool(10 * MIB);
    let first = pool.allocate(6 * MIB).unwrap();
    assert!(pool.free(first));
    let other = pool.allocate(8 * MIB).unwrap();
    assert_eq!(pool.allocate(4 * MIB), None);
    assert!(pool.free(other));
    assert!(pool.allocate(8 * MIB).is_some());
    assert_eq!(pool.allocate(usize::MAX), None);
}

#[test]
fn tensors_live_in_the_pool() {
    use tch::{Device, Kind, Tensor};
    crate::runtime::keep_freed_memory();
    let sum = |tensor: &Tensor| tensor.sum(Kind::Double).double_value(&[]);
    let large = Tensor::ones([1 << 20], (Kind::Float, Device::Cpu));
    let alignment = if crate::runtime::is_guarded() { 64 } else { 4096 };
    assert_eq!(large.data_ptr().addr() % alignment, 0);
    let other = std::thread::Builder::new().name("other".to_owned());
    let moved = other.spawn(move || &large + 1.0).unwrap().join().unwrap();
    assert_eq!(sum(&moved), f64::from(2 << 20));
    let mut grown = Tensor::zeros([3], (Kind::Float, Device::Cpu));
    let _same = grown.resize_([1 << 19]);
    assert_eq!(grown.fill_(1.0).sum(Kind::Double).double_value(&[]), f64::from(1 << 19));
    let _same = grown.resize_([0]);
    assert_eq!(grown.numel(), 0);
}
