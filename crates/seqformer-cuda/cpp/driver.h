// Functions of CUDA's driver, found when they are first used: nothing here is linked against the driver, which many machines
// lack. Modules and launches go through it because the runtime of CUDA 12.6 cannot load a binary.

#pragma once

#include <c10/cuda/CUDAException.h>
#include <cuda.h>
#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace seqformer {

// The functions that load and launch kernels; all of them exist in every driver for CUDA 12 and later.
struct Driver {
  decltype(&cuCtxGetCurrent) context_get_current;
  decltype(&cuModuleLoadData) module_load_data;
  decltype(&cuModuleGetFunction) module_get_function;
  decltype(&cuFuncGetAttribute) func_get_attribute;
  decltype(&cuLaunchKernel) launch_kernel;
  decltype(&cuGetErrorString) get_error_string;

  static const Driver &get() {
    static const Driver driver;
    return driver;
  }

  // Throws with the driver's message.
  void check(CUresult result) const {
    if (result == CUDA_SUCCESS) return;
    const char *text = nullptr;
    if (get_error_string(result, &text) != CUDA_SUCCESS || text == nullptr) text = "unknown error";
    throw std::runtime_error(std::string("CUDA driver error: ") + text);
  }

  // Makes the context of the runtime current on this thread. Functions of the runtime do so by themselves, those of the
  // driver do not; without a context there is no capture, which the call of the runtime would break.
  void enter_context() const {
    CUcontext context = nullptr;
    check(context_get_current(&context));
    if (context == nullptr) C10_CUDA_CHECK(cudaFree(nullptr));
  }

private:
  Driver() {
    find(context_get_current, "cuCtxGetCurrent");
    find(module_load_data, "cuModuleLoadData");
    find(module_get_function, "cuModuleGetFunction");
    find(func_get_attribute, "cuFuncGetAttribute");
    find(launch_kernel, "cuLaunchKernel");
    find(get_error_string, "cuGetErrorString");
  }

  template <typename Function> static void find(Function &function, const char *name) {
    constexpr unsigned kVersion = 12000;
    void *found = nullptr;
    auto status = cudaDriverEntryPointSymbolNotFound;
    C10_CUDA_CHECK(cudaGetDriverEntryPointByVersion(name, &found, kVersion, cudaEnableDefault, &status));
    if (status != cudaDriverEntryPointSuccess || found == nullptr) {
      throw std::runtime_error(std::string("the NVIDIA driver has no function ") + name + ": update it");
    }
    function = reinterpret_cast<Function>(found);
  }
};

} // namespace seqformer
