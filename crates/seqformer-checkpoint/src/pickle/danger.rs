//! Names that make a pickle an attack.
//!
//! Nothing is ever called. `pth` and `pkl` know the few names that build tensors; any other object is skipped. This
//! list only decides between "skipped" and "refused". It contains what no honest checkpoint refers to: the operating
//! system, the interpreter, other unpicklers.

/// Modules of which every name is refused, including all submodules.
const MODULES: &[&str] = &[
    "_pickle",
    "_posixsubprocess",
    "_winapi",
    "asyncio",
    "bdb",
    "cProfile",
    "cloudpickle",
    "code",
    "codeop",
    "ctypes",
    "dill",
    "ensurepip",
    "ftplib",
    "http",
    "importlib",
    "imp",
    "joblib",
    "linecache",
    "marshal",
    "multiprocessing",
    "nt",
    "ntpath",
    "operator",
    "_operator",
    "os",
    "pdb",
    "pickle",
    "pip",
    "pkgutil",
    "popen2",
    "posix",
    "posixpath",
    "pty",
    "runpy",
    "shelve",
    "shutil",
    "signal",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "timeit",
    "urllib",
    "urllib2",
    "venv",
    "webbrowser",
    "zipimport",
];

/// Builtins that construct plain values; all others are refused.
const SAFE_BUILTINS: &[&str] = &[
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "long",
    "object",
    "range",
    "set",
    "slice",
    "str",
    "tuple",
    "unicode",
    "xrange",
    "Ellipsis",
    "NotImplemented",
];

/// Functions that execute or load other code.
const FUNCTIONS: &[&str] = &[
    "torch.load",
    "torch.save",
    "torch.hub.load",
    "torch.jit.load",
    "torch.serialization.load",
    "torch.utils.model_zoo.load_url",
    "numpy.load",
    "numpy.testing._private.utils.runstring",
    "numpy.testing.utils.runstring",
];

/// Components of dotted names: attributes lead from any module to everything.
const PARTS: &[&str] = &[
    ".os.",
    ".sys.",
    ".subprocess.",
    ".builtins.",
    "__globals__",
    "__builtins__",
    "__import__",
    "__subclasses__",
    "__getattribute__",
];

/// True if calling `name` (module and name joined by a full stop) could do harm.
pub(super) fn is_dangerous(name: &str) -> bool {
    let is_in = |module: &str| name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'));
    for builtins in ["builtins.", "__builtin__.", "__builtins__."] {
        if let Some(builtin) = name.strip_prefix(builtins) {
            return !SAFE_BUILTINS.contains(&builtin) && !is_exception(builtin);
        }
    }
    MODULES.iter().any(|module| is_in(module))
        || FUNCTIONS.contains(&name)
        || PARTS.iter().any(|part| name.contains(part))
}

/// Exceptions are plain values that training states may contain.
fn is_exception(builtin: &str) -> bool {
    builtin.ends_with("Error") || builtin.ends_with("Exception") || builtin.ends_with("Warning")
}
