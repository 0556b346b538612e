use seqformer_kernels::Element;
use seqformer_kernels::plain::PlainProducts;

use super::*;

#[test]
fn work_is_shared_by_libtorchs_threads() {
    let threads = std::sync::Mutex::new(std::collections::HashSet::new());
    tch::set_num_threads(2);
    TorchThreads.parallel_for(2, 1, &|_| {
        threads.lock().unwrap().insert(std::thread::current().id());
    });
    assert_eq!(threads.into_inner().unwrap().len(), 2);
}

/// Numbers between -1 and 1 that follow from their place.
fn numbers<T: Element>(count: usize, seed: usize) -> Vec<T> {
    (0..count).map(|i| T::from_f32((((i + seed) * 7919) % 2003) as f32 / 1001.0 - 1.0)).collect()
}

fn check<T: Factor>([rows, columns, depth]: [usize; 3], gaps: usize) {
    let shape = BlockShape {
        rows,
        columns,
        depth,
        a_stride: depth + gaps,
        b_stride: columns,
        c_stride: columns + gaps,
    };
    let (a, b) = (numbers::<T>(rows * shape.a_stride, 1), numbers::<T>(depth * columns, 2));
    for add in [false, true] {
        let product = BlockProduct { shape, a: &a, b: &b, add };
        let mut found = numbers::<f32>(rows * shape.c_stride, 3);
        let mut expected = found.clone();
        if !T::multiply(&OneDnn, &product, &mut found) {
            return;
        }
        assert!(T::multiply(&PlainProducts, &product, &mut expected));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4, "{shape:?}: {found} for {expected}");
        }
        T::end_products(&OneDnn);
    }
}

#[test]
fn products_of_blocks_are_those_of_plain_loops() {
    for size in [[1, 64, 2], [64, 64, 256], [32, 320, 32], [17, 128, 38]] {
        for gaps in [0, 6] {
            check::<f32>(size, gaps);
            check::<Bf16>(size, gaps);
        }
    }
}

#[test]
#[should_panic = "the left factor is that large"]
fn a_block_that_is_too_short_is_not_read() {
    let shape = BlockShape { rows: 2, columns: 1, depth: 2, a_stride: 2, b_stride: 1, c_stride: 1 };
    let product = BlockProduct { shape, a: &[1.0; 3], b: &[1.0; 2], add: false };
    let _done = OneDnn.multiply_f32(&product, &mut [0.0; 2]);
}

#[test]
fn the_variable_lowers_the_instruction_set() {
    if let Ok(name) = std::env::var(INSTRUCTION_SET_VARIABLE) {
        assert_eq!(machine().set.name(), name);
        return;
    }
    assert_eq!(machine().set, fastest_set());
    for set in InstructionSet::available() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "machine::tests::the_variable_lowers_the_instruction_set"])
            .env(INSTRUCTION_SET_VARIABLE, set.name())
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{}", set.name());
    }
}

#[test]
fn an_instruction_set_that_is_not_there_is_named_with_those_that_are() {
    assert_eq!(chosen_set(""), Ok(fastest_set()));
    assert_eq!(chosen_set("baseline"), Ok(InstructionSet::BASELINE));
    let expected = chosen_set("sse9").unwrap_err();
    assert!(expected.contains("baseline"), "{expected}");
}
