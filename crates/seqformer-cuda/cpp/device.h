// Shared by the files of this folder.

#pragma once

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "guarded.h"

#define SF_API extern "C" __attribute__((visibility("default")))

namespace seqformer {

inline c10::DeviceIndex device_index(int device) { return static_cast<c10::DeviceIndex>(device); }

} // namespace seqformer
