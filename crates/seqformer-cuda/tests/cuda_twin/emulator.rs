//! The program that runs the kernels on the CPU: compiled once for each kind of GPU, called with files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tch::{Kind, Tensor};

/// Where buffers lie between the pages that nobody may touch; see `Placement` in `buffers.h`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Placement {
    AtEnd,
    AtStart,
    NotAligned,
}

/// The kinds of GPU that a kernel has code of its own for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gpu {
    Ampere,
    Hopper,
}

/// What is asked of the emulator: numbers and buffers in the order in which `main.cpp` reads them.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    kind: &'static str,
    bytes: Vec<u8>,
}

impl Request {
    pub(crate) fn new(kind: &'static str, placement: Placement) -> Self {
        Self { kind, bytes: (placement as i64).to_le_bytes().to_vec() }
    }

    pub(crate) fn numbers(mut self, numbers: &[i64]) -> Self {
        self.bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        self
    }

    /// The memory of a tensor in the order of its storage, which must be dense, or no buffer.
    pub(crate) fn buffer(self, tensor: Option<&Tensor>) -> Self {
        let Some(tensor) = tensor else { return self.numbers(&[-1]) };
        let bytes = bytes_of(tensor);
        let mut request = self.numbers(&[bytes.len() as i64]);
        request.bytes.extend(bytes);
        request
    }

    /// Runs it; the answer's bytes.
    pub(crate) fn run(&self, gpu: Gpu) -> Result<Vec<u8>, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let file = |name: &str| folder().join(format!("{name}-{}-{number}", std::process::id()));
        let (request, answer) = (file("request"), file("answer"));
        std::fs::write(&request, &self.bytes).expect("the folder for tests can be written");
        let program = program(gpu);
        let done = Command::new(program).arg(self.kind).arg(&request).arg(&answer).output();
        let done = done.expect("the emulator can be started");
        let bytes = std::fs::read(&answer);
        drop((std::fs::remove_file(&request), std::fs::remove_file(&answer)));
        if !done.status.success() {
            return Err(format!("{}: {}", done.status, String::from_utf8_lossy(&done.stderr)));
        }
        Ok(bytes.expect("a run that ends well leaves an answer"))
    }
}

/// Takes tensors out of an answer, one behind the other.
pub(crate) fn split(answer: &[u8], tensors: &[(&[i64], Kind)]) -> Vec<Tensor> {
    let mut rest = answer;
    let split = tensors.iter().map(|&(size, kind)| {
        let length = size.iter().product::<i64>() as usize * kind.elt_size_in_bytes();
        let (bytes, behind) = rest.split_at(length);
        rest = behind;
        Tensor::from_data_size(bytes, size, kind)
    });
    let tensors = split.collect();
    assert!(rest.is_empty(), "{} bytes more than expected", rest.len());
    tensors
}

fn bytes_of(tensor: &Tensor) -> Vec<u8> {
    let tensor = tensor.detach().contiguous();
    let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    bytes
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn program(gpu: Gpu) -> &'static Path {
    static AMPERE: OnceLock<PathBuf> = OnceLock::new();
    static HOPPER: OnceLock<PathBuf> = OnceLock::new();
    match gpu {
        Gpu::Ampere => AMPERE.get_or_init(|| compile("800")),
        Gpu::Hopper => HOPPER.get_or_init(|| compile("900")),
    }
}

fn compile(architecture: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = package.join("tests/cuda_emulator/main.cpp");
    let program = folder().join(format!("cuda-emulator-{architecture}"));
    let unfinished = program.with_extension(std::process::id().to_string());
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let done = Command::new(&compiler)
        .args(["-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wno-unknown-pragmas"])
        .arg(format!("-D__CUDA_ARCH__={architecture}"))
        .arg("-I")
        .arg(package.join("../seqformer-libtorch/cpp"))
        .arg(&source)
        .arg("-o")
        .arg(&unfinished)
        .output()
        .unwrap_or_else(|error| panic!("{compiler} compiles the crate, so it is here: {error}"));
    let words = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "the kernels do not compile: {words}");
    std::fs::rename(&unfinished, &program).expect("the folder for tests can be written");
    program
}
