//! The functions of NVRTC, found at run time.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use seqformer_libtorch::find_symbol;

use super::{Compiled, Source};

/// A program of NVRTC, only ever used behind a pointer.
type Program = *mut c_void;
/// 0 is success.
type Status = c_int;

type Create = unsafe extern "C" fn(
    *mut Program,
    *const c_char,
    *const c_char,
    c_int,
    *const *const c_char,
    *const *const c_char,
) -> Status;
type Compile = unsafe extern "C" fn(Program, c_int, *const *const c_char) -> Status;
type GetSize = unsafe extern "C" fn(Program, *mut usize) -> Status;
type GetBytes = unsafe extern "C" fn(Program, *mut c_char) -> Status;
type Destroy = unsafe extern "C" fn(*mut Program) -> Status;
type ErrorText = unsafe extern "C" fn(Status) -> *const c_char;

/// The functions that are used; the library is never closed.
struct Functions {
    create: Create,
    compile: Compile,
    destroy: Destroy,
    log_size: GetSize,
    log: GetBytes,
    binary_size: GetSize,
    binary: GetBytes,
    error_text: ErrorText,
}

impl Functions {
    fn find(library: &Path) -> Result<Self, String> {
        let find = |name: &CStr| find_symbol(library, name);
        let (create, compile) = (find(c"nvrtcCreateProgram")?, find(c"nvrtcCompileProgram")?);
        let (log_size, log) = (find(c"nvrtcGetProgramLogSize")?, find(c"nvrtcGetProgramLog")?);
        let (binary_size, binary) = (find(c"nvrtcGetCUBINSize")?, find(c"nvrtcGetCUBIN")?);
        let (destroy, error_text) = (find(c"nvrtcDestroyProgram")?, find(c"nvrtcGetErrorString")?);
        Ok(Self {
            // SAFETY: the type is that of the function in `nvrtc.h`, for this and all below.
            create: unsafe { std::mem::transmute::<*mut c_void, Create>(create) },
            // SAFETY: as above.
            compile: unsafe { std::mem::transmute::<*mut c_void, Compile>(compile) },
            // SAFETY: as above.
            destroy: unsafe { std::mem::transmute::<*mut c_void, Destroy>(destroy) },
            // SAFETY: as above.
            log_size: unsafe { std::mem::transmute::<*mut c_void, GetSize>(log_size) },
            // SAFETY: as above.
            log: unsafe { std::mem::transmute::<*mut c_void, GetBytes>(log) },
            // SAFETY: as above.
            binary_size: unsafe { std::mem::transmute::<*mut c_void, GetSize>(binary_size) },
            // SAFETY: as above.
            binary: unsafe { std::mem::transmute::<*mut c_void, GetBytes>(binary) },
            // SAFETY: as above.
            error_text: unsafe { std::mem::transmute::<*mut c_void, ErrorText>(error_text) },
        })
    }

    fn check(&self, status: Status) -> Result<(), String> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: the function takes any number.
        let text = unsafe { (self.error_text)(status) };
        // SAFETY: it returns a static string that ends with a zero byte.
        Err(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    }

    /// The bytes that a pair of functions gives.
    fn bytes(&self, program: Program, size: GetSize, get: GetBytes) -> Result<Vec<u8>, String> {
        let mut length = 0;
        // SAFETY: the program is alive and `length` writable.
        self.check(unsafe { size(program, &raw mut length) })?;
        let mut bytes = vec![0_u8; length];
        // SAFETY: the program is alive, and there is room for as many bytes as it has just said.
        self.check(unsafe { get(program, bytes.as_mut_ptr().cast()) })?;
        Ok(bytes)
    }
}

/// See [`crate::nvrtc::compile`].
pub(crate) fn compile(
    library: &Path,
    source: Source,
    headers: &[Source],
    options: &[&str],
) -> Result<Compiled, String> {
    let functions = Functions::find(library)?;
    let text = |text: &str| CString::new(text).map_err(|_zero| "a zero byte".to_owned());
    let texts = |all: &[&str]| all.iter().map(|each| text(each)).collect::<Result<Vec<_>, _>>();
    let (name, code, options) = (text(source.name)?, text(source.text)?, texts(options)?);
    let names = texts(&headers.iter().map(|header| header.name).collect::<Vec<_>>())?;
    let codes = texts(&headers.iter().map(|header| header.text).collect::<Vec<_>>())?;
    let pointers = |texts: &[CString]| texts.iter().map(|text| text.as_ptr()).collect::<Vec<_>>();
    let (names, codes, options) =
        (pointers(&names), pointers(&codes), (pointers(&options), options));
    let mut program = std::ptr::null_mut();
    // SAFETY: all texts live through the call, which copies them, and there are as many as is said.
    functions.check(unsafe {
        (functions.create)(
            &raw mut program,
            code.as_ptr(),
            name.as_ptr(),
            codes.len() as c_int,
            codes.as_ptr(),
            names.as_ptr(),
        )
    })?;
    let compiled = run(&functions, program, &options.0);
    // SAFETY: the program is alive and not used again.
    functions.check(unsafe { (functions.destroy)(&raw mut program) })?;
    compiled
}

fn run(
    functions: &Functions,
    program: Program,
    options: &[*const c_char],
) -> Result<Compiled, String> {
    // SAFETY: the program is alive, and the options are as many as is said.
    let status = unsafe { (functions.compile)(program, options.len() as c_int, options.as_ptr()) };
    let log = functions.bytes(program, functions.log_size, functions.log)?;
    let log = String::from_utf8_lossy(&log).trim_end_matches('\0').trim().to_owned();
    functions.check(status).map_err(|error| format!("{error}: {log}"))?;
    let binary = functions.bytes(program, functions.binary_size, functions.binary)?;
    Ok(Compiled { binary, log })
}
