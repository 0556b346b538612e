// Blocks between pages that nobody may touch; see guarded_pool.cpp.

#pragma once

#include <cstddef>

// A block that begins at a multiple of 64 bytes; null when the system has no more memory.
void *guarded_allocate(size_t bytes);

// Takes a block back; false for what is no block of this pool. Ends the process if something was written beside it.
bool guarded_free(void *block);
