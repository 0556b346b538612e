// No exception crosses the C ABI: a failure is a message made with `strdup`, and null is success.

#pragma once

#include <c10/util/Exception.h>

#include <cstring>
#include <exception>

template <typename F> inline char *guarded(F &&body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const c10::Error &e) {
    return strdup(e.what_without_backtrace());
  } catch (const std::exception &e) {
    return strdup(e.what());
  } catch (...) {
    return strdup("unknown C++ exception");
  }
}
