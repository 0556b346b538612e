use super::*;
use crate::kernels::modules::{
    ATTENTION_BACKWARD, ATTENTION_FORWARD, DYNAMIC_MASKS, HEADERS, NORMALIZE_FRAMES, PACK_MASKS,
};

/// Whether NVRTC is here. A build of torch for the CPU has none, which CI does not take for an answer.
fn is_here() -> bool {
    let Err(reason) = library() else { return true };
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!is_ci, "{reason}");
    eprintln!("skipped: {reason}");
    false
}

#[test]
fn every_kernel_compiles_without_a_warning_and_keeps_its_numbers_in_registers() {
    if !is_here() {
        return;
    }
    let modules =
        [&ATTENTION_FORWARD, &ATTENTION_BACKWARD, &DYNAMIC_MASKS, &PACK_MASKS, &NORMALIZE_FRAMES];
    for architecture in [80, 90] {
        for module in modules {
            let name = module.source.name;
            let compiled = compile(module.source, &HEADERS, architecture).unwrap();
            assert!(compiled.binary.starts_with(b"\x7fELF"), "{name} is no binary");
            let log = &compiled.log;
            let words = log.lines().filter(|line| !line.starts_with("ptxas"));
            assert_eq!(words.collect::<String>(), "", "{name} for sm_{architecture}");
            let found: Vec<&str> = log
                .lines()
                .filter_map(|line| {
                    line.split_once("Compiling entry function '")?.1.split('\'').next()
                })
                .collect();
            for kernel in module.kernels {
                assert!(found.contains(kernel), "{kernel} is not in {name}: {found:?}");
            }
            assert_eq!(found.len(), module.kernels.len(), "{name} has kernels that are not named");
            let without_spills = log.matches("0 bytes spill stores, 0 bytes spill loads").count();
            assert_eq!(without_spills, found.len(), "{name} for sm_{architecture}: {log}");
        }
    }
}

#[test]
fn what_does_not_compile_is_an_error_with_the_compilers_words() {
    if !is_here() {
        return;
    }
    let source = Source { name: "wrong.cu", text: "__global__ void kernel() { undeclared(); }" };
    let message = compile(source, &[], 90).unwrap_err();
    assert!(message.contains("wrong.cu(1)") && message.contains("undeclared"), "{message}");
    let message = compile(ATTENTION_FORWARD.source, &HEADERS, 1).unwrap_err();
    assert!(message.contains("gpu-architecture"), "{message}");
}
