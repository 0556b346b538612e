// Shared libraries that are opened when they are needed, and the messages of all functions of the shim.
//
// Every function that can fail returns null, or a message made with `strdup` that the caller frees
// with `sf_free_message`. Shapes, kinds, devices and contiguity are checked in Rust before the call.

#include "guarded.h"

#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>

#define SF_API extern "C" __attribute__((visibility("default")))

// Opens a shared library for the whole process (RTLD_GLOBAL), as CUDA support needs it.
SF_API char *sf_open_library(const char *path) {
  return guarded([&] {
    if (dlopen(path, RTLD_NOW | RTLD_GLOBAL) == nullptr) {
      const char *why = dlerror();
      throw std::runtime_error(why ? why : "cannot be opened");
    }
  });
}

// Opens a shared library like `sf_open_library`, and finds a function in it.
SF_API char *sf_find_symbol(void **out, const char *library, const char *name) {
  return guarded([&] {
    void *handle = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
    *out = handle ? dlsym(handle, name) : nullptr;
    if (*out == nullptr) {
      const char *why = dlerror();
      throw std::runtime_error(why ? why : "cannot be opened");
    }
  });
}

SF_API void sf_free_message(char *message) { std::free(message); }
